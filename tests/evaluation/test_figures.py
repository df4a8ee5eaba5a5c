"""Figures and intervals against scikit-learn, SciPy, a slow twin, and planted rates."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import precision_recall_fscore_support

from layerscope.evaluation import figures

STUDY = np.array(
    [
        [28, 0, 1, 1, 0, 0],
        [5, 932, 12, 85, 2, 14],
        [0, 3, 62, 13, 0, 0],
        [4, 29, 75, 1831, 0, 1],
        [0, 0, 0, 1, 32, 1],
        [0, 1, 0, 1, 2, 47],
    ]
)
matrices = st.integers(1, 5).flatmap(
    lambda k: st.lists(st.lists(st.integers(0, 6), min_size=k, max_size=k), min_size=k, max_size=k)
)


@settings(max_examples=60, deadline=None)
@given(matrices)
def test_figures_and_averages_are_scikit_learns(rows):
    confusion = np.array(rows)
    k = len(confusion)
    true, predicted = np.divmod(np.repeat(np.arange(k * k), confusion.ravel()), k)
    if not len(true):
        return
    counts = figures.tally(confusion)
    ours = (counts.precision, counts.recall, counts.f1)
    options = {"labels": range(k), "zero_division": np.nan}
    theirs = precision_recall_fscore_support(true, predicted, **options)
    np.testing.assert_array_equal(counts.support, theirs[3])
    for mine, other in zip(ours, theirs, strict=False):
        np.testing.assert_allclose(mine, other, atol=1e-12)
    for average, weights in (("macro", None), ("weighted", counts.support)):
        theirs = precision_recall_fscore_support(true, predicted, average=average, **options)
        for mine, other in zip(ours, theirs, strict=False):
            if weights is not None and not weights[~np.isnan(mine)].any():
                other = np.nan  # no class with examples has the figure: scikit-learn says 0
            np.testing.assert_allclose(figures.mean(mine, weights), other, atol=1e-12)


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
@pytest.mark.parametrize(
    ("count", "total"), [(0, 1), (1, 1), (0, 34), (62, 78), (1831, 1940), (3, 3)]
)
def test_wilson_is_scipys(count, total, confidence):
    ours = figures.wilson(count, total, confidence)
    theirs = binomtest(count, total).proportion_ci(confidence, method="wilson")
    assert ours.value == count / total
    np.testing.assert_allclose(ours.interval, (theirs.low, theirs.high), atol=1e-12)
    assert ours.low <= ours.value <= ours.high


def test_the_bootstrap_agrees_with_drawing_the_examples_one_by_one():
    k, n, draws = 6, STUDY.sum(), 600
    cells = np.repeat(np.arange(k * k), STUDY.ravel())
    random = np.random.default_rng(3)
    slow = []
    for _ in range(draws):
        drawn = np.bincount(random.choice(cells, size=n), minlength=k * k).reshape(k, k)
        slow.append(figures.tally(drawn))
    fast = figures.resample(STUDY, 4000, seed=0)
    for figure in ("precision", "recall", "f1"):
        expected = np.array([getattr(each, figure) for each in slow])  # (draws, K)
        ours = getattr(fast, figure)
        np.testing.assert_allclose(ours.mean(axis=0), expected.mean(axis=0), atol=0.01)
        np.testing.assert_allclose(ours.std(axis=0), expected.std(axis=0), rtol=0.15)


def test_a_draw_is_a_confusion_matrix_of_as_many_examples():
    drawn = figures.resample(STUDY, 50, seed=1)
    assert (drawn.support.sum(axis=1) == STUDY.sum()).all()
    assert (drawn.predicted.sum(axis=1) == STUDY.sum()).all()
    assert (drawn.correct <= np.minimum(drawn.support, drawn.predicted)).all()
    assert drawn.correct.shape == (50, 6)


def test_the_bootstrap_is_seeded_and_does_not_depend_on_the_size_of_its_parts(monkeypatch):
    whole = figures.resample(STUDY, 40, seed=7)
    monkeypatch.setattr(figures, "CHUNK", 200)
    parts = figures.resample(STUDY, 40, seed=7)
    np.testing.assert_array_equal(whole.correct, parts.correct)
    np.testing.assert_array_equal(whole.predicted, parts.predicted)
    assert not np.array_equal(whole.correct, figures.resample(STUDY, 40, seed=8).correct)


def test_equal_prevalence_is_the_precision_of_equally_many_examples():
    rates = STUDY / STUDY.sum(axis=1, keepdims=True)
    expected = np.diag(rates) / rates.sum(axis=0)
    ours = figures.equal_prevalence(STUDY)
    np.testing.assert_allclose([each.value for each in ours], expected, atol=1e-12)
    balanced = np.array([[8, 2], [3, 7]])  # already equally many: nothing changes
    np.testing.assert_allclose(
        [each.value for each in figures.equal_prevalence(balanced)],
        figures.tally(balanced).precision,
    )


def test_equal_prevalence_is_undefined_where_precision_or_recall_is():
    never_predicted, without_examples = figures.equal_prevalence(np.array([[0, 5], [0, 0]]))
    assert never_predicted.value is without_examples.value is None
    alone = figures.equal_prevalence(np.array([[5]]))[0]
    assert (alone.value, alone.high) == (1.0, 1.0)


def confused(k: int, error: float) -> np.ndarray:
    """Rates of k classes, each taken for every other one equally often."""
    wrong = ~np.eye(k, dtype=bool)
    return np.eye(k) * (1 - error) + wrong * error / (k - 1)


UNEQUAL = np.array([[0.9, 0.06, 0.04], [0.02, 0.95, 0.03], [0.01, 0.02, 0.97]])


@pytest.mark.parametrize(
    ("rates", "sizes"),
    [(UNEQUAL, [30, 400, 40]), (confused(10, 0.03), [36] * 10), (confused(30, 0.2), [20] * 30)],
    ids=["unequal", "rare", "many"],
)
def test_the_interval_of_equal_prevalence_covers_the_planted_rate(rates, sizes):
    """Few examples and rare confusions, where a bootstrap sees no error and claims certainty."""
    truth = rates[0, 0] / rates[:, 0].sum()
    random, covered, width, trials = np.random.default_rng(0), 0, 0.0, 600
    for _ in range(trials):
        drawn = np.array([random.multinomial(n, row) for n, row in zip(sizes, rates, strict=True)])
        low, high = figures.equal_prevalence(drawn)[0].interval
        covered += low <= truth <= high
        width += (high - low) / trials
    assert covered / trials >= 0.94
    assert width < 0.37


@settings(max_examples=80, deadline=None)
@given(matrices)
def test_every_interval_holds_its_value(rows):
    for each in figures.equal_prevalence(np.array(rows)):
        assert each.value is None or 0 <= each.low <= each.value <= each.high <= 1


def test_a_thousand_classes_fit_into_memory_and_time():
    random = np.random.default_rng(0)
    confusion = np.zeros((1000, 1000), dtype=np.int64)
    np.add.at(confusion, (random.integers(1000, size=3000), random.integers(1000, size=3000)), 1)
    assert figures.resample(confusion, 20, seed=0).support.shape == (20, 1000)
