"""Tests against chance: SciPy's and permutations written slowly, and what they say of no effect."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from layerscope.evaluation import Predictions
from layerscope.evaluation.chance import above_chance, by_group


def said(true, p_second):
    p = np.asarray(p_second, float)
    names = [f"e{k}" for k in range(len(p))]
    return Predictions(names, true, np.stack([1 - p, p], axis=1), ["a", "b"])


def drawn(seed, n=60, effect=0.0, groups=3):
    """Labels whose share differs from group to group, and scores that follow the group too."""
    rng = np.random.default_rng(seed)
    group = np.arange(n) % groups
    true = (rng.random(n) < 0.3 + 0.2 * group).astype(int)
    logit = 1.5 * (group - 1) + effect * (true - 0.5) + rng.standard_normal(n)
    return said(true, 1 / (1 + np.exp(-logit))), [f"r{k}" for k in group]


def test_the_binomial_test_is_scipys():
    predictions, groups = drawn(0, effect=1.0)
    found = above_chance(predictions, groups, 0.55, draws=9)
    correct = int((predictions.true == predictions.predicted).sum())
    assert found.binomial_p == binomtest(correct, 60, 0.55, alternative="greater").pvalue


def test_permutations_are_within_groups_and_of_three_figures():
    """The same draws, one at a time, with scikit-learn's figures."""
    predictions, groups = drawn(3, effect=1.0)
    found = above_chance(predictions, groups, 0.5, draws=200, seed=5)
    rng, names = np.random.default_rng(5), np.array(groups)
    labels = np.empty((200, 60), int)
    for name in dict.fromkeys(groups):
        here = np.flatnonzero(names == name)
        labels[:, here] = rng.permuted(np.tile(predictions.true[here], (200, 1)), axis=1)

    def share(figure):
        null = [figure(row) for row in labels]
        return (1 + sum(v >= figure(predictions.true) - 1e-12 for v in null)) / 201

    guess, p = predictions.predicted, predictions.probabilities[:, 1]
    assert found.accuracy_p == pytest.approx(share(lambda y: (y == guess).mean()))
    assert found.balanced_accuracy_p == pytest.approx(
        share(lambda y: balanced_accuracy_score(y, guess))
    )
    assert found.auc_p == pytest.approx(share(lambda y: roc_auc_score(y, p)))


def test_no_effect_is_rarely_called_one_though_groups_differ():
    """Scores that know the recording and nothing else: the null holds them too."""
    rates = np.zeros(3)
    for seed in range(200):
        found = above_chance(*drawn(seed), 0.5, draws=199, seed=seed)
        rates += np.array([found.accuracy_p, found.balanced_accuracy_p, found.auc_p]) <= 0.05
    assert (rates / 200 <= 0.09).all()
    across = [above_chance(drawn(s)[0], ["all"] * 60, 0.5, draws=99).auc_p for s in range(40)]
    assert np.mean(np.array(across) <= 0.05) > 0.3  # across groups the same scores look like one


def test_an_effect_is_found():
    found = above_chance(*drawn(0, n=200, effect=3.0), 0.5, draws=999)
    assert found.above
    assert found.auc_p == 0.001
    assert not above_chance(*drawn(0, n=200), 0.5, draws=999).above


def test_of_three_classes_there_is_no_auc():
    predictions = Predictions.from_confusion([[9, 1, 0], [1, 9, 0], [0, 0, 9]], ["a", "b", "c"])
    found = above_chance(predictions, ["r"] * 29, 1 / 3, draws=99)
    assert found.auc_p is None
    assert found.as_dict()["draws"] == 99


def test_each_group_has_its_figures():
    predictions, groups = drawn(1, effect=2.0)
    found = by_group(predictions, groups)
    assert [each.name for each in found] == ["r0", "r1", "r2"]
    for k, each in enumerate(found):
        here = np.arange(60) % 3 == k
        right = predictions.true[here] == predictions.predicted[here]
        assert (each.n, each.correct) == (20, right.sum())
        p = predictions.probabilities[here, 1]
        assert each.auc.value == pytest.approx(roc_auc_score(predictions.true[here], p))
