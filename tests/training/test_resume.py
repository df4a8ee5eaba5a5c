"""A training that is killed and resumed ends in the same bits as one that was left alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import safetensors.torch

from layerscope import storage
from layerscope.errors import LayerscopeError
from layerscope.training import TrainingSettings, checkpoint, fit
from training.tiny import tiny_data, tiny_net

KILLS = 12


@pytest.fixture(scope="module")
def tormented(tmp_path_factory):
    """The folder in which victim.py has trained, and how often it was killed, by precision."""
    folder = tmp_path_factory.mktemp("tormented")
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("victim.py"), folder, str(KILLS)],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    lines = (line.split() for line in done.stdout.splitlines())
    return folder, {precision: int(kills) for precision, kills in lines}


def history(folder):
    rows = storage.read_csv(folder / "history.csv")
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_killed_again_and_again_ends_in_the_same_bits(tormented, precision):
    folder, kills = tormented
    assert kills[precision] >= 5
    whole, broken = folder / precision / "whole", folder / precision / "broken"
    for name in ("model.safetensors", "last.safetensors"):
        assert (whole / name).read_bytes() == (broken / name).read_bytes()
    assert [row["epoch"] for row in history(whole)] == ["1", "2", "3", "4"]
    assert history(whole) == history(broken)


def settings(**changes):
    return TrainingSettings(**{"epochs": 2, "batch_size": 32, "threads": 1} | changes)


def test_a_changed_study_is_refused_and_the_keys_are_named(tmp_path):
    fit(tiny_net(), tiny_data(), settings(), tmp_path)
    changed = settings(learning_rate=0.5, augment={"flip": 0.5})
    with pytest.raises(LayerscopeError) as error:
        fit(tiny_net(), tiny_data(balance="weighted"), changed, tmp_path, resume=True)
    told = str(error.value)
    for part in ("training.learning_rate: was 0.001, now 0.5", "augment.flip", "data.balance"):
        assert part in told
    assert "epochs" not in told


def test_the_checkpoint_interval_may_change(tmp_path):
    first = fit(tiny_net(), tiny_data(), settings(), tmp_path)
    again = fit(tiny_net(), tiny_data(), settings(checkpoint_seconds=5), tmp_path, resume=True)
    assert again.history == first.history


def test_a_finished_training_is_given_again_without_training(tmp_path):
    first = fit(tiny_net(), tiny_data(), settings(), tmp_path)
    weights = (tmp_path / "model.safetensors").read_bytes()
    again = fit(tiny_net(), tiny_data(), settings(), tmp_path, resume=True)
    assert again.metrics == first.metrics
    assert again.history == first.history
    assert (tmp_path / "model.safetensors").read_bytes() == weights


def test_best_weights_that_were_removed_are_missed(tmp_path):
    fitted = fit(tiny_net(), tiny_data(), settings(), tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(LayerscopeError, match=f"held the weights of epoch {fitted.best_epoch}"):
        fit(tiny_net(), tiny_data(), settings(), tmp_path, resume=True)


def test_a_history_that_a_kill_left_behind_is_caught_up(tmp_path):
    first = fit(tiny_net(), tiny_data(), settings(), tmp_path)
    whole = storage.read_csv(tmp_path / "history.csv")
    storage.write_csv(tmp_path / "history.csv", list(whole[0]), whole[:1])
    again = fit(tiny_net(), tiny_data(), settings(), tmp_path, resume=True)
    assert storage.read_csv(tmp_path / "history.csv") == whole
    assert again.history == first.history


def test_precision_and_threads_are_those_of_the_first_start(tmp_path, monkeypatch):
    first = fit(tiny_net(), tiny_data(), settings(threads=None), tmp_path)
    monkeypatch.setattr("layerscope.training.fitting.choose", None)  # it must not choose again
    again = fit(tiny_net(), tiny_data(), settings(threads=None), tmp_path, resume=True)
    assert again.precision == first.precision


def test_nothing_to_resume_from(tmp_path):
    with pytest.raises(LayerscopeError, match="no checkpoint to resume from"):
        fit(tiny_net(), tiny_data(), settings(), tmp_path, resume=True)


def test_a_training_is_not_overwritten(tmp_path):
    fit(tiny_net(), tiny_data(), settings(), tmp_path)
    with pytest.raises(LayerscopeError, match="holds a training already"):
        fit(tiny_net(), tiny_data(), settings(), tmp_path)


def test_a_damaged_checkpoint_is_told(tmp_path):
    fit(tiny_net(), tiny_data(), settings(), tmp_path)
    path = checkpoint.path_in(tmp_path)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(LayerscopeError, match="damaged"):
        fit(tiny_net(), tiny_data(), settings(), tmp_path, resume=True)


def test_the_checkpoint_is_data_and_not_code(tmp_path):
    fit(tiny_net(), tiny_data(), settings(), tmp_path)
    files = [path.name for path in (tmp_path / "checkpoint").iterdir()]
    assert files == ["state.safetensors"]
    tensors = safetensors.torch.load_file(checkpoint.path_in(tmp_path))
    assert {name.split(".")[0] for name in tensors} == {"net", "average", "optimizer"}
