"""Octaves: an input improved at several sizes, from the smallest to its own."""

from collections.abc import Callable, Sequence

from torch import Tensor
from torch.nn import functional as F

_LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}


def octave_sizes(space: Sequence[int], octaves: int, ratio: float) -> list[tuple[int, ...]]:
    """List the sizes from the smallest octave to `space` itself, each once.

    >>> octave_sizes((100, 50), 3, 2.0)
    [(25, 12), (50, 25), (100, 50)]
    """
    sizes = [tuple(max(1, int(n / ratio**k)) for n in space) for k in reversed(range(octaves))]
    return list(dict.fromkeys(sizes))


def resized(pictures: Tensor, size: Sequence[int]) -> Tensor:
    """Resize `(N, channel, ...)`: means of cells where it gets smaller, else linearly."""
    if tuple(pictures.shape[2:]) == tuple(size):
        return pictures
    axes = len(size)
    if all(new <= old for new, old in zip(size, pictures.shape[2:], strict=True)):
        pool = (F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d)[axes - 1]
        return pool(pictures, list(size))  # type: ignore[arg-type]
    return F.interpolate(pictures, size=tuple(size), mode=_LINEAR[axes], align_corners=False)


def through_octaves(
    image: Tensor, sizes: Sequence[Sequence[int]], improve: Callable[[Tensor], Tensor]
) -> Tensor:
    """Improve an input `(1, channel, ...)` at each size, starting from what the last one added."""
    added = image.new_zeros((*image.shape[:2], *sizes[0]))
    for size in sizes:
        base = resized(image, size)
        added = improve(base + resized(added, size)) - base
    return image + added
