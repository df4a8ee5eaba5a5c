"""Representational dissimilarity matrices (RDMs): how unlike the answers to two stimuli are.

An RDM of N stimuli is kept as its N (N - 1) / 2 values above the diagonal, row by row.
"""

import math
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from layerscope.brain.gram import Gram, gram
from layerscope.errors import Refused

DISTANCES = ("correlation", "euclidean")
#: A pattern whose variance is a smaller share of its power than this does not vary.
_CONSTANT = 1e-12


def rdm(patterns: Tensor | np.ndarray | Gram, distance: str = "correlation") -> np.ndarray:
    """Compute an RDM from patterns `(stimulus, ...)`, or from their Gram matrix: `(pair,)`.

    "correlation": one less Pearson's correlation over features, from 0 to 2; "euclidean": the
    length of the difference. Kriegeskorte, Mur and Bandettini 2008, doi:10.3389/neuro.06.004.2008.

    Raises:
        Refused: fewer than three stimuli, or a pattern that is constant, for a correlation.

    >>> rdm(np.array([[0.0, 1.0], [0.0, 2.0], [1.0, 0.0]])).round(6)
    array([0., 2., 2.])

    """
    known = patterns if isinstance(patterns, Gram) else gram(patterns)
    count = len(known.centred)
    if count < 3:
        raise Refused(f"an RDM of {count} stimuli has nothing to rank: give three or more")
    power = np.diag(known.centred)
    upper = np.triu_indices(count, 1)
    if distance == "euclidean":
        apart = known.features * np.subtract.outer(known.mean, known.mean) ** 2
        squared = power[:, None] + power[None, :] - 2 * known.centred + apart
        return np.sqrt(np.maximum(squared[upper], 0))
    if distance != "correlation":
        raise Refused(f"distance = {distance!r}: one of {', '.join(DISTANCES)}")
    flat = power <= _CONSTANT * (power + known.features * known.mean**2)
    if flat.any():
        raise Refused(
            f"the pattern of stimulus {int(np.flatnonzero(flat)[0])} (counted from 0) is constant, "
            "so that it has no correlation with others: leave it out, or take euclidean distances"
        )
    length = np.sqrt(power)
    return np.clip(1 - (known.centred / np.outer(length, length))[upper], 0, 2)


def category_rdm(labels: Sequence[object]) -> np.ndarray:
    """Compute a category model's RDM: 0 within a category, 1 across, `(pair,)`.

    >>> category_rdm(["face", "face", "house"])
    array([0., 1., 1.])
    """
    if len(set(labels)) < 2:
        raise Refused(f"all {len(labels)} stimuli are of one category: there is nothing to tell")
    different = np.array([[a != b for b in labels] for a in labels], dtype=float)
    return different[np.triu_indices(len(labels), 1)]


def square(vector: np.ndarray) -> np.ndarray:
    """Give an RDM `(..., pair)` as a symmetric matrix `(..., stimulus, stimulus)`.

    >>> square(np.array([1.0, 2.0, 3.0]))
    array([[0., 1., 2.],
           [1., 0., 3.],
           [2., 3., 0.]])
    """
    count = stimuli_of(vector.shape[-1])
    matrix = np.zeros((*vector.shape[:-1], count, count))
    rows, columns = np.triu_indices(count, 1)
    matrix[..., rows, columns] = vector
    matrix[..., columns, rows] = vector
    return matrix


def condensed(matrix: np.ndarray, name: str = "the RDM") -> np.ndarray:
    """Give the pairs `(..., pair)` of square RDMs `(..., stimulus, stimulus)`, float64.

    Raises:
        Refused: not square, not symmetric, not finite, or a diagonal that is not 0.

    """
    matrix = np.asarray(matrix, dtype=np.float64)
    if matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2]:
        raise Refused(f"{name} has the shape {matrix.shape}: expected (..., stimulus, stimulus)")
    rows, columns = np.triu_indices(matrix.shape[-1], 1)
    upper, lower = matrix[..., rows, columns], matrix[..., columns, rows]
    if not np.isfinite(upper).all():
        raise Refused(f"{name} holds NaN or infinity: leave out the stimuli that have no answer")
    scale = np.abs(upper).max(initial=0)
    if not np.allclose(upper, lower, rtol=0, atol=1e-5 * scale):
        raise Refused(f"{name} is not symmetric: [i, j] and [j, i] must be one dissimilarity")
    if np.abs(np.diagonal(matrix, axis1=-2, axis2=-1)).max(initial=0) > 1e-5 * scale:
        raise Refused(f"{name} has a diagonal that is not 0: are these similarities?")
    return upper


def stimuli_of(pairs: int) -> int:
    """Give the number of stimuli that have so many pairs.

    >>> stimuli_of(4186)
    92
    """
    count = (1 + math.isqrt(1 + 8 * pairs)) // 2
    if count * (count - 1) // 2 != pairs:
        raise Refused(f"{pairs} values are not the pairs of any number of stimuli")
    return count
