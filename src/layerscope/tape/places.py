"""Places: whether a value's positions still lie where the input's do, but for resampling."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from layerscope.tape.operations import Operation, Value, base_name, leaves_of
from layerscope.tape.record import Tape


@dataclass(frozen=True)
class _Places:
    """What became of the places of a value.

    `order` says which axis of the input each axis is, None where that is not known (tokens, maps
    that were flattened); `moves` by how much positions were moved, by kind and axis, so that what
    is rolled back stands as before; `lost` that nothing brings them back; `why` what moved them.
    """

    order: tuple[int, ...] | None = None
    moves: frozenset[tuple[tuple[str, int], int]] = frozenset()
    lost: bool = False
    why: str = ""

    @property
    def are_kept(self) -> bool:
        swapped = self.order is not None and self.order[2:] != tuple(range(2, len(self.order)))
        return not (self.lost or self.moves or swapped)


def moved_places(tape: Tape) -> dict[Value, str]:
    """Give each value whose positions are not where the input's are, with what moved them.

    Flips, rolls, swapped axes, indices out of order, sorting, warps and products along a spatial
    axis move positions; resampling, pooling and cropping do not. What is undone (rolled back,
    permuted back) is as before, and a single position has no place to lose.
    """
    dims = tape.input.tensor.dim()
    places = {tape.input: _Places(order=tuple(range(dims)))}
    for operation in tape.operations:
        before = [places.get(value, _Places()) for value in operation.inputs]
        if not before:
            continue
        joined = _joined(operation, before)
        after = _after(operation, joined)
        if after.are_kept:
            after = replace(after, why="")
        elif not joined.why:
            after = replace(after, why=operation.label)
        for value in operation.outputs:
            places[value] = _shaped(operation, value.tensor, after, dims)
    return {
        value: place.why
        for value, place in places.items()
        if value.tensor.dim() == dims and not place.are_kept
    }


def _joined(operation: Operation, before: Sequence[_Places]) -> _Places:
    """Join the places of an operation's inputs; lost where they are not the same."""
    orders = {place.order for place in before if place.order is not None}
    apart = len({place.moves for place in before}) > 1
    order = next(iter(orders), None)
    if base_name(operation.function) in _PRODUCTS and len(before) > 1:
        order = _product(before[0].order, before[1].order)
    else:
        apart = apart or len(orders) > 1
    why = next((place.why for place in before if place.why), "")
    return _Places(order, before[0].moves, apart or any(place.lost for place in before), why)


def _product(
    rows: tuple[int, ...] | None, columns: tuple[int, ...] | None
) -> tuple[int, ...] | None:
    """Return the axes of a matrix product: the rows of the one, the columns of the other."""
    if rows is None or columns is None or len(rows) != len(columns):
        return None
    return (*rows[:-1], columns[-1])


_PRODUCTS = frozenset({"matmul", "rmatmul", "bmm", "linear"})
_PERMUTING = frozenset(
    {
        *("permute", "transpose", "swapaxes", "swapdims", "movedim", "moveaxis"),
        *("T", "mT", "H", "mH", "t"),
    }
)
#: Where the call says along which axis it picks.
_PICKING = {"gather": 1, "scatter": 1, "index_select": 1, "sort": 1, "topk": 2, "take_along_dim": 2}
_FLIPPING = {"fliplr": (1,), "flipud": (0,)}
_WARPING = frozenset({"grid_sample", "grid_sampler", "rot90"})


def _after(operation: Operation, place: _Places) -> _Places:
    """Return the places after an operation, given those of what it reads."""
    name = base_name(operation.function)
    if name in _PERMUTING:
        return replace(place, order=_permuted(operation, place.order))
    if name in ("flip", "roll", *_FLIPPING) or name.startswith("fft_"):
        return _moved(operation, name, place)
    lost = name in _WARPING
    if name in _PICKING:
        dim = _argument(operation, _PICKING[name], "dim", -1)
        picked = _argument(operation, 2, "index", None) if name == "index_select" else None
        in_order = picked is not None and _is_in_order(picked)
        lost = not in_order and _is_spatial(operation, place, dim)
    elif name == "getitem":
        lost = any(_is_spatial(operation, place, dim) for dim in _shuffled(operation))
    elif name in _PRODUCTS and len(operation.inputs) == 1 and place.order is not None:
        behind = isinstance(operation.args[0], Tensor) or name == "rmatmul"  # a matrix times maps
        lost = _is_spatial(operation, place, -2 if behind else -1)
    return replace(place, lost=place.lost or lost)


def _permuted(operation: Operation, order: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """Try the permutation on a tensor whose axes are told apart by their lengths."""
    if order is None or len(order) != operation.inputs[0].tensor.dim():
        return None
    probe = torch.empty([axis + 1 for axis in range(len(order))])
    return tuple(order[length - 1] for length in operation.call([probe]).shape)


def _moved(operation: Operation, name: str, place: _Places) -> _Places:
    """Count a flip, a roll or a Fourier transform, so that a second one may undo the first."""
    moves, shape = dict(place.moves), operation.inputs[0].tensor.shape
    if name.startswith("fft_"):
        kind = name.removeprefix("fft_")
        steps = [((kind.removeprefix("i"), 0), -1 if kind.startswith("i") else 1, 0)]
    elif name == "roll":
        shifts, dims = _argument(operation, 1, "shifts", 0), _argument(operation, 2, "dims", ())
        if not _tuple(dims):  # of all positions in one row
            return replace(place, lost=True)
        pairs = zip(_tuple(dims), _tuple(shifts), strict=True)
        steps = [(("roll", dim % len(shape)), by, shape[dim]) for dim, by in pairs]
    else:
        dims = _FLIPPING.get(name) or operation.kwargs.get("dims") or _rest(operation)
        steps = [(("flip", dim % len(shape)), 1, 2) for dim in _tuple(dims)]
    for key, by, cycle in steps:
        if key[0] in ("roll", "flip") and not _is_spatial(operation, place, key[1]):
            continue
        total = moves.get(key, 0) + by
        moves[key] = total % cycle if cycle else total
    return replace(place, moves=frozenset((key, by) for key, by in moves.items() if by))


def _shaped(operation: Operation, tensor: Tensor, place: _Places, dims: int) -> _Places:
    """Forget the axes where the shape was made anew, and the places where none are left."""
    if tensor.dim() <= 2 or all(length == 1 for length in tensor.shape[2:]):
        return _Places(order=tuple(range(dims)) if tensor.dim() == dims else None)
    known = place.order is not None and len(place.order) == tensor.dim()
    if known and base_name(operation.function) in ("view", "reshape", "view_as", "reshape_as"):
        known = tensor.shape[2:] == operation.inputs[0].tensor.shape[2:]
    return place if known else replace(place, order=None)


def _is_spatial(operation: Operation, place: _Places, dim: int) -> bool:
    """Tell whether an axis holds places; one that is not known may, unless it is the first."""
    dims = operation.inputs[0].tensor.dim()
    known = place.order is not None and len(place.order) == dims
    return place.order[dim] >= 2 if known and place.order else dim % dims != 0


def _shuffled(operation: Operation) -> list[int]:
    """List the axes along which an index `x[..., [2, 0, 1]]` picks out of order."""
    index = operation.args[1]
    parts = list(index) if isinstance(index, tuple) else [index]
    taken = sum(part is not None and part is not Ellipsis for part in parts)
    axis, found = 0, []
    for part in parts:
        if part is Ellipsis:
            axis += operation.inputs[0].tensor.dim() - taken
            continue
        if isinstance(part, Tensor | Value | list) and not _is_in_order(part):
            found.append(axis)
        axis += part is not None
    return found


def _is_in_order(index: Any) -> bool:
    """Tell whether an index walks along the axis and never back."""
    if isinstance(index, Value):
        index = index.tensor
    if isinstance(index, list) and any(isinstance(leaf, Value) for leaf in leaves_of(index)):
        return False
    index = torch.as_tensor(index)
    return index.dtype == torch.bool or bool((index.flatten().diff() >= 0).all())


def _argument(operation: Operation, position: int, name: str, default: Any) -> Any:
    args = operation.args
    found = args[position] if len(args) > position else operation.kwargs.get(name, default)
    return found if isinstance(found, int | list | tuple | Tensor | Value) else default


def _rest(operation: Operation) -> tuple[int, ...]:
    """Return the axes of `flip(2, 3)` and of `flip((2, 3))`."""
    rest = operation.args[1:]
    return _tuple(rest[0]) if len(rest) == 1 else tuple(rest)


def _tuple(given: Any) -> tuple[int, ...]:
    return tuple(given) if isinstance(given, list | tuple) else (given,)
