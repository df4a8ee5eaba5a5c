"""The linear baseline: its features, its choice of strength, what it can and cannot tell."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

from layerscope.data import Split
from layerscope.errors import LayerscopeError
from layerscope.evaluation.linear import HERTZ, STRENGTHS, features, linear_baseline


def split(seed=0, n=90, effect=3.0, groups=3):
    """Noise; the second class has a bump in the middle of the second channel."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    x = rng.standard_normal((n, 3, 64)).astype(np.float32)
    x[labels == 1, 1, 24:32] += effect
    ids = [f"{seed}-{k}" for k in range(n)]
    names = [f"r{k % groups}" for k in range(n)]
    return Split("train", ids, labels, x, np.arange(n), (), names)


def test_features_are_means_over_windows():
    given = split()
    found = features(given, 128.0, 32.0)
    assert found.shape == (90, 3 * 16)
    np.testing.assert_allclose(found[4, 17], given.values[4, 1, 4:8].mean(), rtol=1e-6)
    assert features(given, 20.0, 32.0).shape == (90, 3 * 64)
    assert features(given, 1000.0, 32.0).shape == (90, 3 * 2)


@pytest.mark.parametrize("method", ["logistic", "lda"])
def test_it_tells_what_is_linear_and_nothing_else(method):
    train, test = split(0), split(1)
    found = linear_baseline([train], test, ["a", "b"], 128.0, method)
    assert found.ids == tuple(test.ids)
    assert (found.predicted == found.true).mean() > 0.95
    none = linear_baseline([split(0, effect=0)], split(1, effect=0), ["a", "b"], 128.0, method)
    assert 0.3 < (none.predicted == none.true).mean() < 0.7


def test_the_strength_is_the_best_one_over_groups_left_out():
    train, test = split(0, effect=0.3), split(1, effect=0.3)
    found = linear_baseline([train], test, ["a", "b"], 128.0)
    y, groups = train.labels, np.array(train.groups)

    def fitted(choice, rows):
        x = features(train, 128.0, choice[0])[rows]
        scale = StandardScaler().fit(x)
        model = LogisticRegression(C=choice[1], max_iter=2000).fit(scale.transform(x), y[rows])
        return lambda given: model.predict_proba(scale.transform(features(given, 128.0, choice[0])))

    def loss(choice):
        folds = GroupKFold(3).split(y, y, groups)
        return np.mean([log_loss(y[b], fitted(choice, a)(train)[b]) for a, b in folds])

    best = min([(rate, c) for rate in HERTZ for c in STRENGTHS], key=loss)
    assert STRENGTHS[0] < best[1] < STRENGTHS[-1]
    np.testing.assert_allclose(found.probabilities, fitted(best, slice(None))(test), atol=1e-4)


def test_a_fast_wave_is_not_averaged_away():
    """30 Hz against nothing, as in a flicker: means over 1/32 s hold none of it."""
    parts = [split(seed, effect=0) for seed in (0, 1)]
    wave = 1.5 * np.sin(2 * np.pi * 30 * np.arange(64) / 128)
    for part in parts:
        part.values[part.labels == 1] += wave.astype(np.float32)
    found = linear_baseline([parts[0]], parts[1], ["a", "b"], 128.0)
    assert (found.predicted == found.true).mean() > 0.9


def test_one_group_is_cross_validated_by_parts():
    found = linear_baseline([split(0, groups=1)], split(1), ["a", "b"], 128.0)
    assert (found.predicted == found.true).mean() > 0.95


def test_what_it_cannot_do_is_refused():
    with pytest.raises(LayerscopeError, match='method = "svm": one of logistic, lda'):
        linear_baseline([split()], split(1), ["a", "b"], 128.0, "svm")
    with pytest.raises(LayerscopeError, match="no epoch of c to train"):
        linear_baseline([split()], split(1), ["a", "b", "c"], 128.0)
