"""Balance and splits as properties, over random labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerscope import LayerscopeError
from layerscope.data.balance import BALANCES, class_weights, epoch_order
from layerscope.data.splits import draw

labels_of = st.lists(st.integers(0, 3), min_size=1, max_size=60).map(np.array)


@given(labels=labels_of, balance=st.sampled_from(BALANCES), epoch=st.integers(0, 5))
def test_an_order_is_a_pure_function_of_its_arguments(labels, balance, epoch):
    order = epoch_order(labels, balance, 7, epoch)
    np.testing.assert_array_equal(order, epoch_order(labels.copy(), balance, 7, epoch))
    assert set(labels[order]) == set(labels)


@given(labels=labels_of)
def test_how_many_of_each_class_are_shown(labels):
    counts = np.bincount(labels)
    present = counts[counts > 0]
    for balance, wanted in (("undersample", present.min()), ("oversample", present.max())):
        order = epoch_order(labels, balance, 0, 0)
        shown = np.bincount(labels[order], minlength=len(counts))
        assert shown[counts > 0].tolist() == [wanted] * len(present)
    for balance in ("none", "weighted"):
        assert sorted(epoch_order(labels, balance, 0, 0)) == list(range(len(labels)))


@given(labels=labels_of)
def test_repetition_is_even_and_drawing_is_without_repetition(labels):
    times = np.bincount(epoch_order(labels, "oversample", 3, 1), minlength=len(labels))
    for label in set(labels):
        assert np.ptp(times[labels == label]) <= 1
    for balance in ("undersample", "undersample_each_epoch"):
        order = epoch_order(labels, balance, 3, 1)
        assert len(set(order)) == len(order)


def test_one_fixed_draw_and_a_fresh_one_each_epoch():
    labels = np.repeat([0, 1], [400, 20])
    shown = lambda balance, epoch: set(epoch_order(labels, balance, 0, epoch))
    assert shown("undersample", 0) == shown("undersample", 1)
    assert shown("undersample_each_epoch", 0) != shown("undersample_each_epoch", 1)
    assert list(epoch_order(labels, "undersample", 0, 0)) != list(
        epoch_order(labels, "undersample", 0, 1)
    )
    assert shown("undersample", 0) != set(epoch_order(labels, "undersample", 1, 0))


@given(labels=labels_of)
def test_weights_have_the_mean_1_over_examples_and_count_classes_alike(labels):
    weights = class_weights(labels, "weighted", 4)
    assert weights[labels].mean() == pytest.approx(1, rel=1e-5)
    totals = np.bincount(labels, weights[labels], minlength=4)
    assert np.ptp(totals[np.unique(labels)]) == pytest.approx(0, abs=1e-3)
    assert (class_weights(labels, "none", 4) == 1).all()


def test_an_unknown_balance_is_told_what_there_is():
    with pytest.raises(LayerscopeError, match="one of none, undersample"):
        epoch_order(np.array([0, 1]), "smote", 0, 0)


@given(
    sizes=st.lists(st.integers(3, 40), min_size=2, max_size=4),
    val=st.floats(0.05, 0.4),
    test=st.floats(0.05, 0.4),
    shuffle=st.randoms(use_true_random=False),
)
def test_drawn_splits_are_stratified_and_do_not_depend_on_the_order(sizes, val, test, shuffle):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    keys = [f"photo {k}".encode() for k in range(len(labels))]
    names = [f"class {k}" for k in range(len(sizes))]
    fractions = {"val": val, "test": test}
    split = draw(labels, keys, fractions, 0, names)
    order = list(range(len(labels)))
    shuffle.shuffle(order)
    again = draw(labels[order], [keys[k] for k in order], fractions, 0, names)
    counts = {name: np.bincount(labels[split == name]) for name in ("train", "val", "test")}
    for name, fraction in fractions.items():
        exact = np.array(sizes) * fraction
        assert (np.abs(counts[name] - exact) < 1 + 1e-9).all()
        assert (counts[name] >= 1).all()
        same_size = np.bincount(labels[order][again == name])
        assert same_size.sum() == counts[name].sum()
    if len(set(sizes)) == len(sizes):  # remainders of equal classes go by their place
        np.testing.assert_array_equal(again, split[order])


def test_a_seed_decides_the_draw_and_few_examples_are_refused():
    labels, keys = np.zeros(40, dtype=int), [bytes([k]) for k in range(40)]
    one, other = (draw(labels, keys, {"val": 0.5}, seed, ["a"]) for seed in (0, 1))
    assert (one != other).any()
    with pytest.raises(LayerscopeError, match="class a has 1 usable examples, too few for 2"):
        draw(labels[:1], keys[:1], {"val": 0.5}, 0, ["a"])
