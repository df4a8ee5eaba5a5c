"""How alike two maps are: Spearman's correlation and SSIM, of many pairs at once."""

import numpy as np
from scipy.ndimage import uniform_filter
from scipy.stats import rankdata

from layerscope.errors import Refused


def spearman(one: np.ndarray, other: np.ndarray, *, signed: bool = True) -> np.ndarray:
    """Correlate the ranks of each pair of maps.

    Args:
        one: maps `(N, ...)`.
        other: as many, of the same shape.
        signed: False ranks absolute values.

    Returns:
        `(N,)`; 0 where a map is the same everywhere, so that it says nothing.

    >>> spearman(np.array([[1.0, 2.0, 3.0]]), np.array([[-1.0, -5.0, -9.0]])).round(6).tolist()
    [-1.0]

    """
    _refuse_unlike(one, other)
    ranks = [_centred(rankdata(_flat(x, signed), axis=1)) for x in (one, other)]
    return (ranks[0] * ranks[1]).sum(1)


def ssim(one: np.ndarray, other: np.ndarray, *, signed: bool = True) -> np.ndarray:
    """Compare the structure of each pair of maps (Wang et al. 2004), windows of 7 along each axis.

    Each map is first made a picture of 0..1, as Adebayo et al. 2018 do (arXiv:1810.03292): absolute
    values from the smallest to the 99th percentile, signed ones from less that of their absolute
    values to that. A smaller axis has a smaller, odd window.

    Args:
        one: maps `(N, *space)`.
        other: as many, of the same shape.
        signed: False compares absolute values.

    Returns:
        `(N,)`, the mean over all windows that lie inside.

    >>> maps = np.arange(64.0).reshape(1, 8, 8)
    >>> round(float(ssim(maps, maps)[0]), 6)
    1.0

    """
    _refuse_unlike(one, other)
    a, b = (_picture(np.asarray(x, float), signed) for x in (one, other))
    size = [min(7, n - (n + 1) % 2) for n in a.shape[1:]]
    window = (1, *size)
    count = int(np.prod(size))
    mean_a, mean_b = uniform_filter(a, window), uniform_filter(b, window)
    unbiased = count / max(1, count - 1)
    variance_a = unbiased * (uniform_filter(a * a, window) - mean_a**2)
    variance_b = unbiased * (uniform_filter(b * b, window) - mean_b**2)
    together = unbiased * (uniform_filter(a * b, window) - mean_a * mean_b)
    c1, c2 = 0.01**2, 0.03**2
    index = ((2 * mean_a * mean_b + c1) * (2 * together + c2)) / (
        (mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2)
    )
    inside = tuple(slice(k // 2, n - k // 2) for k, n in zip(size, a.shape[1:], strict=True))
    return index[(slice(None), *inside)].reshape(len(a), -1).mean(1)


def _flat(maps: np.ndarray, signed: bool) -> np.ndarray:
    flat = np.asarray(maps, float).reshape(len(maps), -1)
    return flat if signed else np.abs(flat)


def _centred(ranks: np.ndarray) -> np.ndarray:
    """Centre rows and scale them to length 1; a row that is the same everywhere is 0."""
    ranks = ranks - ranks.mean(1, keepdims=True)
    length = np.sqrt((ranks**2).sum(1, keepdims=True))
    return ranks / np.where(length == 0, 1, length)


def _picture(maps: np.ndarray, signed: bool) -> np.ndarray:
    """Scale maps to 0..1; the strongest hundredth has full brightness."""
    axes = tuple(range(1, maps.ndim))
    strength = np.abs(maps)
    high = np.percentile(strength, 99, axes, keepdims=True)
    low = -high if signed else strength.min(axes, keepdims=True)
    scaled = ((maps if signed else strength) - low) / np.where(high > low, high - low, 1)
    return scaled.clip(0, 1)


def _refuse_unlike(one: np.ndarray, other: np.ndarray) -> None:
    if np.shape(one) != np.shape(other) or np.ndim(one) < 2:
        raise Refused(
            f"maps of the shapes {np.shape(one)} and {np.shape(other)}: give two of one shape, "
            '"batch ..."'
        )
