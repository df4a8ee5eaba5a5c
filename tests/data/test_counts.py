"""The count table: per class and split, before and after balance, and what was refused."""

import numpy as np
import pytest

from layerscope.data import Dataset, DataSettings, Example, InputSpec, Split
from layerscope.data.counts import count_table

SIZES = {"train": {"cat": 8, "dog": 2, "emu": 4}, "val": {"cat": 3, "dog": 1, "emu": 2}}
CLASSES = ("cat", "dog", "emu")
REFUSED = [
    Example("train/dog/x\n.jpg", "train", "dog", "", "train/dog", "empty: zero bytes"),
    Example("val/emu/y.jpg", "val", "emu", "", "val/emu", "damaged: broken"),
]


def dataset(balance, refused=REFUSED):
    splits, examples = {}, list(refused)
    for split, sizes in SIZES.items():
        labels = np.repeat(range(3), [sizes[name] for name in CLASSES])
        ids = [f"{split}/{k}" for k in range(len(labels))]
        pixels = np.zeros((len(ids), 1, 1, 3), dtype=np.uint8)
        splits[split] = Split(split, ids, labels, pixels, np.arange(len(ids)))
        examples += [
            Example(i, split, CLASSES[label], "", "") for i, label in zip(ids, labels, strict=True)
        ]
    settings = DataSettings(root="x", train="train", val="val", balance=balance)
    spec = InputSpec("photo", (3, 1, 1), (0,) * 3, (1,) * 3)
    return Dataset(settings, CLASSES, spec, examples, splits, "")


@pytest.mark.parametrize(
    ("balance", "balanced", "after"),
    [
        ("none", [8, 2, 4], 4),
        ("weighted", [8, 2, 4], 4),
        ("undersample", [2, 2, 2], 1),
        ("undersample_each_epoch", [2, 2, 2], 1),
        ("oversample", [8, 8, 8], 1),
    ],
)
def test_counts_before_and_after_balance(balance, balanced, after):
    counted = dataset(balance).counts()
    *rows, last = counted["rows"]
    assert [row["class"] for row in rows] == list(CLASSES)
    assert [row["train"] for row in rows] == [8, 2, 4]
    assert [row["val"] for row in rows] == [3, 1, 2]
    assert [row["balanced"] for row in rows] == balanced
    assert [row["refused"] for row in rows] == [0, 1, 1]
    assert last == {
        "class": "all",
        "train": 14,
        "val": 6,
        "balanced": sum(balanced),
        "refused": 2,
    }
    assert counted["imbalance"] == {"before": 4, "after": after}


def test_refused_files_are_named_with_their_place_and_reason():
    assert dataset("none").counts()["refused"] == [
        {"id": e.id, "split": e.split, "label": e.label, "reason": e.reason} for e in REFUSED
    ]


def test_the_table_is_what_a_person_reads():
    assert count_table(dataset("oversample").counts()).splitlines() == [
        "class  train  val  oversample  refused",
        "cat        8    3           8        0",
        "dog        2    1           8        1",
        "emu        4    2           8        1",
        "all       14    6          24        2",
        "largest class to smallest: 4.0 to 1; after oversample: 1.0 to 1",
        "2 refused:",
        "  'train/dog/x\\n.jpg': empty: zero bytes",
        "  'val/emu/y.jpg': damaged: broken",
    ]


def test_without_balance_there_is_no_column_of_it():
    table = count_table(dataset("none", refused=[]).counts())
    assert table.splitlines()[0] == "class  train  val  refused"
    assert table.splitlines()[-1] == "largest class to smallest: 4.0 to 1"


def test_of_many_refused_files_the_first_are_named():
    refused = [Example(f"dog/{k:02d}", "train", "dog", "", "", "empty") for k in range(30)]
    lines = count_table(dataset("none", refused).counts(), most=3).splitlines()
    assert lines[-5:] == [
        "30 refused:",
        "  'dog/00': empty",
        "  'dog/01': empty",
        "  'dog/02': empty",
        "  and 27 more: data.csv of a run names them all",
    ]
