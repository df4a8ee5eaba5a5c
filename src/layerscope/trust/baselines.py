"""Maps that know nothing of the network: random, the input's edges, the middle of the input."""

import numpy as np
from scipy.ndimage import gaussian_filter, sobel

BASELINES = ("random", "edges", "centre")


def baseline_maps(
    images: np.ndarray, shape: tuple[int, ...], *, seed: int = 0
) -> dict[str, np.ndarray]:
    """Make the map of each baseline.

    Args:
        images: `(B, channel, ...)`.
        shape: of the maps, `(B, *map)`, with the input's channels or without.
        seed: of the random ones.

    Returns:
        By name, each of that shape: uniform random numbers; the length of the smoothed input's
        Sobel gradient; how near the middle of the input's axes of space a place is.

    >>> sorted(baseline_maps(np.zeros((2, 1, 8, 8)), (2, 8, 8)))
    ['centre', 'edges', 'random']

    """
    space = images.ndim - 2
    images = np.asarray(images, float)
    smooth = gaussian_filter(images, (0, 0, *[1] * space))
    edges = np.sqrt(sum(sobel(smooth, axis) ** 2 for axis in range(2, images.ndim)))
    if len(shape) < images.ndim:
        edges = edges.sum(1)
    axes = np.meshgrid(*[np.linspace(-1, 1, n) for n in images.shape[2:]], indexing="ij")
    centre = np.broadcast_to(-np.sqrt(sum(axis**2 for axis in axes)), shape)
    drawn = np.stack([np.random.default_rng((seed, k)).random(shape[1:]) for k in range(shape[0])])
    return {"random": drawn, "edges": edges, "centre": centre.copy()}
