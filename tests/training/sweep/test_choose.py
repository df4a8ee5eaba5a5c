"""The rule on hand-made figures, standard errors against a slow bootstrap, the Pareto front."""

import math

import numpy as np
import pytest

from layerscope.evaluation.figures import resample
from layerscope.training.sweep.choose import (
    Candidate,
    Quality,
    bootstrap_error,
    choose,
    pareto,
    quality,
)


def candidate(number, mean, size, error=0.01, flops=1.0):
    return Candidate(number, Quality(mean, mean, mean, 1, None, error), size, flops)


TABLE = [  # the study's own figures, C = 32 and 64, and their sizes
    *(candidate(n, a, s) for n, a, s in [(0, 0.7338, 265_190), (1, 0.8130, 228_262)]),
    *(candidate(n, a, s) for n, a, s in [(2, 0.9044, 803_366), (3, 0.9258, 1_596_742)]),
    *(candidate(n, a, s) for n, a, s in [(4, 0.9242, 3_193_926), (5, 0.9359, 6_469_702)]),
]


def test_the_smallest_within_one_standard_error_of_the_best():
    chosen = choose(TABLE, "one_standard_error")
    assert (chosen.chosen, chosen.best) == (5, 5)  # 0.9258 is just 0.0101 below
    assert chosen.threshold == pytest.approx(0.9259)
    wider = [candidate(c.number, c.quality.mean, c.size, error=0.0102) for c in TABLE]
    assert choose(wider, "one_standard_error").chosen == 3
    assert choose(wider, "best").chosen == 5


def test_only_the_error_of_the_best_counts():
    found = choose(
        [candidate(0, 0.90, 10, error=0.5), candidate(1, 0.95, 20)], "one_standard_error"
    )
    assert found.chosen == 1


def test_equals_in_size_are_told_apart_by_flops_then_by_quality():
    same = [candidate(0, 0.90, 10, flops=5), candidate(1, 0.905, 10), candidate(2, 0.902, 10)]
    assert choose(same, "one_standard_error").chosen == 1


def test_the_errors_of_seeds_and_examples_are_added_in_squares():
    rng = np.random.default_rng(0)
    true = rng.integers(0, 3, 200)
    correct = rng.random((4, 200)) < 0.8
    found = quality(true, correct, "accuracy")
    every = correct.mean(axis=1)
    assert (found.mean, found.low, found.high) == pytest.approx(
        (every.mean(), every.min(), every.max())
    )
    assert found.seeds_error == pytest.approx(np.std(every, ddof=1) / 2)
    assert found.error == pytest.approx(math.hypot(found.seeds_error, found.examples_error))
    alone = quality(true, correct[:1], "accuracy")
    assert alone.seeds_error is None
    assert alone.error == alone.examples_error


@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy"])
def test_the_bootstrap_equals_one_that_draws_examples(metric):
    rng = np.random.default_rng(1)
    true = rng.choice(4, 300, p=[0.6, 0.25, 0.1, 0.05])
    correct = rng.random((3, 300)) < np.array([0.95, 0.8, 0.6, 0.5])[true]
    figures = []
    for _ in range(2000):
        drawn = rng.integers(0, 300, 300)
        if metric == "accuracy":
            figures.append(correct[:, drawn].mean())
        else:
            recalls = [
                correct[:, drawn[true[drawn] == k]].mean() for k in range(4) if k in true[drawn]
            ]
            figures.append(np.mean(recalls))
    slow = np.std(figures, ddof=1)
    assert bootstrap_error(true, correct, metric) == pytest.approx(slow, rel=0.08)


def test_with_one_seed_it_is_the_evaluations_bootstrap():
    true = np.repeat([0, 1], [100, 40])
    correct = np.concatenate([np.arange(100) < 90, np.arange(40) < 20])[None]
    draws = resample(np.array([[90, 10], [20, 20]]), draws=4000, seed=3).recall.mean(axis=1)
    ours = bootstrap_error(true, correct, "balanced_accuracy")
    assert ours == pytest.approx(np.std(draws), rel=0.06)


def test_the_front_is_what_nothing_beats():
    rng = np.random.default_rng(2)
    for _ in range(50):
        costs, values = rng.integers(0, 6, 12), rng.integers(0, 6, 12)
        kept = pareto(costs.tolist(), values.tolist())
        for k in range(12):
            beaten = (costs <= costs[k]) & (values >= values[k])
            beaten &= (costs < costs[k]) | (values > values[k])
            assert kept[k] == (not beaten.any())
