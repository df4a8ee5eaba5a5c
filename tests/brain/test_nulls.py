"""Nulls: permutations keep recordings apart, p values are honest, corrections hold their level."""

import numpy as np
import pytest

from layerscope.brain.contrasts import class_contrast, layer_contrast
from layerscope.brain.nulls import chance, corrected_p, mean_interval, p_value, permuted_labels
from layerscope.errors import LayerscopeError


def test_permutations_keep_each_recordings_classes():
    labels = np.array([0, 0, 1, 1, 1, 1])
    groups = list("aabbaa")
    rows = permuted_labels(labels, groups, 200, 0)
    a, b = [0, 1, 4, 5], [2, 3]
    assert (rows[:, b] == 1).all()
    assert (np.sort(rows[:, a], axis=1) == [0, 0, 1, 1]).all()
    assert len(np.unique(rows, axis=0)) == 6
    with pytest.raises(LayerscopeError, match="2 groups for 6 labels"):
        permuted_labels(labels, ["a", "b"], 1, 0)


def test_p_values_count_the_value_itself_and_rise_with_the_null():
    null = np.arange(99.0)
    assert p_value(1000.0, null) == pytest.approx(1 / 100)
    assert p_value(-1.0, null) == 1
    assert p_value(90.0, null) == pytest.approx(10 / 100)


def test_corrected_p_values_hold_their_level_whatever_the_scale():
    random, alarms = np.random.default_rng(0), 0
    scale = 10.0 ** np.arange(-3, 3)
    for _ in range(300):
        drawn = random.normal(size=(200, 6)) * scale
        alarms += corrected_p(drawn[0], drawn[1:]).min() < 0.05
    assert 4 <= alarms <= 25  # 15 expected; uncorrected 79
    value = np.array([0.0, 5.0]) * scale[:2]
    assert corrected_p(value, random.normal(size=(999, 2)) * scale[:2])[1] <= 0.005


def test_a_cell_that_never_varies_is_never_told():
    null = np.random.default_rng(0).normal(size=(99, 2)) * [0, 1]
    assert corrected_p(np.array([0.0, 9.0]), null).tolist() == [1, 0.01]


def test_the_interval_of_a_mean_holds_it_as_often_as_it_says():
    random, inside = np.random.default_rng(1), 0
    for n in range(200):
        mean, low, high = mean_interval(random.normal(2, 1, (40, 1)), draws=400, seed=n)
        assert low < mean < high
        inside += low[0] <= 2 <= high[0]
    assert 178 <= inside <= 198


def test_chance_needs_both_tests():
    true = np.array([0, 1] * 50)
    good = chance(true, true, None, true)
    assert good.above
    assert good.sentence().startswith("Above chance: accuracy 1.000 on 100 epochs")
    coin = chance(true, np.random.default_rng(0).integers(0, 2, 100), None, true)
    assert not coin.above
    rare = np.array([0] * 85 + [1] * 15)
    told = rare.copy()
    told[:30] = 1  # it finds the rare class, and takes common ones for it
    found = chance(rare, told, None, rare)
    assert found.permutation_p < 0.001
    assert found.majority == 0.85
    assert not found.above  # always telling the common class would be right more often


def test_what_differs_between_recordings_only_is_no_finding():
    """Classes and sizes go with the recording: permuted within them, nothing is left."""
    groups = ["a"] * 40 + ["b"] * 40
    labels = np.array([0] * 36 + [1] * 4 + [0] * 4 + [1] * 36)
    values = np.where(np.array(groups) == "b", 1.0, 0.0) + np.random.default_rng(0).normal(
        0, 0.1, 80
    )
    value, null = class_contrast(np.stack([-values, values])[..., None], labels, tuple(groups))
    blind = class_contrast(np.stack([-values, values])[..., None], labels, ("x",) * 80)
    assert p_value(value, null)[0] > 0.05
    assert p_value(*blind)[0] < 0.01


def test_units_that_work_against_each_other_do_not_cancel_in_a_layer():
    labels = np.array([0, 1] * 20)
    one = np.where(labels == 1, 1.0, -1.0)
    units = np.stack([one, -one], axis=1)[None, :, :, None]  # (1, N, unit, band)
    values = np.concatenate([-units, units])
    found = layer_contrast({"conv": values}, labels, ("",) * 40, permutations=200)
    assert found.value == pytest.approx(np.array([[4.0]]))
    assert found.corrected[0, 0] < 0.01
    assert found.limit[0, 0] < 4
    whole, _ = class_contrast(values.sum(2), labels, ("",) * 40)
    assert whole == pytest.approx(0)
