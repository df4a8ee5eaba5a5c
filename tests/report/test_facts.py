"""A run's facts: the best epoch by any metric, counts under any balance, settings as words."""

from types import SimpleNamespace

import pytest

from layerscope.report.facts import counts, history, sections

ROWS = [
    {"epoch": "1", "images": "8", "seconds": "2.5", "val_loss": "0.9", "val_accuracy": "0.6"},
    {"epoch": "2", "images": "16", "seconds": "5.0", "val_loss": "", "val_accuracy": ""},
    {"epoch": "3", "images": "24", "seconds": "7.5", "val_loss": "0.4", "val_accuracy": "0.5"},
    {"epoch": "4", "images": "32", "seconds": "10.0", "val_loss": "0.4", "val_accuracy": "0.6"},
]


def a_run(metric="val_loss", rows=ROWS, balance="none", data=(), classes=("a", "b", "c")):
    study = SimpleNamespace(
        training=SimpleNamespace(metric=metric), data=SimpleNamespace(balance=balance, seed=0)
    )
    return SimpleNamespace(
        study=study, history=lambda: rows, data=lambda: list(data), classes=list(classes)
    )


@pytest.mark.parametrize(("metric", "best"), [("val_loss", 3), ("val_accuracy", 1)])
def test_the_best_epoch_is_the_first_with_the_best_value(metric, best):
    told = history(a_run(metric))
    assert told.best == best
    assert told.loss == {"validation": [(1, 0.9), (3, 0.4), (4, 0.4)]}
    assert (told.epochs, told.images, told.seconds) == (4, 32, 10.0)


def test_a_training_without_validation_has_no_best_epoch():
    assert history(a_run(rows=[{"epoch": "1", "train_loss": "0.5"}])).best is None


def examples(label, n, split="train", reason=""):
    return [{"label": label, "split": split, "reason": reason}] * n


@pytest.mark.parametrize(
    ("balance", "epoch"),
    [
        ("none", [6, 3, 2]),
        ("undersample", [2, 2, 2]),
        ("undersample_each_epoch", [2, 2, 2]),
        ("oversample", [6, 6, 6]),
        ("weighted", [6, 3, 2]),
    ],
)
def test_counts_before_and_after_every_balance(balance, epoch):
    data = examples("a", 6) + examples("b", 3) + examples("c", 2) + examples("a", 4, split="val")
    data += examples("b", 2, reason="empty file") + examples("c", 1, reason="no picture")
    told = counts(a_run(balance=balance, data=data))
    assert told.splits == ("train", "val")
    assert [row.splits for row in told.rows] == [(6, 4), (3, 0), (2, 0)]
    assert [row.epoch for row in told.rows] == epoch
    assert [row.refused for row in told.rows] == [0, 2, 1]
    assert (told.totals, told.epoch, told.refused) == ((11, 4), sum(epoch), 3)
    assert told.reasons == (("empty file", 2), ("no picture", 1))
    assert told.imbalance == 3.0
    assert told.rows[0].bar == 1.0
    if balance == "weighted":
        shares = [row.weight * row.splits[0] for row in told.rows]
        assert shares == pytest.approx([11 / 3] * 3)  # every class weighs the same in the loss


def test_a_class_without_training_examples_has_no_imbalance_to_tell():
    told = counts(a_run(data=examples("a", 6)))
    assert told.imbalance is None
    assert told.rows[1].epoch_bar == 0.0


def test_settings_are_told_table_by_table():
    document = {"name": "x", "data": {"classes": {"pet": ["cat", "dog"]}, "root": None}, "git": {}}
    loose, data = sections(document, "study")
    assert (loose.title, loose.entries) == ("study", (("name", "x"),))
    assert data.entries == (("classes, pet", "cat, dog"), ("root", "–"))
