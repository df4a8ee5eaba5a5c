"""The scope: a model, the units of its input and the names of its classes."""

import inspect
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from layerscope.errors import Refused
from layerscope.tape import eager, record
from layerscope.views.layers import find_layers
from layerscope.views.legal import refuse_not_finite
from layerscope.views.trace import Trace

log = logging.getLogger(__name__)

Kind = Literal["photo", "waveform", "recording"]
_AXES = {
    "photo": {1: ("x",), 2: ("y", "x"), 3: ("z", "y", "x")},
    "waveform": {1: ("time",), 2: ("frequency", "time")},
    "recording": {1: ("time",), 2: ("sensor", "time")},
}


@dataclass(frozen=True, eq=False)
class Scope:
    """What a user looks through: any `torch.nn.Module` and what is known of its input.

    Args:
        model: a module of one input; it is never changed.
        kind: "photo", "waveform" or "recording".
        classes: the class names, in the order of the model's logits.
        mean, std: per channel, what was subtracted and divided by, in the input's own units.
        bounds: `(low, high)` of a legal input, in the model's units.
        baseline: the input that means "nothing", in the model's units.
        sfreq: samples per second, in Hz, of a waveform or recording.
        channels: the channels' names of a recording.
        output: which entry of a tuple or dict holds the logits.
        memory: bytes that a method may use beside the trace.

    >>> scope = Scope(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), classes=["cat", "dog"])
    >>> scope.trace(torch.zeros(1, 1, 2, 2)).logits.shape
    torch.Size([1, 2])

    """

    model: nn.Module
    kind: Kind = "photo"
    classes: Sequence[str] | None = None
    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None
    bounds: tuple[Any, Any] | None = None
    baseline: Any = None
    sfreq: float | None = None
    channels: Sequence[str] | None = None
    output: int | str | None = None
    memory: int = 256 * 2**20

    def __post_init__(self) -> None:
        if self.kind not in _AXES:
            raise Refused(f"kind={self.kind!r}: it is one of {', '.join(map(repr, _AXES))}")
        if not isinstance(self.model, nn.Module):
            raise Refused(f"the model is a {type(self.model).__name__}, not a torch.nn.Module")
        _refuse_several_inputs(self.model)

    def trace(
        self, images: Any, *, examples: Sequence[str] | None = None, true: Any = None
    ) -> Trace:
        """Run the model once on a batch and return the trace that every method reads from.

        Args:
            images: float, `"batch channel ..."`, as the model takes it.
            examples: an identifier for each; "0", "1", ... where none is given.
            true: the true class of each, an index or a name.

        """
        batch = self._batch(images)
        examples = tuple(map(str, range(len(batch)) if examples is None else examples))
        if len(examples) != len(batch):
            raise Refused(f"{len(examples)} example names for a batch of {len(batch)}")
        trace = Trace(self, record(self.model, batch), examples, true)
        for note in trace.notes:
            log.warning("%s", note)
        return trace

    def layers(self, wanted: str | Sequence[str], input_shape: Sequence[int]) -> list[str]:
        """Return the names of layers, in forward order, for inputs of that shape (no batch)."""
        tape = record(self.model, self._batch(torch.zeros(1, *input_shape)))
        return find_layers(wanted, tape.layers, dict(eager(self.model).named_modules()))

    def axis_words(self, count: int) -> tuple[str, ...]:
        """Name the spatial axes of a map that has `count` of them."""
        if count not in _AXES[self.kind]:
            raise Refused(f"a {self.kind} has no maps of {count} spatial axes")
        return _AXES[self.kind][count]

    def _batch(self, images: Any) -> Tensor:
        if isinstance(images, list | tuple | dict):
            raise Refused(
                f"the input is a {type(images).__name__} of {len(images)}; give one tensor "
                '"batch channel ..." (networks of several inputs cannot be traced)'
            )
        array = images if isinstance(images, Tensor) else np.asarray(images)
        if isinstance(array, np.ndarray) and array.dtype.kind not in "fiub":
            raise Refused(f"the input is {images!r:.60}; give a float tensor, batch first")
        batch = torch.as_tensor(array)
        if batch.dim() < 2 or not len(batch):
            raise Refused(
                f"the input has the shape {tuple(batch.shape)}; expected a batch of at least one "
                'example, "batch channel y x" or "batch channel time"'
            )
        if not batch.is_floating_point():
            raise Refused(
                f"the input is {batch.dtype}; the model takes floats: divide and normalise first"
            )
        like = next((p for p in self.model.parameters() if p.is_floating_point()), None)
        batch = batch if like is None else batch.to(like.device, like.dtype)
        refuse_not_finite(batch, "the input")
        return batch


def _refuse_several_inputs(model: nn.Module) -> None:
    try:
        parameters = inspect.signature(model.forward).parameters.values()
    except (TypeError, ValueError):
        return
    needed = [
        p.name
        for p in parameters
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    if len(needed) > 1:
        raise Refused(
            f"{type(model).__name__} takes several inputs ({', '.join(needed)}); "
            "wrap it in a module that takes one and fixes the others"
        )
