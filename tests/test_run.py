"""The run folder: made, opened, locked, and what it holds agrees with itself."""

import csv
import json
import multiprocessing
import os
import re
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

import layerscope as ls
from layerscope import LayerscopeError, Run, Study
from layerscope.data import prepare
from layerscope.evaluation import predict


def test_the_folder_holds_what_the_design_draws(digits_run):
    for name in (
        *("study.toml", "provenance.json", "data.csv", "model.safetensors", "model.json"),
        *("checkpoint", "history.csv", "predictions.csv"),
    ):
        assert (digits_run / name).exists(), name


def test_opening_gives_back_what_was_trained(digits_run):
    run = ls.load(digits_run)
    assert run.study.name == "digits"
    assert run.classes == list("0123456789")
    assert run.spec.shape == (1, 28, 28)
    assert len(run.history()) == 2
    assert [layer.name for layer in run.geometry()][:3] == ["conv1", "relu1", "pool1"]
    assert run.splits() == ["val", "test"]
    assert run.finished()


def test_the_stored_predictions_are_those_of_the_stored_weights(digits_run):
    run = Run.open(digits_run)
    test = prepare(run.study.data)["test"]
    again = predict(run.net(), test, run.spec, run.classes)
    stored = run.predictions("test")
    assert stored.ids == tuple(again.ids)
    np.testing.assert_allclose(stored.probabilities, again.probabilities, atol=1e-6)


def test_figures_are_of_one_split(digits_run):
    run = Run.open(digits_run)
    rows = {row["id"]: row["split"] for row in run.data()}
    for split in ("val", "test"):
        predictions = run.predictions(split)
        assert {rows[name] for name in predictions.ids} == {split}
        assert run.evaluation(split).n == list(rows.values()).count(split)
    assert run.evaluation().n == run.evaluation("test").n
    with pytest.raises(LayerscopeError, match="split = 'train': this run has val and test"):
        run.evaluation("train")


def test_accuracy_is_counted_from_the_table(digits_run):
    run = Run.open(digits_run)
    with open(run.predictions_file, newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["id"] in run.predictions("val").ids]
    share = sum(row["true"] == row["predicted"] for row in rows) / len(rows)
    assert run.evaluation("val").accuracy.value == pytest.approx(share)


def test_provenance_says_what_the_result_depends_on(digits_run):
    facts = json.loads((digits_run / "provenance.json").read_text())
    assert facts["versions"]["torch"].startswith(torch.__version__.split("+")[0])
    assert facts["seeds"] == {"data": 0, "training": 0}
    assert re.fullmatch("[0-9a-f]{64}", facts["data_fingerprint"])
    assert facts["weights_sha256"] == Run(digits_run).weights_digest()
    assert facts["hardware"]["cores"] == os.cpu_count()


def test_a_scope_looks_in_the_inputs_units(digits_run):
    run = Run.open(digits_run)
    scope = run.scope()
    assert scope.classes == run.classes
    assert tuple(scope.mean) == run.spec.mean
    images = run.spec.to_model(torch.zeros(2, 1, 28, 28, dtype=torch.uint8))
    assert scope.trace(images).logits.shape == (2, 10)


@pytest.mark.parametrize("name", ["study.toml", "model.json", "model.safetensors"])
def test_what_is_missing_is_named(digits_run, name):
    (digits_run / name).unlink()
    with pytest.raises(LayerscopeError, match=name.replace("model.safetensors", "no weights")):
        Run.open(digits_run).net()


def test_damaged_weights_are_told(digits_run):
    (digits_run / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(LayerscopeError, match="does not hold this run's weights"):
        Run.open(digits_run).net()


def test_folders_that_are_no_runs(tmp_path, digits_run):
    with pytest.raises(LayerscopeError, match="there is no run folder"):
        Run.open(tmp_path / "nowhere")
    with pytest.raises(LayerscopeError, match=f"no run: .*runs inside it: {digits_run}"):
        Run.open(digits_run.parent)


def test_a_folder_with_something_else_is_not_taken(tmp_path, digits_study):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(LayerscopeError, match="is there already and is no run"):
        Run.create(tmp_path / "mine", Study.load(digits_study))
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"


def test_another_studys_folder_is_not_taken(digits_run, digits_study):
    other = Study.load(digits_study)
    other = other.model_copy(update={"training": other.training.model_copy(update={"epochs": 3})})
    with pytest.raises(LayerscopeError, match=r"training.epochs 2 there, 3 asked"):
        Run.create(digits_run, other)


def _hold(folder: str, held, release) -> None:
    with Run(folder).locked():
        held.set()
        release.wait(60)


@pytest.mark.parametrize("how", ["ends", "is killed"])
def test_one_process_at_a_time_and_a_crash_lets_go(tmp_path, how):
    context = multiprocessing.get_context("spawn")
    held, release = context.Event(), context.Event()
    holder = context.Process(target=_hold, args=(str(tmp_path / "run"), held, release))
    holder.start()
    assert held.wait(60)
    with (
        pytest.raises(LayerscopeError, match=rf"another process works in .*{holder.pid}"),
        Run(tmp_path / "run").locked(),
    ):
        pass
    if how == "ends":
        release.set()
    else:
        os.kill(holder.pid, signal.SIGKILL)
    holder.join(60)
    with Run(tmp_path / "run").locked():
        assert (tmp_path / "run" / ".lock").read_text() == str(os.getpid())


def test_git_revision_of_the_users_folder(tmp_path):
    from layerscope.provenance import _git, git_revision

    assert git_revision(tmp_path) is None
    _git(tmp_path, "init", "-q")
    (tmp_path / "a").write_text("1")
    _git(tmp_path, "add", "a")
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    _git(tmp_path, *who, "commit", "-q", "-m", "one")
    clean = git_revision(tmp_path)
    assert re.fullmatch("[0-9a-f]{40}", clean["revision"])
    assert not clean["changed"]
    Path(tmp_path / "a").write_text("2")
    assert git_revision(tmp_path)["changed"]
