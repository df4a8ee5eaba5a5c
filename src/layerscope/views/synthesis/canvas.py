"""Canvases: how large an input a unit needs, and the network cut off above its layer."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from layerscope.tape import Value, receptive_fields, resume
from layerscope.views.trace import Trace


@dataclass(frozen=True)
class Canvas:
    """What is climbed on, and what of it the unit sees.

    Attributes:
        size: of the input, along its spatial axes.
        position: of the unit on the layer's map; none where its mean over the map is meant.
        seen: the part of the input that the unit sees.

    """

    size: tuple[int, ...]
    position: tuple[int, ...]
    seen: tuple[slice, ...]


def receptive_canvas(trace: Trace, value: Value) -> Canvas:
    """Return the smallest canvas on which one position of a layer sees its whole receptive field.

    No padding of any layer below reaches into that field, so that the unit answers as it would
    anywhere inside a larger input. Along an axis where the field is larger than the input, or
    not known, the canvas is the input's size and the position its centre.
    """
    whole = tuple(trace.tape.input.tensor.shape[2:])
    space = tuple(value.tensor.shape[2:])
    field = receptive_fields(trace.tape).get(value) if len(space) == len(whole) else None
    if field is None or _looks_at_all(trace, value):
        return Canvas(whole, tuple(n // 2 for n in space), tuple(slice(0, n) for n in whole))
    sides = []
    for seen, length, cells in zip(field, whole, space, strict=True):
        place = 0
        if seen.stride and math.isfinite(seen.size):
            place = max(0, math.ceil(-seen.first / seen.stride))
        first, end = place * seen.stride + seen.first, place * seen.stride + seen.last + 1
        if seen.stride and math.isfinite(seen.size) and end <= length:
            sides.append((int(end), place, slice(int(first), int(end))))
        else:
            sides.append((length, cells // 2, slice(0, length)))
    size, position, part = zip(*sides, strict=True)
    return Canvas(size, position, part)


def whole_canvas(trace: Trace) -> Canvas:
    """Return the input's size as a canvas, for an objective without a position."""
    whole = tuple(trace.tape.input.tensor.shape[2:])
    return Canvas(whole, (), tuple(slice(0, n) for n in whole))


def answers(trace: Trace, value: Value, inputs: Tensor, *, exact: bool = True) -> Tensor:
    """Return what a layer answers to other inputs, `(N, channel, ...)`: nothing above it is run.

    Args:
        trace: a trace of the network.
        value: the layer's value in it.
        inputs: `(N, channel, ...)`; of any size where nothing below the layer fixes it.
        exact: False computes in bfloat16 where torch's autocast does.

    """
    like = trace.tape.input.tensor
    inputs = inputs.to(like.dtype)
    if inputs.dim() == 4:
        inputs = inputs.contiguous(memory_format=torch.channels_last)
    rows = torch.zeros(len(inputs), dtype=torch.long, device=like.device)
    (found,) = resume(trace.tape, {trace.tape.input: inputs}, [value], rows, exact=exact)
    return found.float()


def before_rectifier(trace: Trace, layer: str) -> Value:
    """Return what enters the rectifier of a layer's answer, or the answer where there is none.

    There a unit that is silent has a slope to climb.
    """
    value = trace.value(layer)
    if value.producer is not None and value.producer.kind == "relu":
        return value.producer.inputs[0]
    return value


def pictures_at_once(trace: Trace, value: Value, canvas: Canvas) -> int:
    """Return how many canvases can be climbed on together within the scope's memory."""
    held = [v.tensor for v in trace.tape.values[: value.index + 1]]
    one = sum(t.numel() * t.element_size() for t in held) / len(trace.examples)
    share = math.prod(canvas.size) / max(1, trace.tape.input.tensor[0, 0].numel())
    return max(1, int(trace.scope.memory / (3 * max(1.0, one * share))))


def bfloat16_holds(trace: Trace) -> bool:
    """Tell whether bfloat16 gives right gradients: torch's on a CPU are wrong on maps of one cell.

    That is so for windows larger than the map.
    """
    if trace.tape.input.tensor.device.type != "cpu":
        return True
    for operation in trace.tape.operations:
        if operation.kind == "conv":
            weight = operation.parameters["weight"]
            kernel = (weight.tensor if isinstance(weight, Value) else weight).shape[2:]
            if operation.inputs[0].tensor.shape[2:].numel() == 1 < kernel.numel():
                return False
    return True


def _looks_at_all(trace: Trace, value: Value) -> bool:
    """Tell whether a layer below takes means over its whole map (group norm and its like)."""
    below = trace.tape.operations[: value.producer.index + 1] if value.producer else []
    return any(operation.kind in ("norm", "softmax") for operation in below)
