"""The area under the curve equals scikit-learn's, its variance DeLong's written slowly."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from layerscope.evaluation.auc import auc, auc_difference, delong


def scores(seed=0, n=60, tied=False):
    rng = np.random.default_rng(seed)
    positive = rng.random(n) < 0.4
    found = rng.standard_normal((2, n)) + positive * np.array([[1.0], [0.5]])
    return positive, np.round(found) if tied else found


def slow(positive, score):
    """DeLong's structural components, pair by pair."""
    above, below = score[positive], score[~positive]
    wins = np.array([[(a > b) + 0.5 * (a == b) for b in below] for a in above])
    return wins.mean(axis=1), wins.mean(axis=0)


@pytest.mark.parametrize("tied", [False, True])
def test_areas_and_covariance_are_those_of_the_paper(tied):
    positive, found = scores(tied=tied)
    values, covariance = delong(positive, found)
    parts = [slow(positive, row) for row in found]
    ones, zeros = (np.stack([part[k] for part in parts]) for k in (0, 1))
    np.testing.assert_allclose(values, [roc_auc_score(positive, row) for row in found])
    expected = np.cov(ones) / positive.sum() + np.cov(zeros) / (~positive).sum()
    np.testing.assert_allclose(covariance, expected)


def test_an_interval_holds_the_truth_as_often_as_it_says():
    truth = 0.7602  # of two normals a standard deviation apart: Phi(1 / sqrt 2)
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(400):
        positive = np.arange(80) < 40
        found = auc(positive, rng.standard_normal(80) + positive)
        inside += found.low <= truth <= found.high
    assert 0.92 <= inside / 400 <= 0.98


def test_a_difference_is_found_only_where_there_is_one():
    rng = np.random.default_rng(1)
    positive = np.arange(100) < 50
    false = 0
    for _ in range(300):
        shared = rng.standard_normal(100) + positive
        ours, theirs = (shared + rng.standard_normal(100) for _ in "ab")
        found = auc_difference(positive, ours, theirs)
        false += not found.low <= 0 <= found.high
    assert 0.02 <= false / 300 <= 0.09
    clear = auc_difference(positive, positive + 0.1 * rng.standard_normal(100), -1.0 * positive)
    assert clear.value == 1.0


def test_what_is_undefined_is_none():
    assert auc(np.ones(4, bool), np.arange(4.0)).value is None
    perfect = auc(np.array([False, True]), np.array([0.0, 1.0]))
    assert (perfect.value, perfect.interval) == (1.0, None)
    assert auc_difference(np.zeros(4, bool), np.arange(4.0), np.arange(4.0)).value is None


def test_scores_may_be_extreme():
    positive, found = scores()
    assert auc(positive, 1e30 * found[0]).value == auc(positive, found[0]).value
