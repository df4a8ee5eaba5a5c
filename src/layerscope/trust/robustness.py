"""Robustness: how far a map moves when its input hardly does."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from layerscope.errors import Refused

Explain = Callable[[Tensor], np.ndarray]
"""Inputs `(B, channel, ...)` to their maps `(B, ...)`, each for the class of the original."""


def max_sensitivity(
    explain: Explain,
    images: Tensor,
    *,
    radius: float | Tensor,
    samples: int = 10,
    seed: int = 0,
) -> np.ndarray:
    """Give the largest change of each map under small uniform noise, as a share of its norm.

    Yeh et al. 2019, arXiv:1901.09392. A map that is 0 everywhere has no share: NaN.

    Args:
        explain: makes the maps.
        images: `(B, channel, ...)`.
        radius: the noise lies from -radius to radius, in the input's units.
        samples: how often it is drawn.
        seed: of the drawing.

    Returns:
        `(B,)`.

    """
    if samples < 1:
        raise Refused(f"samples = {samples}: at least 1")
    original = explain(images).reshape(len(images), -1)
    norm = np.linalg.norm(original, axis=1)
    generator, worst = torch.Generator().manual_seed(seed), np.zeros(len(images))
    for _ in range(samples):
        drawn = (2 * torch.rand(images.shape, generator=generator) - 1) * radius
        moved = explain(images + drawn).reshape(len(images), -1)
        worst = np.maximum(worst, np.linalg.norm(moved - original, axis=1))
    return worst / np.where(norm > 0, norm, np.nan)


def shift_equivariance(explain: Explain, images: Tensor, step: int) -> np.ndarray:
    """Give how well maps move along with their input, moved `step` places along the last axis.

    Where nothing of the input's border can be seen, the maps' correlation is 1 for a method and a
    network that are equivariant. Places that were moved in from the border are left out.

    Returns:
        Pearson's correlation of moved map and map of the moved input, `(B,)`.

    """
    if not 0 < step < images.shape[-1] // 2:
        raise Refused(f"step = {step}: above 0, below half of {images.shape[-1]}")
    before = explain(images)[..., step:-step]
    after = np.roll(explain(images.roll(step, -1)), -step, -1)[..., step:-step]
    one, other = (
        x.reshape(len(x), -1) - x.reshape(len(x), -1).mean(1, keepdims=True)
        for x in (before, after)
    )
    scale = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return (one * other).sum(1) / np.where(scale > 0, scale, np.nan)
