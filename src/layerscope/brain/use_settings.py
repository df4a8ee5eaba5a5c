"""The `[brain]` section of a study: how it is asked what a network uses of its recordings."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

Hertz = Annotated[float, Field(ge=0, le=100_000)]


class UseSettings(BaseModel):
    """Say which bands, layers and nulls `layerscope brain RUN` takes.

    >>> UseSettings(bands={"flicker": (18, 22)}).bands
    {'flicker': (18.0, 22.0)}
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    bands: dict[str, tuple[Hertz, Hertz]] = Field(default_factory=dict)
    """Names and limits (Hz), the upper one excluded; cut at Nyquist and the passband. None: delta
    1 to 4, theta 4 to 8, alpha 8 to 13, beta 13 to 30, gamma 30 to 100."""
    passband: tuple[Hertz, Hertz] | None = None
    """What the recordings' filter lets through (Hz); None: data.recordings.l_freq and h_freq."""
    layers: str | tuple[str, ...] = "conv"
    """A kind ("conv", "all", ...), a layer's name, or a list."""
    units: int = Field(default=16, ge=1)
    """Units of a layer that are followed one by one: those through which most passes."""
    epochs: int = Field(default=100, ge=2)
    """Epochs of each class whose gradients are taken, at most; swapping takes all."""
    twins: int = Field(default=5, ge=0, le=1000)
    """Networks trained as this one on shuffled labels."""
    draws: int = Field(default=100, ge=2)
    """How often each epoch's band is swapped for another's."""
    permutations: int = Field(default=1000, ge=19)
    """Of the labels, within recordings."""
    window: float | None = Field(default=None, gt=0)
    """Length (s) of the windows in which relevance is summed; None: a 20th of the epoch."""
    alpha: float = Field(default=0.05, gt=0, lt=1)
    """What a p value must be below to be told."""
    seed: int = Field(default=0, ge=0, lt=2**32)

    @field_validator("bands")
    @classmethod
    def _rise(cls, bands: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
        for name, (low, high) in bands.items():
            if low >= high:
                raise ValueError(f"{name} = [{low:g}, {high:g}]: the lower frequency comes first")
        return bands

    @field_validator("passband")
    @classmethod
    def _rises(cls, passband: tuple[float, float] | None) -> tuple[float, float] | None:
        if passband is not None and passband[0] >= passband[1]:
            raise ValueError("the lower frequency comes first, as in [1, 45]")
        return passband
