"""Whether cleaning helped: the paired interval, the arms' data, and the whole way on digits."""

import numpy as np
import pytest

from layerscope import Study
from layerscope.cleaning.compare import ARMS, _tables, compare, weighed
from layerscope.cleaning.findings import write_rows
from layerscope.cli import main
from layerscope.data import prepare
from layerscope.data.decisions import Row, read_rows
from layerscope.errors import LayerscopeError


def _arms(gain: float, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    hard = rng.uniform(size=900)  # the same examples are hard for all
    return {
        arm: hard + 0.05 * rng.normal(size=(5, 900)) < 0.8 + (gain if arm == "cleaned" else 0)
        for arm in ARMS
    }


def test_the_sentence_says_what_the_intervals_say():
    assert weighed(_arms(0.05))["sentence"].startswith("cleaning helped: accuracy +")
    assert weighed(_arms(-0.05))["sentence"].startswith("cleaning harmed: accuracy -")
    assert weighed(_arms(0.0))["sentence"].startswith("it cannot be told that cleaning helped")


def test_the_interval_covers_no_difference_as_often_as_it_says():
    covered = [weighed(_arms(0.0, seed))["differences"][0] for seed in range(12)]
    assert sum(each["low"] <= 0 <= each["high"] for each in covered) >= 10
    paired = covered[0]["high"] - covered[0]["low"]
    assert paired < 2 * 1.96 * (2 * 0.16 / 900) ** 0.5  # narrower than of unpaired accuracies


def _decided(study: Study, folder, every: int = 9) -> list[str]:
    examples = [e for e in prepare(study.data).examples if e.split == "train"][::every]
    rows = [Row(e.id, e.sha256, "odd", "1", "drop", "drop") for e in examples]
    val = next(e for e in prepare(study.data).examples if e.split == "val")
    write_rows(
        folder / "keep_drop.csv", [*rows, Row(val.id, val.sha256, "odd", "1", "drop", "drop")]
    )
    return [e.id for e in examples]


def test_as_many_random_ones_are_dropped_and_validation_is_untouched(digits_study, tmp_path):
    study = Study.load(digits_study)
    dropped = _decided(study, tmp_path)
    table = tmp_path / "keep_drop.csv"
    tables = _tables(study, table, tmp_path, [0, 1], automatic=False)
    assert tables["uncleaned", 0] is None
    assert [row.id for row in read_rows(tables["cleaned", 1])] == dropped
    random = [{row.id for row in read_rows(tables["random drop", seed])} for seed in (0, 1)]
    assert [len(each) for each in random] == [len(dropped)] * 2
    assert random[0] != random[1]
    train = {e.id for e in prepare(study.data).examples if e.split == "train"}
    assert random[0] | random[1] <= train


def test_suggestions_count_only_where_they_are_asked_for(digits_study, tmp_path):
    study = Study.load(digits_study)
    example = next(e for e in prepare(study.data).examples if e.split == "train")
    row = Row(example.id, example.sha256, "mislabelled", "1", "relabel:3")
    write_rows(tmp_path / "keep_drop.csv", [row])
    with pytest.raises(LayerscopeError, match="drops or relabels no example of train"):
        _tables(study, tmp_path / "keep_drop.csv", tmp_path, [0], automatic=False)
    _tables(study, tmp_path / "keep_drop.csv", tmp_path, [0], automatic=True)
    assert read_rows(tmp_path / "cleaned.csv")[0].decision == "relabel:3"


def test_the_whole_way_is_not_trained_twice(digits_study, tmp_path, capsys):
    text = digits_study.read_text().replace("epochs = 2", "epochs = 1")
    digits_study.write_text(text)
    _decided(Study.load(digits_study), tmp_path)
    given = ["clean", str(digits_study), "--out", str(tmp_path), "--compare", "--seeds", "1"]
    assert main(given) == 0
    told = capsys.readouterr().out
    assert "random drop" in told
    assert "cleaning" in told.splitlines()[-1]
    weights = tmp_path / "compare" / "cleaned-0" / "model.safetensors"
    before = weights.stat().st_mtime_ns
    again = compare(Study.load(digits_study), tmp_path, seeds=[0])
    assert weights.stat().st_mtime_ns == before
    assert [arm["arm"] for arm in again["arms"]] == list(ARMS)
    assert again["sentence"] == told.splitlines()[-1]
