"""Halving: what is trained next, simulated to the end and compared with a plain account of it."""

import math
import random

import pytest

from layerscope.training.sweep.plan import Standing, plan
from layerscope.training.sweep.settings import HalvingSettings


def simulate(scores, halving, epochs, failing=(), order=None):
    """Train whatever the plan asks for, one order at a time; give who ran how many epochs."""
    done = dict.fromkeys(scores, 0)
    failed = set()
    while True:
        standings = [
            Standing(
                number,
                dict.fromkeys(range(1, done[number] + 1), scores[number]),
                finished=done[number] == epochs,
                failed=number in failed,
            )
            for number in scores
        ]
        asked = plan(standings, halving, dict.fromkeys(scores, epochs))
        if not asked.todo:
            return done, asked.stopped
        number, until = asked.todo[0] if order is None else order.choice(asked.todo)
        assert done[number] < (until or epochs)
        if number in failing:
            failed.add(number)
        else:
            done[number] = until or epochs


def test_without_halving_everything_is_trained_to_its_end():
    done, stopped = simulate({0: 0.1, 1: 0.9}, None, 5)
    assert done == {0: 5, 1: 5}
    assert not stopped


@pytest.mark.parametrize("count", [1, 2, 9, 14])
def test_successive_halving_keeps_the_best_in_any_order(count):
    scores = {number: (number * 7 % count) / count for number in range(count)}
    halving = HalvingSettings(first=2, factor=3)
    ranked = sorted(scores, key=lambda number: -scores[number])
    budget, left = {}, count
    for reached in (2, 6, 18):
        budget |= dict.fromkeys(ranked[:left], reached)
        left = math.ceil(left / 3)
    budget |= dict.fromkeys(ranked[:left], 20)
    for seed in range(5):
        done, stopped = simulate(scores, halving, 20, order=random.Random(seed))
        assert done == budget
        assert stopped == {number for number in scores if budget[number] < 20}


def test_a_failed_setting_gives_its_place_to_nobody_and_stops_nobody():
    done, stopped = simulate({0: 0.9, 1: 0.8, 2: 0.7}, HalvingSettings(), 3, failing={0})
    assert done == {0: 0, 1: 3, 2: 1}
    assert stopped == {2}


def test_asha_waits_for_nobody_and_finishes_the_best():
    scores = {number: number / 9 for number in range(9)}
    halving = HalvingSettings(kind="asha", first=1, factor=3)
    for seed in range(20):
        done, stopped = simulate(scores, halving, 9, order=random.Random(seed))
        assert done[8] == 9  # the best is never stopped
        assert min(done.values()) == 1
        assert stopped == {number for number in scores if done[number] < 9}
        assert 1 <= sum(reached == 9 for reached in done.values()) <= 4
    early = [Standing(number, {1: number / 9}) for number in range(3)]
    early += [Standing(number) for number in range(3, 9)]
    asked = plan(early, halving, dict.fromkeys(range(9), 9))
    assert asked.todo[0] == (2, 3)  # before the other six have begun


def test_a_budget_below_the_first_rung_is_just_trained():
    for kind in ("successive", "asha"):
        halving = HalvingSettings(kind=kind, first=5)
        assert simulate({0: 0.1, 1: 0.2}, halving, 4)[0] == {0: 4, 1: 4}
