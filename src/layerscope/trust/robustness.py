"""Robustness: how far a map moves when its input hardly does."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from layerscope.errors import Refused

Explain = Callable[[Tensor], Mapping[str, np.ndarray]]
"""Inputs `(B, channel, ...)` to their maps by method, `(B, ...)`, each for the original's class."""


def max_sensitivity(
    explain: Explain,
    images: Tensor,
    *,
    radius: float | Tensor,
    samples: int = 10,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Give the largest change of each map under small uniform noise, as a share of its norm.

    Yeh et al. 2019, arXiv:1901.09392. All methods see the same noise, so that they share their
    passes. A map that is 0 everywhere has no share: NaN.

    Args:
        explain: makes the maps.
        images: `(B, channel, ...)`.
        radius: the noise lies from -radius to radius, in the input's units.
        samples: how often it is drawn.
        seed: of the drawing.

    Returns:
        By method, `(B,)`.

    """
    if samples < 1:
        raise Refused(f"samples = {samples}: at least 1")
    original = {name: _flat(maps) for name, maps in explain(images).items()}
    generator = torch.Generator().manual_seed(seed)
    worst = {name: np.zeros(len(images)) for name in original}
    for _ in range(samples):
        drawn = (2 * torch.rand(images.shape, generator=generator) - 1) * radius
        for name, maps in explain(images + drawn).items():
            change = np.linalg.norm(_flat(maps) - original[name], axis=1)
            worst[name] = np.maximum(worst[name], change)
    norms = {name: np.linalg.norm(maps, axis=1) for name, maps in original.items()}
    return {name: worst[name] / np.where(norm > 0, norm, np.nan) for name, norm in norms.items()}


def shift_equivariance(explain: Explain, images: Tensor, step: int) -> dict[str, np.ndarray]:
    """Give how well maps move along with their input, moved `step` places along the last axis.

    1 for a method and a network that are equivariant. Places near the border, to which what left
    on the other side was moved, are left out.

    Returns:
        Pearson's correlation of the map, moved, and the map of the moved input, by method `(B,)`.

    """
    if not 0 < step < images.shape[-1] // 2:
        raise Refused(f"step = {step}: above 0, below half of {images.shape[-1]}")
    before, after = explain(images), explain(images.roll(step, -1))
    return {
        name: _correlation(maps[..., step:-step], np.roll(after[name], -step, -1)[..., step:-step])
        for name, maps in before.items()
    }


def _correlation(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    a, b = (_flat(x) - _flat(x).mean(1, keepdims=True) for x in (one, other))
    scale = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return (a * b).sum(1) / np.where(scale > 0, scale, np.nan)


def _flat(maps: np.ndarray) -> np.ndarray:
    return np.asarray(maps, float).reshape(len(maps), -1)
