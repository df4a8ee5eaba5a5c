"""The `[model]` section of a study: which network, and how it is built from that."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import nn

from layerscope.errors import LayerscopeError
from layerscope.nets.eeg import deep_eeg, eegnet, shallow_eeg
from layerscope.nets.study import study_1d, study_2d, study_mnist

_PRESETS: dict[str, Any] = {
    "study-2d": study_2d,
    "study-1d": study_1d,
    "study-mnist": study_mnist,
    "shallow-eeg": shallow_eeg,
    "deep-eeg": deep_eeg,
    "eegnet": eegnet,
}
_PICTURES = ("study-2d", "study-mnist")
_EEG = ("shallow-eeg", "deep-eeg", "eegnet")  # whose papers fix blocks and channels


class ModelSettings(BaseModel):
    """Name a preset and what differs from it; None keeps the preset's.

    `blocks` and `channels` are of the study's family. `initialisation`: "he" stands for the
    preset's own, which is He's for the study's family and Glorot's for the networks of recordings.

    >>> ModelSettings(preset="study-mnist").blocks is None
    True
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: Literal["study-2d", "study-1d", "study-mnist", "shallow-eeg", "deep-eeg", "eegnet"] = (
        "study-2d"
    )
    blocks: int | None = Field(default=None, ge=1, le=16)
    channels: int | None = Field(default=None, ge=1, le=1024)
    dropout: float | None = Field(default=None, ge=0, lt=1)
    initialisation: Literal["he", "torch"] = "he"

    @model_validator(mode="after")
    def _as_published(self) -> "ModelSettings":
        for name in ("blocks", "channels"):
            if self.preset in _EEG and getattr(self, name) is not None:
                raise ValueError(f'{name}: preset = "{self.preset}" has its paper\'s, leave it out')
        return self


def build(
    settings: ModelSettings, input_shape: tuple[int, ...], classes: Sequence[str]
) -> nn.Module:
    """Build the network that `[model]` asks for; its weights are drawn from torch's generator.

    `input_shape` is one example's, without the batch: `"channel y x"` or `"channel time"`.

    Raises:
        LayerscopeError: the preset does not take an input of this shape.

    >>> net = build(ModelSettings(preset="study-mnist"), (1, 28, 28), list("0123456789"))
    >>> sum(p.numel() for p in net.parameters())
    38314

    """
    axes = "channel y x" if settings.preset in _PICTURES else "channel time"
    if len(input_shape) != len(axes.split()):
        raise LayerscopeError(
            f'preset = "{settings.preset}" takes inputs "{axes}", not of shape '
            f"{tuple(input_shape)}: choose another preset or another kind of data"
        )
    given = settings.model_dump(include={"blocks", "channels", "dropout"}, exclude_none=True)
    net: nn.Module = _PRESETS[settings.preset](
        classes=len(classes), input_shape=tuple(input_shape), **given
    )
    if settings.initialisation == "torch":
        for layer in net.modules():
            if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Linear):
                layer.reset_parameters()
    return net
