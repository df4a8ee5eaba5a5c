"""Laying maps over their input: resizing by where each of their positions looks."""

from collections.abc import Sequence

import torch
from torch import Tensor

from layerscope.errors import Refused

#: For each spatial axis `(centre, stride)` in input samples; None where the geometry is not known.
Grid = Sequence[tuple[float, float]] | None


def resize(maps: Tensor, grid: Grid, size: Sequence[int]) -> Tensor:
    """Resample `(N, *map size)` to `(N, *size)`, linearly, one axis after the other.

    Args:
        maps: N maps.
        grid: where position 0 of each axis looks and how far apart neighbours look; beyond the
            outermost positions their value holds. None: the maps are stretched over the input.
        size: the input's size along its spatial axes.

    >>> resize(torch.tensor([[0.0, 2.0]]), [(1.0, 2.0)], [4]).tolist()
    [[0.0, 0.0, 1.0, 2.0]]

    """
    if tuple(maps.shape[1:]) == tuple(size) and all(pair == (0.0, 1.0) for pair in grid or ()):
        return maps
    for axis, samples in enumerate(size, start=1):
        cells = maps.shape[axis]
        stretch = samples / cells
        centre, stride = grid[axis - 1] if grid is not None else ((stretch - 1) / 2, stretch)
        position = (torch.arange(samples, dtype=torch.float64) - centre) / stride
        position = position.clamp(0, cells - 1)
        low = position.floor().long().clamp(max=max(cells - 2, 0))
        high = (low + 1).clamp(max=cells - 1)
        share = (position - low).to(maps).view(-1, *[1] * (maps.dim() - axis - 1))
        low, high = low.to(maps.device), high.to(maps.device)
        maps = maps.index_select(axis, low) * (1 - share) + maps.index_select(axis, high) * share
    return maps


def refuse_if_moved(what: str, moved: str) -> None:
    """Refuse to lay over the input what an operation moved, named by `moved`; empty: none did."""
    if moved:
        raise Refused(
            f"{what} cannot be laid over the input: {moved} moved its positions, so that they do "
            "not lie over what they saw; look at it in its own size, or at a layer before that"
        )
