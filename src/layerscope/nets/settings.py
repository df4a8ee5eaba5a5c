"""The `[model]` section of a study: which network, and how it is built from that."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from torch import nn

from layerscope.errors import LayerscopeError
from layerscope.nets.study import study_1d, study_2d, study_mnist

_PRESETS: dict[str, Any] = {
    "study-2d": study_2d,
    "study-1d": study_1d,
    "study-mnist": study_mnist,
}
_AXES = {"study-2d": "channel y x", "study-1d": "channel time", "study-mnist": "channel y x"}


class ModelSettings(BaseModel):
    """Name a preset of the study's family and what differs from it; None keeps the preset's.

    >>> ModelSettings(preset="study-mnist").blocks is None
    True
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: Literal["study-2d", "study-1d", "study-mnist"] = "study-2d"
    blocks: int | None = Field(default=None, ge=1, le=16)
    channels: int | None = Field(default=None, ge=1, le=1024)
    dropout: float | None = Field(default=None, ge=0, lt=1)
    initialisation: Literal["he", "torch"] = "he"


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
    axes = _AXES[settings.preset]
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
