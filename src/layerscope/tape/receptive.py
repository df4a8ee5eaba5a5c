"""Receptive fields, read off a tape: which input samples each position of a value can see."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from layerscope.tape.operations import POINTWISE, Operation, Value, base_name
from layerscope.tape.record import Tape


@dataclass(frozen=True)
class Receptive:
    """Along one axis, position `i` sees the input samples from `i * stride + first` to `+ last`.

    Both ends are included and may lie outside the input, in the padding. A `stride` of 0 with
    infinite ends means: every position sees the whole input.
    """

    stride: int
    first: float
    last: float

    @property
    def size(self) -> float:
        """How many samples a position sees; infinite where it is the whole input."""
        return self.last - self.first + 1

    @property
    def centre(self) -> float:
        """Where position 0 looks, in samples from the centre of the first one."""
        return (self.first + self.last) / 2


WHOLE = Receptive(0, -math.inf, math.inf)
#: One `Receptive` for each spatial axis.
Field = tuple[Receptive, ...]


def receptive_fields(tape: Tape, start: Value | None = None) -> dict[Value, Field]:
    """Give the receptive field of every value whose spatial axes are those of the input.

    Values without spatial axes (after flatten) see the whole input. Values whose geometry is
    not known (reordered positions, resampled maps, padding that wraps around, operations not known
    to be local) are absent. With `start`, fields are counted in positions of that value, on which
    what is told of must depend alone.
    """
    start = tape.input if start is None else start
    axes = start.tensor.dim() - 2
    fields: dict[Value, Field] = {start: (Receptive(1, 0, 0),) * axes}
    for operation in tape.operations:
        seen = [fields[value] for value in operation.inputs if value in fields]
        if len(seen) < len([v for v in operation.inputs if v.producer or v is start]):
            continue
        if seen and _is_windowed(operation):
            seen[0] = _through_padding(operation, seen[0], fields)
        found = _after(operation, seen, axes)
        if found is not None:
            for value in operation.outputs:
                fields[value] = found
    return fields


def _after(operation: Operation, seen: list[Field], axes: int) -> Field | None:
    """Return the field of an operation's results, given those of its inputs; None: unknown."""
    if not seen or not operation.outputs or operation.kind == "overwritten":
        return None
    before, after = operation.inputs[0].tensor, operation.outputs[0].tensor
    if any(field == (WHOLE,) * axes for field in seen) and after.dim() != axes + 2:
        return (WHOLE,) * axes
    if _is_windowed(operation):
        return _windowed(operation, seen[0])
    if after.dim() < axes + 2 or _flattened(operation, axes):
        return (WHOLE,) * axes
    sizes = {tuple(v.tensor.shape[2:]) for v in operation.inputs if v.tensor.dim() == axes + 2}
    name = base_name(operation.function)
    if name == "pad":
        return _padded(operation, seen[0])
    if name == "getitem" and before.dim() == after.dim() == axes + 2:
        return _sliced(operation.args[1], seen[0], before.shape)
    if operation.kind in ("avg_pool", "max_pool"):  # adaptive pools, means
        return seen[0] if before.shape[2:] == after.shape[2:] else (WHOLE,) * axes
    if tuple(after.shape[2:]) not in sizes or operation.kind == "resample":
        return None
    return _merged(seen) if _is_local(operation, axes) else None


_LOCAL_KINDS = frozenset(
    {"relu", "add", "scale", "cat", "batch_norm", "norm", "softmax", "dropout"}
)
_LOCAL = POINTWISE | {
    *("prelu", "rrelu", "glu", "threshold", "hardshrink", "softshrink", "tanhshrink", "clamp_min"),
    *("clamp_max", "where", "masked_fill", "lerp", "normalize", "rsub", "rsqrt", "reciprocal"),
    *("sign", "sin", "cos", "erf", "nan_to_num"),
}
_KEEP_PLACES = frozenset(
    {
        *("view", "reshape", "view_as", "reshape_as", "expand", "expand_as", "repeat", "tile"),
        *("squeeze", "chunk", "split", "tensor_split", "channel_shuffle", "clone", "contiguous"),
        *("to", "float", "double", "half", "bfloat16", "type", "type_as", "cpu", "cuda"),
    }
)
_ALONG_AN_AXIS = frozenset({"narrow", "index_select"})


def _is_local(operation: Operation, axes: int) -> bool:
    """Tell whether each position of a result of the same size looks where that position does.

    Norms and a softmax may read the whole map, but for its size alone.
    """
    name = base_name(operation.function)
    if operation.kind == "shape":
        dim = operation.args[1] if len(operation.args) > 1 else operation.kwargs.get("dim")
        return name in _KEEP_PLACES or (name in _ALONG_AN_AXIS and dim in (1, -axes - 1))
    return operation.kind in _LOCAL_KINDS or name in _LOCAL


def _sliced(index: Any, field: Field, shape: Sequence[int]) -> Field | None:
    """Follow a crop or a stride `x[:, :, 2:-2, ::2]`; None where positions are picked otherwise."""
    parts = list(index) if isinstance(index, tuple) else [index]
    dots = [place for place, part in enumerate(parts) if part is Ellipsis]
    missing = len(shape) - len(parts) + len(dots)
    place = dots[0] if dots else len(parts)
    parts[place : place + len(dots)] = [slice(None)] * missing
    sides = parts[2:]
    lists = [part for part in parts if not isinstance(part, slice)]
    if (
        len(parts) != len(shape)
        or len(lists) > 1
        or not all(isinstance(side, slice) for side in sides)
    ):
        return None
    found = []
    for seen, side, length in zip(field, sides, shape[2:], strict=True):
        start, _, step = side.indices(length)
        shift = start * seen.stride
        found.append(Receptive(seen.stride * step, seen.first + shift, seen.last + shift))
    return tuple(found)


def _padded(operation: Operation, field: Field) -> Field | None:
    """Follow a padding; None where it wraps around or other axes are padded too.

    What is reflected or repeated is read from inside the map, so that all positions are said to
    see as far as those in the padding do.
    """
    sides, inside = _sides(operation, len(field)), _READ_BACK.get(_mode(operation))
    if sides is None or inside is None:
        return None
    found = []
    for seen, (front, back) in zip(_shifted(field, sides), sides, strict=True):
        first = seen.first - inside * max(back, 0) * seen.stride
        last = seen.last + inside * max(front, 0) * seen.stride
        found.append(Receptive(seen.stride, first, last))
    return tuple(found)


#: How far inside the map a position of the padding reads, in widths of the padding.
_READ_BACK = {"constant": 0, "replicate": 1, "reflect": 2}


def _through_padding(operation: Operation, seen: Field, fields: dict[Value, Field]) -> Field:
    """Return the field that a window slides over: as without what its padding reads inside.

    A window that spans twice the padding sees a reflected sample in its own place too.
    """
    pad = operation.inputs[0].producer
    if pad is None or base_name(pad.function) != "pad" or pad.inputs[0] not in fields:
        return seen
    below, inside = fields[pad.inputs[0]], _READ_BACK.get(_mode(pad))
    sides = _sides(pad, len(below))
    if sides is None or inside is None:
        return seen
    reaches = [(n - 1) * by for n, by in zip(_kernel(operation), _dilation(operation), strict=True)]
    paddings = operation.parameters["padding"]
    for pair, reach, padding in zip(sides, reaches, paddings, strict=True):
        if inside * max(pair) > reach or padding:
            return seen
    return _shifted(below, sides)


def _shifted(field: Field, sides: Sequence[tuple[int, int]]) -> Field:
    """Shift what is seen by the padding in front."""
    return tuple(
        Receptive(seen.stride, seen.first - front * seen.stride, seen.last - front * seen.stride)
        for seen, (front, _) in zip(field, sides, strict=True)
    )


def _sides(operation: Operation, axes: int) -> list[tuple[int, int]] | None:
    """Return the padding before and after each axis; None where others are padded too."""
    sides = operation.args[1] if len(operation.args) > 1 else operation.kwargs.get("pad")
    if not isinstance(sides, list | tuple) or len(sides) > 2 * axes:
        return None
    pairs = [(int(front), int(back)) for front, back in zip(sides[::2], sides[1::2], strict=True)]
    return [(0, 0)] * (axes - len(pairs)) + pairs[::-1]  # torch names the last axis first


def _mode(operation: Operation) -> str:
    args = operation.args
    return str(args[2] if len(args) > 2 else operation.kwargs.get("mode", "constant"))


def _flattened(operation: Operation, axes: int) -> bool:
    name = base_name(operation.function)
    return name in ("flatten", "view", "reshape") and (
        operation.outputs[0].tensor.dim() != axes + 2
        or operation.outputs[0].tensor.shape[2:] != operation.inputs[0].tensor.shape[2:]
    )


def _is_windowed(operation: Operation) -> bool:
    return operation.kind == "conv" or "kernel_size" in operation.parameters


def _kernel(operation: Operation) -> Sequence[int]:
    if operation.kind != "conv":
        return tuple(operation.parameters["kernel_size"])
    weight = operation.parameters["weight"]
    return tuple((weight.tensor if isinstance(weight, Value) else weight).shape[2:])


def _dilation(operation: Operation) -> Sequence[int]:
    return tuple(operation.parameters.get("dilation", (1,) * len(_kernel(operation))))


def _windowed(operation: Operation, field: Field) -> Field:
    """Slide a window (convolution, pool) over what is seen so far."""
    call, kernel, dilation = operation.parameters, _kernel(operation), _dilation(operation)
    found = []
    for axis, seen in enumerate(field):
        reach = (kernel[axis] - 1) * dilation[axis]
        first = seen.first - call["padding"][axis] * seen.stride
        last = seen.last + (reach - call["padding"][axis]) * seen.stride
        found.append(Receptive(seen.stride * call["stride"][axis], first, last))
    return tuple(found)


def _merged(fields: list[Field]) -> Field | None:
    """Join the branches of a residual sum or a concatenation."""
    found = []
    for branches in zip(*fields, strict=True):
        if WHOLE in branches:
            strides = {branch.stride for branch in branches if branch != WHOLE}
            found.append(Receptive(max(strides, default=0), -math.inf, math.inf))
            continue
        if len({branch.stride for branch in branches}) != 1:
            return None
        first = min(branch.first for branch in branches)
        found.append(Receptive(branches[0].stride, first, max(branch.last for branch in branches)))
    return tuple(found)
