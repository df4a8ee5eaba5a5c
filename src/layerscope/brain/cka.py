"""Centred kernel alignment (CKA): how alike two layers' answers to the same stimuli are."""

import numpy as np

from layerscope.brain.gram import Gram
from layerscope.errors import Refused


def cka(a: Gram, b: Gram, *, debiased: bool = True) -> float:
    """Give the linear CKA of two layers: 1 where one is a rotated and scaled copy of the other.

    Debiased, as is the default, unrelated layers give 0 on average also where they have more
    features than there are stimuli; it may then be slightly negative. Without, it lies in 0..1.
    Kornblith et al. 2019, arXiv:1905.00414; the unbiased estimate is Song et al. 2012's.

    Raises:
        Refused: different numbers of stimuli, or fewer than four; a layer that does not vary.

    >>> from layerscope.brain.gram import gram
    >>> answers = np.random.default_rng(0).normal(size=(8, 3))
    >>> round(cka(gram(answers), gram(2 * answers[:, ::-1].copy())), 6)
    1.0

    """
    if len(a.mean) != len(b.mean):
        raise Refused(f"CKA of layers that saw {len(a.mean)} and {len(b.mean)} stimuli: the same")
    return float(cka_matrix([a], [b], debiased=debiased)[0, 0])


def cka_matrix(a: list[Gram], b: list[Gram], *, debiased: bool = True) -> np.ndarray:
    """Give the linear CKA of each of A layers with each of B layers, `(A, B)`."""
    left, right = (_unit_rows(grams, debiased=debiased) for grams in (a, b))
    return left @ right.T


def _unit_rows(grams: list[Gram], *, debiased: bool) -> np.ndarray:
    """Centre each kernel and make it a vector of length 1 whose products are alignments."""
    rows = []
    for one in grams:
        kernel = one.products
        count = len(kernel)
        if count < 4:
            raise Refused(f"CKA of {count} stimuli is not defined: give four or more")
        centred = (_u_centred if debiased else _centred)(kernel)
        square = float((centred**2).sum())
        if square <= (1e-12 * float(np.trace(kernel))) ** 2:
            raise Refused("a layer gives every stimulus the same answer: there is nothing to align")
        rows.append(centred.ravel() / np.sqrt(square))
    return np.stack(rows)


def _centred(kernel: np.ndarray) -> np.ndarray:
    """Take the mean over stimuli from every feature."""
    rows = kernel.mean(0)
    return kernel - rows[:, None] - rows[None, :] + kernel.mean()


def _u_centred(kernel: np.ndarray) -> np.ndarray:
    """Centre without the diagonal, so that products are Song's unbiased estimate of HSIC.

    Székely and Rizzo 2014, doi:10.1214/14-AOS1255, show the two to be one.
    """
    count = len(kernel)
    hollow = kernel - np.diag(np.diag(kernel))
    rows = hollow.sum(0) / (count - 2)
    centred = hollow - rows[:, None] - rows[None, :] + hollow.sum() / ((count - 1) * (count - 2))
    np.fill_diagonal(centred, 0)
    return centred
