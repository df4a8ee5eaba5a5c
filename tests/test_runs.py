"""All runs of a folder: every state, differing settings, sorting, filtering, refusals."""

import json
import shutil

import pytest

from layerscope import LayerscopeError, Run, Study, train
from layerscope.cli import main
from layerscope.runs import list_runs
from layerscope.training import Interrupted, loop
from layerscope.training.sweep.folder import SweepFolder


@pytest.fixture
def folder(digits_run, digits_study, tmp_path, monkeypatch):
    """A run in every state, and a sweep that has not begun."""
    root = tmp_path / "all"
    shutil.copytree(digits_run, root / "a-finished")
    study = Study.load(digits_study)
    other = study.model_copy(update={"model": study.model.model_copy(update={"blocks": 2})})
    Run.create(root / "b-begun", other)

    def broken(error):
        def epoch(*_):
            raise error

        return epoch

    stops = {
        "c-resumable": Interrupted("told to stop"),
        "d-failed": LayerscopeError("the loss is nan\nand more"),
    }
    for name, error in stops.items():
        monkeypatch.setattr(loop, "_epoch", broken(error))
        with pytest.raises(LayerscopeError):
            train(other, root / name)
    (root / "e-unreadable").mkdir()
    (root / "e-unreadable" / "study.toml").write_text("nonsense")
    sweep = study.model_validate(
        {**study.model_dump(), "sweep": {"grid": {"model.blocks": [1, 2]}}}
    )
    SweepFolder.create(root / "f-sweep", sweep)
    monkeypatch.undo()
    return root


def test_every_state_is_told(folder):
    rows = {row["run"]: row for row in list_runs(folder)}
    assert {name: row["state"] for name, row in rows.items()} == {
        "a-finished": "finished",
        "b-begun": "begun",
        "c-resumable": "resumable",
        "d-failed": "failed",
        "e-unreadable": "unreadable",
        "f-sweep": "resumable",
    }
    assert rows["d-failed"]["reason"] == "the loss is nan"
    assert "is not valid TOML" in rows["e-unreadable"]["reason"]
    assert rows["f-sweep"]["reason"] == "0 of 2 trials finished"
    told = Run.open(folder / "a-finished").evaluation("test")
    assert rows["a-finished"]["balanced_accuracy"] == told.balanced_accuracy.value
    assert rows["a-finished"]["split"] == "test"
    assert rows["a-finished"]["epochs"] == 2
    assert rows["b-begun"]["settings"]["model.blocks"] == 2
    with Run.open(folder / "b-begun").locked():
        (row,) = list_runs(folder, where=["run=b-begun"])
        assert row["state"] == "running"
    assert list_runs(folder, where=["run=b-begun"])[0]["state"] == "begun"


def test_a_failure_is_forgotten_when_the_training_goes_on(folder):
    (row,) = list_runs(folder, where=["state=failed"])
    run = Run.open(folder / row["run"])
    train(run.study, run.path, resume=True)
    assert list_runs(folder, where=["run=d-failed"])[0]["state"] == "finished"
    assert "failed" not in run.provenance()


def test_only_settings_that_differ_are_listed(folder):
    rows = list_runs(folder, where=["kind=run", "state!=unreadable"])
    assert all(list(row["settings"]) == ["model.blocks"] for row in rows)
    assert [row["settings"]["model.blocks"] for row in rows] == [None, 2, 2, 2]


def test_filter_and_sort(folder):
    names = [row["run"] for row in list_runs(folder, where=["model.blocks>=2"], sort="-run")]
    assert names == ["d-failed", "c-resumable", "b-begun"]
    assert next(row["run"] for row in list_runs(folder, sort="-epochs")) == "a-finished"
    (row,) = list_runs(folder, where=["balanced_accuracy > 0.1"])
    assert row["run"] == "a-finished"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"where": ["blocks 2"]}, "is no condition: KEY=VALUE"),
        ({"where": ["model.block=2"]}, r'no run has the key "model.block"; did you mean model\.bl'),
        ({"sort": "speed"}, 'no run has the key "speed"'),
    ],
)
def test_what_makes_no_sense_is_refused(folder, options, said):
    with pytest.raises(LayerscopeError, match=said):
        list_runs(folder, **options)
    with pytest.raises(LayerscopeError, match="there is no folder"):
        list_runs(folder / "nowhere")


def test_the_command_prints_a_table_or_one_document(folder, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    assert main(["runs", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["run"] == "a-finished"
    assert main(["runs", str(folder), "--where", "state=failed"]) == 0
    out = capsys.readouterr().out
    assert "d-failed" in out
    assert "the loss is nan" in out
    assert "a-finished" not in out
    assert main(["runs", str(folder), "--where", "state=lost"]) == 0
    assert "no run" in capsys.readouterr().err
