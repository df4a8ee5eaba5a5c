"""The stated rule of the verdict, on numbers whose answer is known."""

import numpy as np
import pytest

from layerscope.trust import verdict

STEADY = {"weights": "yes", "faithful": "yes", "located": "yes", "steady": "yes"}


def test_the_interval_covers_the_mean_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    hits = 0
    for _ in range(300):
        found = verdict.interval(random.normal(size=40))
        hits += found.low <= 0 <= found.high
    assert 0.90 < hits / 300 < 0.98
    assert not verdict.interval(np.array([5.0, 5.0])).surely_above(0)
    assert np.isnan(verdict.interval(np.array([np.nan])).mean)


@pytest.mark.parametrize(
    ("change", "level", "words"),
    [
        ({}, "pass", "where is the evidence"),
        ({"located": "unclear"}, "pass", "where is the evidence"),
        ({"weights": "no", "located": "unclear"}, "fail", verdict.STRUCTURE),
        ({"weights": "no", "faithful": "unclear"}, "fail", verdict.STRUCTURE),
        ({"weights": "no"}, "care", "much of it is the input's structure"),
        ({"faithful": "no"}, "fail", "no better than chance"),
        ({"faithful": "unclear"}, "care", "how the input is hidden"),
        ({"weights": "unclear"}, "care", "may show the input's structure"),
        ({"located": "no"}, "care", "of two classes"),
        ({"steady": "no"}, "pass", "moves much"),
        ({"unit": "yes"}, "pass", "what does this unit detect"),
        ({"faithful": "no", "layer": "yes"}, "fail", "what does the layer keep"),
    ],
)
def test_each_answer_changes_the_reading_as_the_rule_says(
    change: dict[str, str], level: str, words: str
) -> None:
    found = verdict.reading(STEADY | change)
    assert found[0] == level
    assert words in found[1]


def test_faithful_needs_three_of_four_ways_and_every_baseline() -> None:
    noise = np.random.default_rng(0).normal(size=30) * 0.01
    good, zero = 0.5 + noise, np.zeros(30)
    ways = ("a", "b", "c", "d")
    others = {way: {"random": zero, "edges": zero} for way in ways}

    def asked(better: int) -> str:
        gaps = {way: good if k < better else zero + noise for k, way in enumerate(ways)}
        return verdict.is_faithful(gaps, others)

    assert [asked(k) for k in (4, 3, 2, 0)] == ["yes", "yes", "unclear", "no"]
    beaten = {way: {"random": zero, "edges": good + 1} for way in ways}
    assert verdict.is_faithful(dict.fromkeys(ways, good), beaten) == "no"


def test_what_hardly_depends_on_the_weights_is_told() -> None:
    noise = np.random.default_rng(1).normal(size=20) * 0.05
    alike = [verdict.depends_on_weights(level + noise) for level in (0.2, 0.5, 0.9)]
    assert alike == ["yes", "unclear", "no"]
    assert [verdict.is_located(x + noise) for x in (0.7, 0.5, 0.3)] == ["yes", "unclear", "no"]
    assert [verdict.is_steady(x + noise) for x in (0.3, 1.0, 2.0)] == ["yes", "unclear", "no"]
