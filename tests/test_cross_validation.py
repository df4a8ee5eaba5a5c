"""Cross-validation: each epoch is told by the one network that has not seen its recording."""

import json

import numpy as np
import pytest

from layerscope import Study, load, report, train
from layerscope.cli import main
from layerscope.cross_validation import cross_validate
from layerscope.errors import LayerscopeError
from layerscope.recording_runs import training_share
from layerscope.verbs import evaluate

STUDY = """\
name = "planted"
[data]
kind = "recordings"
root = "arrays"
{data}
[data.recordings]
{recordings}
[model]
preset = "study-1d"
blocks = 1
channels = 4
dropout = 0.0
[training]
epochs = 15
batch_size = 8
optimizer = "adamw"
learning_rate = 0.01
ema = 0.0
{training}
"""


def write_arrays(folder, seed=0, recordings=3, n=20):
    """Epochs whose second class has a bump; two more of class "b" in each recording."""
    rng = np.random.default_rng(seed)
    labels = np.tile((np.arange(n) % 2) | (np.arange(n) < 2), recordings).astype(int)
    x = rng.standard_normal((len(labels), 2, 48))
    x[labels == 1, 0, 20:30] += 3.0
    held = {
        "x": 10 * x.astype(np.float32),
        "y": labels,
        "classes": np.array(["a", "b"]),
        "channels": np.array(["C3", "C4"]),
        "sfreq": np.array(100.0),
        "recording": np.arange(len(labels)) // n,
        "recording_names": np.array([f"subject{k}" for k in range(recordings)]),
    }
    folder.mkdir(exist_ok=True)
    np.savez(folder / "planted.npz", **held)


def study(tmp_path, recordings="", training='keep = "last"', data=""):
    write_arrays(tmp_path / "arrays")
    path = tmp_path / "planted.toml"
    path.write_text(STUDY.format(recordings=recordings, training=training, data=data))
    return Study.load(path)


def groups(run, split):
    return {row["group"] for row in run.data() if row["split"] == split}


@pytest.fixture(scope="module")
def crossed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crossed")
    return cross_validate(study(folder), folder / "run")


def test_each_recording_is_held_out_once(crossed):
    folds = crossed.fold_runs()
    every = {"subject0", "subject1", "subject2"}
    assert [groups(each, "test") for each in folds] == [{name} for name in sorted(every)]
    assert [groups(each, "train") for each in folds] == [every - {n} for n in sorted(every)]
    assert all(each.splits() == ["test"] for each in folds)  # the last weights need no val
    said = {n: p for each in folds for n, p in zip(*_said(each), strict=True)}
    ids, probabilities = _said(crossed)
    assert len(ids) == len(set(ids)) == 60
    np.testing.assert_array_equal(probabilities, [said[name] for name in ids])


def _said(run):
    predictions = run.predictions("test")
    return predictions.ids, predictions.probabilities


def test_every_table_reads_the_predictions_of_all_folds(crossed):
    found = crossed.evaluation().as_dict()
    assert found["n"] == 60
    assert found["accuracy"] > 0.8
    assert [each["n"] for each in found["by_group"]] == [20, 20, 20]
    assert sum(each["correct"] for each in found["by_group"]) == round(60 * found["accuracy"])
    assert found["chance"]["level"] == training_share(crossed) == 22 / 40
    assert found["chance"]["above"]
    assert [each["method"] for each in found["linear"]] == ["logistic", "lda"]
    assert all(each["accuracy"]["value"] > 0.8 for each in found["linear"])
    assert all("linear classifier" in each["told"] for each in found["linear"])
    json.dumps(found, allow_nan=False)
    told = crossed.evaluation().text()
    assert "Accuracy is above chance 0.550 (the training set's largest class)" in told
    assert "subject2" in told


def test_what_is_finished_is_not_done_again(crossed, monkeypatch):
    before = [each.weights_file.stat().st_mtime_ns for each in crossed.fold_runs()]
    again = cross_validate(crossed.study, crossed.path)
    assert [each.weights_file.stat().st_mtime_ns for each in again.fold_runs()] == before


def test_where_one_network_is_needed_it_is_refused(crossed):
    with pytest.raises(LayerscopeError, match=r"a network for each fold: name one of them, as .*1"):
        crossed.net()
    with pytest.raises(LayerscopeError, match="is a cross-validation"):
        report.page(crossed)
    with pytest.raises(LayerscopeError, match="holds a cross-validation of this study"):
        train(crossed.study, crossed.path)


def test_best_weights_are_chosen_by_the_next_fold(tmp_path):
    run = cross_validate(study(tmp_path, training='keep = "best"'), tmp_path / "run")
    val = [groups(each, "val") for each in run.fold_runs()]
    assert val == [{"subject1"}, {"subject2"}, {"subject0"}]
    for each in run.fold_runs():
        assert not groups(each, "train") & (groups(each, "val") | groups(each, "test"))


def test_what_cannot_be_crossed_is_refused(tmp_path, digits_study):
    with pytest.raises(LayerscopeError, match='needs kind = "recordings" with split_by'):
        cross_validate(digits_study, tmp_path / "run")
    leaking = study(tmp_path, 'split_by = "epoch"\nallow_leak = true')
    with pytest.raises(LayerscopeError, match='needs kind = "recordings" with split_by'):
        cross_validate(leaking, tmp_path / "run")
    with pytest.raises(LayerscopeError, match="4 folds over 3 groups"):
        cross_validate(study(tmp_path, "folds = 4"), tmp_path / "run")


def test_a_plain_training_holds_named_recordings_out(tmp_path, capsys):
    none = "val_fraction = 0.0"
    asked = study(tmp_path, 'test_groups = ["subject2"]', data=none)
    run = train(asked, tmp_path / "run")
    assert run.splits() == ["test"]
    assert all(row["val_loss"] == "" for row in run.history())
    with pytest.raises(LayerscopeError, match="holds a training of this study"):
        cross_validate(asked, tmp_path / "run")
    write_arrays(tmp_path / "new", seed=9, recordings=2)
    found = evaluate(run, data=tmp_path / "new")
    assert (found.n, found.recordings.chance.level) == (40, 22 / 40)
    assert [each.name for each in found.recordings.by_group] == ["subject0", "subject1"]
    assert not found.recordings.linear
    assert main(["evaluate", str(tmp_path / "run"), "--data", str(tmp_path / "new"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n"] == 40
    best = study(tmp_path, 'test_groups = ["subject2"]', 'keep = "best"', none)
    with pytest.raises(LayerscopeError, match="the data have no val split"):
        train(best, tmp_path / "best")


def test_the_command_crosses(tmp_path, capsys):
    study(tmp_path, "folds = 2")
    file, folder = tmp_path / "planted.toml", tmp_path / "crossed"
    assert main(["train", str(file), "--cross-validate", "--out", str(folder)]) == 0
    assert "on 60 test examples" in capsys.readouterr().out
    assert [len(held) for held in load(folder).fold_groups()] == [2, 1]
