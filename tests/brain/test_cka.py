"""CKA against the formulas of its papers, written out."""

import numpy as np
import pytest

from layerscope.brain.cka import cka, cka_matrix
from layerscope.brain.gram import gram
from layerscope.errors import Refused


def answers(features: int, seed: int, stimuli: int = 20) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(stimuli, features)) + 1


def hsic(kernel: np.ndarray, other: np.ndarray) -> float:
    """Song et al. 2012, equation 5."""
    n = len(kernel)
    k, m = kernel - np.diag(np.diag(kernel)), other - np.diag(np.diag(other))
    trace = np.trace(k @ m) + k.sum() * m.sum() / ((n - 1) * (n - 2))
    return (trace - 2 / (n - 2) * (k @ m).sum()) / (n * (n - 3))


def test_plain_cka_is_that_of_the_features():
    x, y = answers(7, 0), answers(5, 1)
    a, b = x - x.mean(0), y - y.mean(0)
    slow = np.linalg.norm(a.T @ b) ** 2 / np.linalg.norm(a.T @ a) / np.linalg.norm(b.T @ b)
    assert cka(gram(x), gram(y), debiased=False) == pytest.approx(slow, abs=1e-12)


def test_debiased_cka_is_that_of_unbiased_hsic():
    k, m = (x @ x.T for x in (answers(7, 0), answers(5, 1)))
    slow = hsic(k, m) / np.sqrt(hsic(k, k) * hsic(m, m))
    assert cka(gram(answers(7, 0)), gram(answers(5, 1))) == pytest.approx(slow, abs=1e-12)


def test_a_rotation_and_a_scale_change_nothing():
    x = answers(6, 2)
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(6, 6)))[0]
    assert cka(gram(x), gram(4 * x @ turn)) == pytest.approx(1)


def test_unrelated_wide_layers_are_alike_only_with_the_bias():
    pairs = [(gram(answers(500, s)), gram(answers(500, 100 + s))) for s in range(12)]
    biased = np.mean([cka(a, b, debiased=False) for a, b in pairs])
    unbiased = np.mean([cka(a, b) for a, b in pairs])
    assert biased > 0.9
    assert abs(unbiased) < 0.03


def test_a_matrix_holds_every_pair():
    layers = [gram(answers(5, s)) for s in range(3)]
    matrix = cka_matrix(layers, layers[:2])
    assert matrix.shape == (3, 2)
    assert matrix[2, 1] == pytest.approx(cka(layers[2], layers[1]))


def test_what_cannot_be_aligned_is_refused():
    with pytest.raises(Refused, match="20 and 19"):
        cka(gram(answers(3, 0)), gram(answers(3, 0, stimuli=19)))
    with pytest.raises(Refused, match="same answer"):
        cka(gram(np.ones((5, 3))), gram(answers(3, 0, stimuli=5)))
    with pytest.raises(Refused, match="four or more"):
        cka(gram(answers(3, 0, stimuli=3)), gram(answers(3, 1, stimuli=3)))
