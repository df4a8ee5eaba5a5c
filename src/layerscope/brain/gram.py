"""Gram matrices: the inner products of stimuli's patterns, all that an RDM or CKA needs of them.

A layer's pattern has up to millions of numbers, its Gram matrix one for each pair of stimuli.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from layerscope.errors import Refused

#: Features multiplied at once in float32; the sums over chunks are float64.
_CHUNK = 2**14


@dataclass(frozen=True, eq=False)
class Gram:
    """Inner products of N patterns of D features.

    Attributes:
        centred: `(N, N)` float64, of the patterns less their own means over features.
        mean: `(N,)`, these means.
        features: D.

    """

    centred: np.ndarray
    mean: np.ndarray
    features: int

    @property
    def products(self) -> np.ndarray:
        """The inner products of the patterns as they are, `(N, N)`."""
        return self.centred + self.features * np.outer(self.mean, self.mean)


def gram(patterns: Tensor | np.ndarray) -> Gram:
    """Compute the Gram matrix of patterns `(N, ...)`; further axes are flattened.

    >>> gram(np.array([[1.0, 3.0], [2.0, 0.0]])).products
    array([[10.,  2.],
           [ 2.,  4.]])
    """
    rows, mean = centre(patterns)
    return Gram(products(rows, rows).numpy(), mean.numpy(), rows.shape[1])


def centre(patterns: Tensor | np.ndarray) -> tuple[Tensor, Tensor]:
    """Take from each pattern its mean over features: `(N, D)` in its own precision, `(N,)`.

    Raises:
        Refused: no features, or values that are not finite.

    """
    rows = torch.as_tensor(patterns).flatten(1)
    if not rows.is_floating_point():
        rows = rows.double()
    if rows.shape[1] == 0:
        raise Refused(f"patterns of the shape {tuple(rows.shape)} have no features")
    mean = rows.mean(1, dtype=torch.float64)
    if not bool(torch.isfinite(mean).all()):
        raise Refused("the patterns hold NaN or infinity: there is no distance between them")
    return rows - mean.to(rows.dtype)[:, None], mean


def products(a: Tensor, b: Tensor) -> Tensor:
    """Multiply patterns `(A, D)` and `(B, D)`: `(A, B)` float64."""
    total = torch.zeros(len(a), len(b), dtype=torch.float64)
    for start in range(0, a.shape[1], _CHUNK):
        some = slice(start, start + _CHUNK)
        total += (a[:, some] @ b[:, some].T).double()
    return total
