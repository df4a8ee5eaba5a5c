"""keep_drop.csv applied by the data: what is dropped, relabelled, stale, wrong."""

from pathlib import Path

import numpy as np
import pytest

from layerscope import storage
from layerscope.data import DataSettings, prepare
from layerscope.data.decisions import COLUMNS, read_rows
from layerscope.errors import LayerscopeError

DIGITS = {"kind": "digits", "seed": 3}


def _decide(path: Path, rows: list[dict[str, str]]) -> Path:
    storage.write_csv(path, COLUMNS, rows)
    return path


def _row(example, decision: str, **more: str) -> dict[str, str]:
    given = {"id": example.id, "sha256": example.sha256, "issue": "odd", "decision": decision}
    return given | more


@pytest.fixture(scope="module")
def before():
    return prepare(DataSettings(**DIGITS))


def test_drop_and_relabel_change_these_examples_and_no_other(before, tmp_path):
    gone, moved, kept = before.examples[5], before.examples[7], before.examples[9]
    rows = [
        _row(gone, "drop", who="Anna", when="2026-11-24T10:00:00+00:00"),
        _row(gone, "keep", issue="duplicate"),  # of another issue: it is dropped all the same
        _row(moved, "relabel:3", who="Anna"),
        _row(kept, "keep"),
        _row(before.examples[11], ""),
    ]
    path = _decide(tmp_path / "keep_drop.csv", rows)
    after = prepare(DataSettings(**DIGITS, decisions=str(path)))
    changed = [(a, b) for a, b in zip(before.examples, after.examples, strict=True) if a != b]
    assert [a.id for a, _ in changed] == [gone.id, moved.id]
    assert changed[0][1].reason == "dropped by decision: odd, Anna 2026-11-24T10:00:00+00:00"
    assert changed[1][1].label == "3"
    assert changed[1][1].note == f"relabelled: {moved.label} to 3 (odd, Anna)"
    for name, split in before.splits.items():  # nobody moves to another split
        assert list(after[name].ids) == [i for i in split.ids if i != gone.id]
    home = after[moved.split]
    place = list(home.ids).index(moved.id)
    assert home.labels[place] == 3
    old = before[moved.split]
    same = old.batch([list(old.ids).index(moved.id)])
    assert np.array_equal(home.batch([place]).numpy(), same.numpy())
    assert after.fingerprint != before.fingerprint
    assert after.counts()["log"] == [f"decisions of {path}: 1 dropped, 1 relabelled"]
    assert after.counts()["refused"][0]["id"] == gone.id


def test_a_decision_on_other_content_is_not_applied_and_is_told(before, tmp_path):
    rows = [
        _row(before.examples[0], "drop", sha256="00"),
        _row(before.examples[1], "drop", id="digits/9999"),
    ]
    path = _decide(tmp_path / "keep_drop.csv", rows)
    after = prepare(DataSettings(**DIGITS, decisions=str(path)))
    assert after.fingerprint == before.fingerprint
    assert len(after.warnings) == 2
    assert "not in the data: digits/9999" in after.warnings[0]
    assert "have changed since: digits/0000" in after.warnings[1]


@pytest.mark.parametrize(
    ("decisions", "told"),
    [
        (["away"], 'line 2: decision = "away" of digits/0000: keep, drop, relabel:CLASS'),
        (["relabel:"], 'decision = "relabel:"'),
        (["relabel:ten"], '"relabel:ten" of digits/0000: the classes are 0, 1, 2'),
        (["relabel:1", "relabel:2"], "is to become 1 (odd) and 2 (odd): decide for one"),
    ],
)
def test_a_wrong_decision_is_refused(before, tmp_path, decisions, told):
    path = _decide(tmp_path / "a.csv", [_row(before.examples[0], each) for each in decisions])
    with pytest.raises(LayerscopeError) as caught:
        prepare(DataSettings(**DIGITS, decisions=str(path)))
    assert told in str(caught.value)


def test_a_class_that_is_dropped_whole_is_refused(before, tmp_path):
    all_of_it = [_row(e, "drop") for e in before.examples if e.label == "4" and e.split == "val"]
    path = _decide(tmp_path / "a.csv", all_of_it)
    with pytest.raises(LayerscopeError, match='class "4" has no usable example in val'):
        prepare(DataSettings(**DIGITS, decisions=str(path)))


def test_tables_as_other_programs_write_them(tmp_path):
    path = tmp_path / "a.csv"
    text = "who,id,sha256,issue,score,suggestion,decision,when,more\r\nBo,a,0,odd,,, drop ,,x\r\n"
    path.write_text(text, encoding="utf-8-sig")
    assert [(row.who, row.decision) for row in read_rows(path)] == [("Bo", "drop")]
    path.write_text("id;sha256\r\n")
    with pytest.raises(LayerscopeError, match="the columns are id;sha256"):
        read_rows(path)
    with pytest.raises(LayerscopeError, match="there is no table of decisions"):
        read_rows(tmp_path / "none.csv")


def test_a_run_records_what_was_decided(before, digits_study, tmp_path):
    from layerscope import Study, train

    gone = before.examples[5]
    other = prepare(Study.load(digits_study).data).examples[5]
    assert gone.id == other.id
    _decide(digits_study.parent / "keep_drop.csv", [_row(other, "drop")])
    text = digits_study.read_text().replace("epochs = 2", "epochs = 1")
    text = text.replace('kind = "digits"\n', 'kind = "digits"\ndecisions = "keep_drop.csv"\n')
    digits_study.write_text(text)
    run = train(digits_study, tmp_path / "run")
    row = next(row for row in run.data() if row["id"] == gone.id)
    assert row["reason"] == "dropped by decision: odd"
    assert run.provenance()["decisions"]["sha256"]
