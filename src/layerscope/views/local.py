"""Operations that act on a neighbourhood of each position: the boxes that they reach and read."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from layerscope.tape import Operation, Value
from layerscope.tape.operations import POINTWISE, base_name, leaves_of

aten = torch.ops.aten


@dataclass(frozen=True)
class Box:
    """Boxes of one size on a map, each wholly inside it."""

    start: np.ndarray  # (N, axes)
    size: tuple[int, ...]

    @property
    def numel(self) -> int:
        """How many positions a box has."""
        return math.prod(self.size)

    def at(self, which: np.ndarray) -> "Box":
        """Return some of them."""
        return Box(self.start[which], self.size)


@dataclass(frozen=True)
class Needed:
    """The parts of the maps below that an operation reads; they may reach into the padding.

    Along an axis that is wanted as a whole, the map below is needed as a whole and the operation
    pads it itself, by `padding`.
    """

    start: np.ndarray  # (N, axes)
    size: tuple[int, ...]
    fill: float = 0.0
    padding: tuple[int, ...] = ()

    @property
    def numel(self) -> int:
        """How many positions a part has."""
        return math.prod(self.size)


def box_after(operation: Operation, changed: Mapping[Value, Box]) -> Box | None:
    """Return where an operation's result changes when its inputs do; None where no box holds it."""
    if len(operation.outputs) != 1:
        return None
    axes = next(iter(changed.values())).start.shape[1]
    whole = operation.outputs[0].tensor.shape[2:]
    if operation.outputs[0].tensor.dim() != axes + 2 or not axes:
        return None
    if _slides(operation, axes):
        return _slid(operation, changed[operation.inputs[0]], whole)
    front = _padded_front(operation, axes)
    if front is not None:
        (box,) = changed.values()
        return Box(box.start + np.array(front), box.size)
    if _is_pointwise(operation, axes):
        return _joined(list(changed.values()), whole)
    return None


def needed_for(operation: Operation, box: Box) -> Needed:
    """Return the parts of an operation's inputs that a box of its result is computed from."""
    axes = box.start.shape[1]
    if not _slides(operation, axes):
        front = _padded_front(operation, axes)
        return Needed(box.start if front is None else box.start - np.array(front), box.size)
    above, below = (v.tensor.shape[2:] for v in (operation.outputs[0], operation.inputs[0]))
    start, size, padding = box.start.copy(), [], []
    for axis, (kernel, stride, pad, dilation) in enumerate(_geometry(operation)):
        if box.size[axis] == above[axis]:
            start[:, axis] = 0
            size.append(below[axis])
            padding.append(pad)
            continue
        start[:, axis] = box.start[:, axis] * stride - pad
        size.append((box.size[axis] - 1) * stride + dilation * (kernel - 1) + 1)
        padding.append(0)
    fill = float("-inf") if operation.kind == "max_pool" else 0.0
    return Needed(start, tuple(size), fill, tuple(padding))


def apply_locally(operation: Operation, tensors: Sequence[Tensor], needed: Needed) -> Tensor:
    """Run an operation on parts of its inputs, `(N, channel, *size)`."""
    call, axes = operation.parameters, needed.start.shape[1]
    if not _slides(operation, axes):
        if _padded_front(operation, axes) is not None:
            return tensors[0]
        own = [t.clone() for t in tensors] if operation.in_place else list(tensors)
        result = operation.call(own)
        return result if isinstance(result, Tensor) else own[0]
    if operation.kind == "conv":
        return aten.convolution(
            *(tensors[0], call["weight"], call["bias"], call["stride"], needed.padding),
            *(call["dilation"], False, (0,) * axes, call["groups"]),
        )
    pool = getattr(F, f"{operation.kind}{axes}d")
    if operation.kind == "avg_pool":
        return pool(tensors[0], call["kernel_size"], call["stride"], needed.padding)
    return pool(
        *(tensors[0], call["kernel_size"], call["stride"], needed.padding, call["dilation"]),
        ceil_mode=call["ceil_mode"],
    )


# -- operations with a kernel ----------------------------------------------------------------------


def _slides(operation: Operation, axes: int) -> bool:
    """Tell whether it is a convolution or a pool whose padding can be written out."""
    call = operation.parameters
    if len(operation.inputs) != 1:
        return False
    if operation.kind == "conv":
        return call["weight"].dim() == axes + 2
    if len(call.get("kernel_size", ())) != axes:
        return False
    if operation.kind == "avg_pool":
        padded = any(call["padding"]) and not call["count_include_pad"]
        return not (padded or call["ceil_mode"] or call["divisor_override"])
    return operation.kind == "max_pool"


def _geometry(operation: Operation) -> list[tuple[int, int, int, int]]:
    """Return kernel, stride, padding and dilation of each axis."""
    call = operation.parameters
    kernel = call["weight"].shape[2:] if operation.kind == "conv" else call["kernel_size"]
    dilation = call.get("dilation", (1,) * len(kernel))
    return list(zip(kernel, call["stride"], call["padding"], dilation, strict=True))


def _slid(operation: Operation, box: Box, whole: Sequence[int]) -> Box:
    """Return the positions of the result that read any of a box: of the largest, for all."""
    start, size = box.start.copy(), []
    for axis, (kernel, stride, padding, dilation) in enumerate(_geometry(operation)):
        reach = dilation * (kernel - 1)
        first = -((reach - padding - box.start[:, axis]) // stride)  # rounded up
        last = (box.start[:, axis] + box.size[axis] - 1 + padding) // stride
        first, last = (np.clip(end, 0, whole[axis] - 1) for end in (first, last))
        most = max(1, int((last - first).max()) + 1)
        start[:, axis] = np.minimum(first, whole[axis] - most)
        size.append(most)
    return Box(start, tuple(size))


# -- operations on each position alone -------------------------------------------------------------

_POINTWISE_KINDS = frozenset({"relu", "add", "scale", "dropout"})


def _is_pointwise(operation: Operation, axes: int) -> bool:
    """Tell whether each position of the result reads the same position of maps of its size."""
    shape = operation.outputs[0].tensor.shape
    if any(v.tensor.dim() != axes + 2 or v.tensor.shape[2:] != shape[2:] for v in operation.inputs):
        return False
    if any(v.tensor.shape[0] != shape[0] for v in operation.inputs):
        return False
    if operation.kind == "batch_norm":
        return True
    if operation.kind == "cat":
        named = operation.kwargs.get("dim", operation.kwargs.get("axis", 0))
        dim = operation.args[1] if len(operation.args) > 1 else named
        known = base_name(operation.function) != "stack" and dim in (1, -axes - 1)
    else:
        name = base_name(operation.function)
        known = operation.kind in _POINTWISE_KINDS or name in POINTWISE
    return known and all(
        _is_one_for_all_positions(leaf, axes)
        for leaf in leaves_of((operation.args, operation.kwargs))
    )


def _is_one_for_all_positions(leaf: Any, axes: int) -> bool:
    """Tell whether a constant is the same wherever on the map it is applied."""
    if not isinstance(leaf, Tensor) or leaf.numel() == 1:
        return True
    for_each_channel = leaf.dim() == axes + 1 or (leaf.dim() == axes + 2 and leaf.shape[0] == 1)
    return for_each_channel and all(n == 1 for n in leaf.shape[-axes:])


def _joined(boxes: Sequence[Box], whole: Sequence[int]) -> Box:
    """Return boxes that hold those of every input."""
    if len(boxes) == 1:
        return boxes[0]
    start = np.min([box.start for box in boxes], axis=0)
    end = np.max([box.start + np.array(box.size) for box in boxes], axis=0)
    size = (end - start).max(axis=0)
    return Box(np.minimum(start, np.array(whole) - size), tuple(size.tolist()))


def _padded_front(operation: Operation, axes: int) -> list[int] | None:
    """Return how far constant padding moves each spatial axis; None where that is not its work."""
    if base_name(operation.function) != "pad" or len(operation.inputs) != 1:
        return None
    named = dict(zip(("input", "pad", "mode", "value"), operation.args, strict=False))
    call = {"mode": "constant", **named, **operation.kwargs}
    sides = call.get("pad")
    if call["mode"] != "constant" or not isinstance(sides, list | tuple):
        return None
    if len(sides) > 2 * axes or any(side < 0 for side in sides):
        return None
    front = [0] * axes
    for place, side in enumerate(sides[::2]):  # torch names the last axis first
        front[axes - 1 - place] = int(side)
    return front
