"""A sweep killed, stopped, failed and gone on with: nothing is repeated and nothing is lost."""

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from layerscope import LayerscopeError, Run, Study, sweep, train
from layerscope.training.sweep.folder import SweepFolder
from layerscope.training.sweep.worker import _reason

GRID = 'grid = { "model.blocks" = [1, 2], "model.channels" = [2, 4] }'


def weights(folder, trials):
    return {trial.name: (folder / "trials" / trial.name / "model.safetensors") for trial in trials}


@contextlib.contextmanager
def started(study, folder):
    """Begin the command in a process of its own; what it says goes into a file."""
    study.save(folder.parent / "asked.toml")
    command = [sys.executable, "-m", "layerscope", "sweep", str(folder.parent / "asked.toml")]
    with open(folder.parent / "said.txt", "wb") as said:
        process = subprocess.Popen([*command, "--out", str(folder)], stdout=said, stderr=said)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(condition, seconds=300):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_and_ends_as_if_it_never_was(study_of, tmp_path):
    study, folder = study_of(GRID, epochs=12), tmp_path / "sweep"
    trials = SweepFolder.create(tmp_path / "names", study).trials
    finished = [folder / "trials" / f"{trial.name}.json" for trial in trials]
    with started(study, folder):
        wait_for(lambda: any((folder / "trials").glob("*/checkpoint")))
    assert not any(file.exists() for file in finished)  # killed in the middle of its first trials
    with started(study, folder):
        wait_for(lambda: any(file.exists() for file in finished))
    there = [file for file in finished if file.exists()]
    before = {file: file.stat().st_mtime_ns for file in there}
    before |= {path: path.stat().st_mtime_ns for path in map(_weights_of, there)}
    assert 1 <= len(there) < 4
    swept = sweep(study, folder)
    assert {path: path.stat().st_mtime_ns for path in before} == before  # nothing is repeated
    assert [row["state"] for row in swept.found["trials"]] == ["finished"] * 4  # nothing is lost
    for trial in trials[1:3]:
        alone = train(trial.study, tmp_path / trial.name)
        assert alone.weights_file.read_bytes() == weights(folder, trials)[trial.name].read_bytes()
    with open(folder / "sweep.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    told = Run.open(folder / rows[2]["run"]).evaluation("val").balanced_accuracy.value
    assert float(rows[2]["val_balanced_accuracy"]) == told
    assert json.loads((folder / "sweep.json").read_text()) == swept.found


def _weights_of(outcome):
    return outcome.with_suffix("") / "model.safetensors"


@pytest.mark.slow
def test_a_trial_that_is_killed_goes_on_and_one_that_always_is_has_failed(study_of, tmp_path):
    """The first trial's process is killed once, another's whenever it trains."""
    study, folder = study_of(GRID, epochs=12), tmp_path / "sweep"
    once, always = "003-blocks2-channels4-seed0", "000-blocks1-channels2-seed0"
    killed = []

    def watch(snapshot):
        for running in snapshot.running:
            name = running.trial.name
            if running.done and (name == always or (name == once and once not in killed)):
                os.kill(int((folder / "trials" / name / ".lock").read_text()), signal.SIGKILL)
                killed.append(name)
                running.done = 0

    found = sweep(study, folder, watch=watch).found
    states = {row["trial"]: row["state"] for row in found["trials"]}
    assert killed.count(once) == 1
    assert killed.count(always) == 2
    assert states.pop(always) == "failed"
    assert set(states.values()) == {"finished"}
    reason = next(row["reason"] for row in found["trials"] if row["trial"] == always)
    assert "SIGKILL" in reason
    assert "memory" in reason
    assert "1 failed in a trial" in found["sentence"]
    assert found["choice"]["chosen"] != 0
    swept = sweep(study, folder, retry_failed=True)
    assert [row["state"] for row in swept.found["trials"]] == ["finished"] * 4


def test_a_trial_that_fails_is_recorded_and_the_rest_go_on(study_of, tmp_path):
    bad = '{ "training.learning_rate" = 1e30, "training.optimizer" = "sgd" }'
    study = study_of(f'settings = [{bad}, {{ "training.learning_rate" = 0.001 }}]', epochs=1)
    found = sweep(study, tmp_path / "sweep", jobs=1).found
    failed, fine = found["trials"]
    assert (failed["state"], fine["state"]) == ("failed", "finished")
    assert "training has diverged" in failed["reason"]
    assert failed["val_balanced_accuracy"] is None
    assert found["choice"]["chosen"] == 1
    assert "Not compared: 1 failed in a trial (of 2 settings)" in found["sentence"]
    before = (tmp_path / "sweep/trials" / fine["trial"] / "model.safetensors").stat().st_mtime_ns
    again = sweep(study, tmp_path / "sweep").found  # neither the failed nor the other is repeated
    assert again == found
    after = (tmp_path / "sweep/trials" / fine["trial"] / "model.safetensors").stat().st_mtime_ns
    assert before == after


def test_halving_stops_and_what_goes_on_ends_as_it_would_have(study_of, tmp_path):
    rates = '"training.learning_rate" = [0.003, 1e-6, 1e-5]'
    study = study_of(f"grid = {{ {rates} }}\nhalving = {{ first = 1, factor = 3 }}", epochs=3)
    folder = tmp_path / "sweep"
    found = sweep(study, folder, jobs=1).found
    assert [row["state"] for row in found["settings"]] == ["finished", "stopped", "stopped"]
    assert [row["epochs"] for row in found["trials"]] == [3, 1, 1]
    assert [row["mean"] is None for row in found["settings"]] == [False, True, True]
    assert [row["val_accuracy"] is None for row in found["trials"]] == [False, True, True]
    assert len(found["curves"]["1"]) == 1
    assert "2 stopped early by halving" in found["sentence"]
    trial = SweepFolder.open(folder).trials[0]
    alone = train(trial.study, tmp_path / "alone")
    kept = folder / "trials" / trial.name / "model.safetensors"
    assert alone.weights_file.read_bytes() == kept.read_bytes()


def test_ctrl_c_saves_and_the_tables_tell_what_is_there(study_of, tmp_path):
    study, folder = study_of(GRID, epochs=40), tmp_path / "sweep"
    with started(study, folder) as process:
        wait_for(lambda: any((folder / "trials").glob("*/history.csv")))
        process.send_signal(signal.SIGINT)
        assert process.wait(300) == 130
    assert "goes on" in (tmp_path / "said.txt").read_text()
    with open(folder / "sweep.csv", newline="") as file:
        assert {row["state"] for row in csv.DictReader(file)} <= {"begun", "waiting"}
    found = json.loads((folder / "sweep.json").read_text())
    assert found["choice"] is None
    assert "Nothing is chosen" in found["sentence"]


def test_a_changed_study_is_refused_by_the_difference(study_of, tmp_path):
    folder = tmp_path / "sweep"
    SweepFolder.create(folder, study_of(GRID))
    for other, said in (
        (study_of(GRID, epochs=3), "training.epochs 2 there, 3 asked"),
        (study_of(GRID + "\nseeds = 3"), r"sweep.seeds None there, \[0, 1, 2\] asked"),
    ):
        with pytest.raises(LayerscopeError, match=said):
            sweep(other, folder)


def test_folders_engines_and_rungs_that_cannot_be(study_of, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    with pytest.raises(LayerscopeError, match=r"is no sweep \(it has no sweep\.toml\)"):
        sweep(study_of(GRID), tmp_path / "other")
    with pytest.raises(LayerscopeError, match='engine = "spark": it should be local'):
        sweep(study_of(GRID), tmp_path / "a", engine="spark")
    with pytest.raises(LayerscopeError, match="equally many epochs"):
        sweep(
            study_of('grid = { "training.epochs" = [2, 3] }\nhalving = { first = 1 }'),
            tmp_path / "b",
        )
    every = study_of('grid = { "training.validate_every" = [2] }\nhalving = { first = 1 }', 4)
    with pytest.raises(LayerscopeError, match=r"a multiple of training\.validate_every = 2"):
        sweep(every, tmp_path / "b")
    assert not (tmp_path / "a").exists()
    assert not (tmp_path / "b").exists()


def test_settings_validated_on_different_examples_are_not_compared(study_of, tmp_path):
    found = sweep(study_of('grid = { "data.seed" = [0, 1] }', 1), tmp_path / "sweep").found
    assert found["choice"] is None
    assert "different examples" in found["sentence"]


def test_want_of_memory_is_told_as_such():
    import torch

    with pytest.raises(RuntimeError) as raised:
        torch.empty(2**50)
    assert _reason(raised.value).startswith("out of memory (")
    assert _reason(MemoryError()).startswith("out of memory (")
    assert _reason(ValueError("a\nb")) == "ValueError: a"


def test_several_seeds_have_a_mean_and_a_range(study_of, tmp_path):
    study = study_of('grid = { "model.channels" = [4] }\nseeds = [3, 5]', epochs=1)
    found = sweep(study, tmp_path / "sweep").found
    (row,) = found["settings"]
    each = [trial["val_balanced_accuracy"] for trial in found["trials"]]
    assert (row["low"], row["high"]) == (min(each), max(each))
    assert row["mean"] == pytest.approx(sum(each) / 2)
    assert each[0] != each[1]
    assert "2 seeds" in found["sentence"]
    assert Study.load(tmp_path / "sweep" / "sweep.toml") == study
