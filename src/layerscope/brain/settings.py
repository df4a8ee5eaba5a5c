"""The file of a comparison with brains: which network, which stimuli, which brains, and how.

It is no study: nothing is trained. `layerscope brain FILE.toml` reads one; the options of
`layerscope brain RUN ...` make the same settings.
"""

import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from layerscope.errors import LayerscopeError
from layerscope.mistakes import allowed
from layerscope.paths import expanded
from layerscope.study import checked


def _located(given: Any, info: ValidationInfo) -> Any:
    """Expand ~ and variables in a path; a relative one is relative to the file it stands in."""
    if not isinstance(given, str | os.PathLike):
        return given
    text = expanded(os.fspath(given))
    return os.path.normpath(os.path.join((info.context or {}).get("folder", ""), text))


Place = Annotated[Path, BeforeValidator(_located)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NetworkSettings(_Section):
    """Name a network: a run, a pretrained network, or a function of the user's.

    >>> NetworkSettings(pretrained="squeezenet1_0", weights="weights.npz").size
    224
    """

    run: Place | None = None
    pretrained: str | None = None
    weights: Place | None = None
    """Of a pretrained network."""
    model: str | None = None
    """FILE:FUNCTION, which returns a torch.nn.Module."""
    size: int = Field(default=224, ge=1)
    """Of `model`: the side of its input in pixels."""
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    """Of `model`: what its input has subtracted, per channel, pixels being 0..1."""
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    """Of `model`: what its input is divided by."""
    output: int | str | None = None
    """Of `model`: which of several outputs are the logits."""
    layers: str | tuple[str, ...] | None = None
    """A kind, a name or a list; where none are named, every convolution and linear layer."""

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        named = [key for key in ("run", "pretrained", "model") if getattr(self, key) is not None]
        if len(named) != 1:
            raise ValueError(
                f"name one network, as run, pretrained or model; {' and '.join(named) or 'none'} "
                f"{'are' if named else 'is'} given"
            )
        if self.weights is not None and self.pretrained is None:
            raise ValueError("weights are those of a pretrained network")
        return self


class BrainSettings(_Section):
    """Say which stimuli were shown, what the brains answered, and how they are compared."""

    stimuli: Place
    """The folder of the images, in the order of their names or of the table's column `file`."""
    table: Place | None = None
    """A CSV with a row for each stimulus; None: stimuli.csv in the folder or beside it."""
    category: tuple[str, ...] = ()
    """Columns of the table that are category models; () takes its second column."""
    rdm: Place | None = None
    """An npz of RDMs `(stimulus, stimulus)` or `(rdm, stimulus, stimulus)`."""
    key: str | None = None
    """Which array of `rdm`; it may be left out where there is one only."""
    sessions: int | None = Field(default=None, ge=1)
    """So many RDMs in a row are one subject's; None: as their names say, else 1."""
    estimators: tuple[Literal["per-subject", "group-mean"], ...] = ("per-subject",)
    """Each has a table and a figure of its own: their numbers are never to be put side by side."""
    responses: Place | None = None
    """An npz of single responses: `responses`, and `times` for time-resolved RSA."""
    width: float = Field(default=0.05, gt=0)
    """Of a window of time-resolved RSA, in seconds."""
    folds: int = Field(default=5, ge=3)
    """Parts of the stimuli that encoding models tell, each once."""
    distance: Literal["correlation", "euclidean"] = "correlation"
    comparison: Literal["spearman", "tau-a"] = "spearman"
    draws: int = Field(default=1000, ge=0)
    """Of the bootstrap."""
    over: Literal["both", "stimuli", "subjects"] = "both"
    """What the bootstrap draws."""
    seed: int = Field(default=0, ge=0)
    """Of the bootstrap and of the untrained twin."""


class BoldSettings(_Section):
    """Say which fMRI volumes are decoded, by which labels, and which runs are held out."""

    file: Place
    """An npz of `X` "volume voxel", `label` and `run`, one for each volume."""
    rest: str | None = "rest"
    """The label of volumes without a stimulus, which are left out."""
    lag: int = Field(default=0, ge=0)
    """Volumes by which the response comes after its label."""
    permutations: int = Field(default=1000, ge=0)
    """Of the categories' names within a run, for each p."""
    models: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Category models of the RDM: a name, and the categories that are of it; others are not."""
    seed: int = Field(default=0, ge=0)


class BrainStudy(_Section):
    """Say what is compared; `network` with `brain`, or `bold` alone.

    >>> BrainStudy(name="haxby", bold=BoldSettings(file="haxby.npz")).bold.rest
    'rest'
    """

    name: str = "brain"
    network: NetworkSettings | None = None
    against: NetworkSettings | None = None
    """A second network, which is compared with the first, layer by layer."""
    brain: BrainSettings | None = None
    bold: BoldSettings | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.bold is not None and (self.network or self.brain or self.against):
            raise ValueError("[bold] stands alone: put layers and brains in a file of their own")
        if self.bold is None and (self.network is None or self.brain is None):
            raise ValueError("give [network] and [brain], or [bold]")
        return self

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read and check a file; paths in it are relative to it.

        Raises:
            LayerscopeError: one message that names every mistake.

        """
        return checked(cls, path)

    @classmethod
    def asked(cls, **given: Any) -> Self:
        """Make settings of what the command line was given.

        Raises:
            LayerscopeError: a value that is not allowed.

        """
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            told = [_told(dict(detail)) for detail in error.errors()]
            raise LayerscopeError("; ".join(told)) from None


def _told(detail: dict[str, Any]) -> str:
    """Say which value is wrong and what is allowed."""
    reason = allowed(detail, detail["input"])
    if isinstance(detail["input"], dict | BaseModel):
        return reason
    return f"{detail['loc'][-1] if detail['loc'] else ''} = {detail['input']!r}: {reason}"
