"""Drawn splits keep groups whole and near their fractions; groups in two given splits are told."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerscope import LayerscopeError
from layerscope.data.found import Found
from layerscope.data.group_splits import check_leak, draw
from layerscope.data.inputs import InputSpec

CLASSES = ["yes", "no", "up"]


def many(seed=0, speakers=40):
    """Speakers who say some of the words some times."""
    rng = np.random.default_rng(seed)
    groups = np.repeat([f"s{k}" for k in range(speakers)], rng.integers(3, 20, speakers))
    return groups.tolist(), rng.integers(0, 3, len(groups))


def drawn(groups, labels, fractions, seed=0):
    keys = [f"clip {k}".encode() for k in range(len(groups))]
    return draw(groups, "speaker", labels, keys, fractions, seed, CLASSES)


@given(st.integers(0, 50))
def test_no_group_is_in_two_splits_and_the_shares_come_out(seed):
    groups, labels = many(seed)
    split = drawn(groups, labels, {"test": 0.1, "val": 0.2}, seed)
    places = {}
    for group, name in zip(groups, split, strict=True):
        places.setdefault(group, set()).add(name)
    assert all(len(where) == 1 for where in places.values())
    for name, share in (("test", 0.1), ("val", 0.2)):
        for label in range(3):
            of_class = labels == label
            assert abs(((split == name) & of_class).sum() / of_class.sum() - share) < 0.12
        assert abs((split == name).mean() - share) < 0.05


def test_the_order_of_the_examples_does_not_matter_but_the_seed_does():
    groups, labels = many()
    split = drawn(groups, labels, {"val": 0.2})
    order = np.random.default_rng(1).permutation(len(groups))
    again = drawn([groups[k] for k in order], labels[order], {"val": 0.2})
    assert (again == split[order]).all()
    assert (drawn(groups, labels, {"val": 0.2}, seed=1) != split).any()


def test_examples_of_unknown_group_are_drawn_one_by_one():
    split = drawn([""] * 300, np.arange(300) % 3, {"val": 0.1})
    assert (split == "val").sum() == 30


def test_a_class_that_cannot_be_in_every_split_is_named():
    groups, labels = ["ann"] * 4 + ["bob"] * 4, np.array([0, 1, 2, 2, 0, 1, 0, 1])
    with pytest.raises(LayerscopeError, match=r"class up comes from 1 speakers, too few"):
        drawn(groups, labels, {"val": 0.5})


def test_a_rare_class_is_in_every_split():
    groups = [f"s{k}" for k in range(60)]
    labels = np.array([2, 2, 2] + [k % 2 for k in range(57)])
    split = drawn(groups, labels, {"test": 0.1, "val": 0.1})
    assert sorted(split[:3]) == ["test", "train", "val"]


def found(groups, splits, leak):
    count = len(groups)
    return Found(
        classes=("yes", "no"),
        ids=[str(k) for k in range(count)],
        labels=np.zeros(count, np.int64),
        splits=splits,
        sha256=[b""] * count,
        sources=[""] * count,
        reasons=[""] * count,
        rows=np.arange(count),
        values=np.zeros((count, 4), np.int16),
        spec=lambda _rows: InputSpec("waveform", (1, 4), (0.0,), (1.0,)),
        groups=groups,
        leak=leak,
        group_word="speaker",
    )


def test_a_group_in_two_given_splits_is_warned_of_or_refused():
    groups, splits = ["ann", "bob", "ann", "cem", ""], ["train", "train", "val", "val", "val"]
    usable = np.ones(5, bool)
    (message,) = check_leak(found(groups, splits, "warn"), usable, np.array(splits))
    assert message.startswith("1 of 3 speakers are in more than one split: ann (train, val)")
    with pytest.raises(LayerscopeError, match=r"ann \(train, val\)"):
        check_leak(found(groups, splits, "refuse"), usable, np.array(splits))
    usable[2] = False  # a refused example is in no split
    assert check_leak(found(groups, splits, "refuse"), usable, np.array(splits)) == ()
