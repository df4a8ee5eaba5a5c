"""The `[model]` section of a study: which network, and how it is built from that."""

import os
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)
from torch import nn

from layerscope.errors import LayerscopeError
from layerscope.nets.eeg import deep_eeg, eegnet, shallow_eeg
from layerscope.nets.origin import KNOWN, kind_of
from layerscope.nets.study import study_1d, study_2d, study_mnist
from layerscope.paths import beside

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
    pretrained: str | None = Field(default=None, min_length=1)
    """Where weights come from: "squeezenet1_0", "efficientnet_lite0", a run's folder, a file of
    the preset's weights (.safetensors, .npz, .pth), or FILE.py:FUNCTION."""
    weights: str | None = Field(default=None, min_length=1)
    """The file with the weights of "squeezenet1_0", or of "efficientnet_lite0" if not its own."""
    head: Literal["new", "keep"] = "new"
    """What becomes of the last layer of a pretrained network: a new one, or the old one kept."""

    @field_validator("pretrained", "weights", mode="before")
    @classmethod
    def _beside_the_study(cls, place: Any, info: Any) -> Any:
        """Make a relative path relative to the study file, whose folder is the context's."""
        if info.field_name == "pretrained" and place in KNOWN:
            return place
        return beside(place, (info.context or {}).get("folder") or os.getcwd())

    @model_validator(mode="after")
    def _of_the_source(self) -> "ModelSettings":
        kind = kind_of(self.pretrained) if self.pretrained else ""
        if self.weights is not None and kind != "known":
            raise ValueError(f"weights: goes with pretrained = {' or '.join(KNOWN)}, leave it out")
        if self.head == "keep" and not kind:
            raise ValueError('head = "keep" goes with pretrained: leave it out')
        for name in ("blocks", "channels"):
            if kind in ("known", "run", "function") and getattr(self, name) is not None:
                raise ValueError(f"{name}: the pretrained network has its own, leave it out")
        return self

    @model_validator(mode="after")
    def _as_published(self) -> "ModelSettings":
        for name in ("blocks", "channels"):
            if self.preset in _EEG and getattr(self, name) is not None:
                raise ValueError(f'{name}: preset = "{self.preset}" has its paper\'s, leave it out')
        return self


def build(
    settings: ModelSettings,
    input_shape: tuple[int, ...],
    classes: Sequence[str],
    *,
    weights: bool = True,
) -> nn.Module:
    """Build the network that `[model]` asks for, with the weights that a training begins with.

    These are drawn from torch's generator, or are the pretrained ones below a new head; without
    `weights`, no file of weights is read. `input_shape` is one example's, without the batch:
    `"channel y x"` or `"channel time"`.

    Raises:
        LayerscopeError: the preset does not take an input of this shape; pretrained weights that
            are missing or another network's.

    >>> net = build(ModelSettings(preset="study-mnist"), (1, 28, 28), list("0123456789"))
    >>> sum(p.numel() for p in net.parameters())
    38314

    """
    if settings.pretrained is not None:
        from layerscope.nets import sources

        if weights:
            return sources.with_weights(settings, input_shape, classes)
        settings = sources.architecture(settings)
        if settings.pretrained is not None:
            return sources.without_weights(settings, input_shape, classes)
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
