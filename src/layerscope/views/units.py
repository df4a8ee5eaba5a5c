"""Units: which channels of a layer are looked at, and where each of them is strongest."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from layerscope.errors import Refused


def choose_units(maps: Tensor, layer: str, unit: Any, top: int | None) -> Tensor:
    """Return the channels to look at, `(S, B)`: S of them for each example.

    Args:
        maps: the layer's answers, `(B, C, ...)`.
        layer: its name, for messages.
        unit: one channel for all examples, one per example, or None.
        top: with no unit, how many of each example's strongest channels; None: one.

    """
    batch, channels = maps.shape[:2]
    if unit is not None and top is not None:
        raise Refused("give unit= or top=, not both: top= takes each example's strongest units")
    if unit is None:
        count = 1 if top is None else top
        if not isinstance(count, int) or not 1 <= count <= channels:
            raise Refused(f"top={top!r}: a whole number; layer {layer!r} has {channels} units")
        peaks = maps.flatten(2).amax(2) if maps.dim() > 2 else maps
        order = peaks.argsort(dim=1, descending=True, stable=True)
        return order[:, :count].T
    one_for_all = isinstance(unit, int | np.integer) and not isinstance(unit, bool)
    given = np.full(batch, unit) if one_for_all else _array(unit)
    if given.shape != (batch,) or not np.issubdtype(given.dtype, np.integer):
        raise Refused(f"unit={unit!r}: give one channel, or one per example ({batch} here)")
    if given.min() < 0 or given.max() >= channels:
        raise Refused(f"unit={unit!r}: layer {layer!r} has the units 0 to {channels - 1}")
    return torch.as_tensor(given, device=maps.device)[None]


def strongest_positions(maps: Tensor, units: Tensor) -> tuple[Tensor, Tensor]:
    """Find where each chosen channel is strongest.

    Args:
        maps: `(B, C, ...)`.
        units: `(S, B)` channels.

    Returns:
        the rectified activations `(S, B)` and their flat spatial positions `(S, B)`; of several
        equal ones the first.

    """
    rows = torch.arange(maps.shape[0], device=maps.device).expand_as(units)
    chosen = maps[rows, units].flatten(2) if maps.dim() > 2 else maps[rows, units][..., None]
    positions = chosen.argmax(-1)
    activations = chosen.gather(-1, positions[..., None])[..., 0]
    return activations.clamp(min=0), positions


def one_hot_seeds(maps: Tensor, units: Tensor, activations: Tensor, positions: Tensor) -> Tensor:
    """Return seeds `(S, B, C, ...)` that hold each activation at its unit's position, else 0."""
    seeds = maps.new_zeros((len(units), *maps.shape[:2], maps.shape[2:].numel()))
    slot = torch.arange(len(units), device=maps.device)[:, None].expand_as(units)
    row = torch.arange(maps.shape[0], device=maps.device).expand_as(units)
    seeds[slot, row, units, positions] = activations
    return seeds.view(len(units), *maps.shape)


def unravel(positions: Tensor, space: Sequence[int]) -> np.ndarray:
    """Turn flat positions `(...)` into coordinates `(..., axes)`."""
    flat = positions.cpu().numpy()
    if not space:
        return np.zeros((*flat.shape, 0), dtype=np.int64)
    return np.stack(np.unravel_index(flat, tuple(space)), axis=-1)


def _array(unit: Any) -> np.ndarray:
    return unit.cpu().numpy() if isinstance(unit, Tensor) else np.asarray(unit)
