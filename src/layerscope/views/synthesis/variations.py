"""Variations: small random shifts, turns and changes of size that a picture must survive.

What only works at one exact position (noise of the highest frequencies) averages out.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

SHIFT = 1 / 16
"""The largest shift along each axis, as a share of the picture."""
TURN = 10.0
"""The largest turn in the plane of the last two axes, in degrees."""
STRETCH = 0.1
"""The largest change of size."""


def varied(pictures: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
    """Shift, turn and stretch each picture at random, and mirror it where it has no more.

    Pictures of one spatial axis (waveforms, recordings) are only shifted.

    Args:
        pictures: `(N, channel, ...)`, of one to three spatial axes; differentiable.
        generators: one for each picture.

    """
    axes = pictures.dim() - 2
    matrices = torch.stack([_matrix(axes, generator) for generator in generators])
    matrices = matrices.to(pictures)
    flat = pictures.unsqueeze(2) if axes == 1 else pictures  # (N, channel, 1, time)
    grid = F.affine_grid(matrices, list(flat.shape), align_corners=False)
    moved = F.grid_sample(flat, grid, padding_mode="reflection", align_corners=False)
    return moved.squeeze(2) if axes == 1 else moved


def _matrix(axes: int, generator: torch.Generator) -> Tensor:
    """Draw one affine map, `(axes, axes + 1)`, over coordinates from -1 to 1, last axis first."""
    drawn = (2 * torch.rand(axes + 2, generator=generator) - 1).tolist()
    shift = [2 * SHIFT * one for one in drawn[2:]]
    if axes == 1:
        return torch.tensor([[1.0, 0.0, shift[0]], [0.0, 1.0, 0.0]])
    turn, size = math.radians(TURN * drawn[0]), 1 + STRETCH * drawn[1]
    matrix = torch.eye(axes, axes + 1) * size
    matrix[:2, :2] = size * torch.tensor(
        [[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]
    )
    matrix[:, -1] = torch.tensor(shift)
    return matrix
