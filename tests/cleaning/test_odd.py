"""Odd examples and the self-test: what is planted in each kind of data is found."""

import json

import numpy as np
import pytest

from layerscope.cleaning import planting
from layerscope.cleaning.odd import odd
from layerscope.cleaning.pool import Pool
from layerscope.cleaning.self_test import self_test, wrong_labels
from layerscope.cli import main
from layerscope.errors import LayerscopeError

from .conftest import textured


def _pool(values: np.ndarray, labels: np.ndarray | None = None) -> Pool:
    count = len(values)
    names, same = [str(k) for k in range(count)], ["train"] * count
    given = np.zeros(count, dtype=np.int64) if labels is None else labels
    return Pool(
        names, given, same, [""] * count, [""] * count, values, np.arange(count), ("a", "b")
    )


def _photos(count: int = 60) -> np.ndarray:
    return np.stack([np.asarray(textured(k, 96, 96)) for k in range(count)])


def _sounds(count: int = 40) -> np.ndarray:
    rng = np.random.default_rng(0)
    time = np.arange(4000) / 4000
    tones = [np.sin(2 * np.pi * rng.uniform(80, 400) * time) for _ in range(count)]
    hum = rng.normal(size=(count, 4000)) * 0.01
    return ((np.array(tones) * np.hanning(4000) + hum) * 9000).astype(np.int16)


def _recordings(count: int = 40) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, 5, 200)).astype(np.float32) * 10


@pytest.mark.parametrize("make", [_photos, _sounds, _recordings])
def test_what_is_ordinary_is_not_odd(make):
    assert odd(_pool(make())) == []


@pytest.mark.parametrize(
    ("make", "kinds"),
    [
        (_photos, planting.ODD),
        (_sounds, planting.SOUNDS),
        (_recordings, planting.RECORDINGS),
    ],
)
def test_each_kind_of_oddness_is_told_by_its_name(make, kinds):
    rng = np.random.default_rng(1)
    values = make()
    for name, change in kinds.items():
        changed = values.copy()
        for k in range(5):
            changed[7 * k] = change(values[7 * k], rng)
        found = odd(_pool(changed))
        assert [each.id for each in found] == [str(7 * k) for k in range(5)], name
        assert all(each.why.startswith(name) for each in found), found
        assert all(0.5 <= each.score <= 1 for each in found)


def test_digits_are_not_judged_as_photographs():
    assert odd(_pool(np.zeros((3, 28, 28, 1), dtype=np.uint8))) == []


def test_the_self_test_finds_what_it_plants():
    rows = {row["kind"]: row for row in self_test(_pool(_photos(120)))}
    assert {*rows} == {*planting.COPIES, *planting.ODD}
    assert all(row["planted"] >= 10 for row in rows.values())
    for kind in ("exact copy", "recompressed", "mirrored", "resized", *planting.ODD):
        assert rows[kind]["recall"] == 1, kind
    assert rows["cropped to 80 %"]["recall"] >= 0.8
    assert sum(row["false"] for row in rows.values()) == 0
    sounds = {row["kind"]: row["recall"] for row in self_test(_pool(_sounds()))}
    assert sounds == {"exact copy": 1, **dict.fromkeys(planting.SOUNDS, 1)}
    brains = {row["kind"]: row["recall"] for row in self_test(_pool(_recordings()))}
    assert brains == {"exact copy": 1, **dict.fromkeys(planting.RECORDINGS, 1)}


def test_the_self_test_tells_a_search_that_finds_nothing(monkeypatch):
    from layerscope.cleaning import duplicates, near

    none = np.zeros(0, dtype=np.int64)
    monkeypatch.setattr(
        duplicates, "near_pairs", lambda pool: near.Pairs(none, none, none.astype(float), none)
    )
    rows = {row["kind"]: row["recall"] for row in self_test(_pool(_photos()))}
    assert (rows["exact copy"], rows["mirrored"], rows["cropped to 80 %"]) == (1, 0, 0)


def test_too_few_examples_are_refused():
    with pytest.raises(LayerscopeError, match="5 examples are too few to plant defects in"):
        self_test(_pool(_recordings(5)))


def test_wrong_labels_of_the_self_test():
    rng = np.random.default_rng(2)
    labels = np.repeat([0, 1], 100)
    features = (labels[:, None] * 3 + rng.normal(size=(200, 8))).astype(np.float32)
    row = wrong_labels(_pool(np.zeros((200, 4)), labels), features)
    assert (row["planted"], row["precision"]) == (20, row["recall"])
    assert row["precision"] >= 0.9
    blind = wrong_labels(_pool(np.zeros((200, 4)), labels), features * 0 + 1)
    assert blind["precision"] < 0.5


def test_the_command(planted, capsys):
    given = ["clean", str(planted / "study.toml"), "--self-test", "--network", "study"]
    assert main(given) == 0
    assert "false alarms" in capsys.readouterr().out
    assert main([*given, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows[0]["kind"] == "exact copy"
    assert not (planted / "out").exists()
