"""RDMs and Gram matrices against rsatoolbox; what is refused."""

import numpy as np
import pytest
import torch

from layerscope.brain.gram import gram
from layerscope.brain.rdm import category_rdm, condensed, rdm, square, stimuli_of
from layerscope.errors import Refused


@pytest.fixture
def patterns() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(12, 40)) + 3


def toolbox(patterns: np.ndarray, distance: str) -> np.ndarray:
    rsatoolbox = pytest.importorskip("rsatoolbox")
    made = rsatoolbox.rdm.calc_rdm(rsatoolbox.data.Dataset(patterns), method=distance)
    return made.get_vectors()[0]


def test_correlation_distances_equal_rsatoolbox(patterns):
    assert np.allclose(rdm(patterns), toolbox(patterns, "correlation"), rtol=0, atol=1e-12)


def test_euclidean_distances_equal_rsatoolbox_which_squares_and_divides_them(patterns):
    theirs = toolbox(patterns, "euclidean")  # squared, over the number of features
    assert np.allclose(rdm(patterns, "euclidean") ** 2 / 40, theirs, rtol=1e-10)


def test_maps_in_float32_equal_their_flat_patterns_in_float64():
    maps = torch.rand(6, 5, 31, 33, generator=torch.Generator().manual_seed(1)) + 10
    exact = maps.double().flatten(1).numpy()
    slow = (1 - np.corrcoef(exact))[np.triu_indices(6, 1)]
    assert np.abs(rdm(maps) - slow).max() < 1e-5
    assert np.allclose(gram(maps).products, exact @ exact.T, rtol=1e-6)


def test_a_constant_pattern_has_euclidean_distances_only(patterns):
    patterns[4] = 2.5
    with pytest.raises(Refused, match="stimulus 4"):
        rdm(patterns)
    assert len(rdm(patterns, "euclidean")) == 66


def test_categories_and_their_square():
    labels = ["face", "house", "face", "cat"]
    matrix = square(category_rdm(labels))
    assert matrix.tolist() == [[float(a != b) for b in labels] for a in labels]
    assert np.array_equal(condensed(matrix), category_rdm(labels))
    with pytest.raises(Refused, match="one category"):
        category_rdm(["face"] * 3)


@pytest.mark.parametrize(
    ("matrix", "told"),
    [
        (np.ones((3, 3)), "diagonal"),
        (np.array([[0, 1, 2], [1, 0, 3], [5, 3, 0]]), "symmetric"),
        (np.array([[0, np.nan, 1], [np.nan, 0, 1], [1, 1, 0]]), "NaN"),
        (np.zeros((3, 4)), "shape"),
    ],
)
def test_what_is_no_rdm_is_refused(matrix, told):
    with pytest.raises(Refused, match=told):
        condensed(matrix)


def test_numbers_that_are_no_pairs_are_refused():
    assert [stimuli_of(n) for n in (1, 3, 4186)] == [2, 3, 92]
    with pytest.raises(Refused, match="5 values"):
        stimuli_of(5)


def test_values_that_are_not_finite_are_refused(patterns):
    patterns[2, 3] = np.inf
    with pytest.raises(Refused, match="infinity"):
        rdm(patterns)
