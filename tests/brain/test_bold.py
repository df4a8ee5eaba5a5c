"""fMRI by itself: planted categories, nulls, and the real slice."""

import json

import numpy as np
import pytest

from layerscope.brain.bold import analyse, category_encoding, read_volumes
from layerscope.brain.crossnobis import sign_flips
from layerscope.brain.decoding import decode
from layerscope.brain.settings import BoldSettings, BrainStudy
from layerscope.cli import main
from layerscope.errors import LayerscopeError

NAMES = ["rest", "cat", "face", "house"]


def volumes(signal: float, runs: int = 5) -> dict[str, np.ndarray]:
    """Blocks of four volumes with rest between; ten of thirty voxels tell the categories."""
    random = np.random.default_rng(0)
    order = np.repeat([0, 1, 0, 2, 0, 3], 4)
    labels = np.tile(order, runs)
    patterns = signal * random.normal(size=(4, 30)) * (np.arange(30) < 10)
    patterns[0] = 0
    run = np.repeat(np.arange(runs), len(order))
    drift = np.tile(np.linspace(-9, 9, len(order)), runs)[:, None]
    x = patterns[labels] + random.normal(size=(len(labels), 30)) + drift + 100
    return {"X": x, "label": np.array(NAMES)[labels], "run": run}


@pytest.fixture
def file(tmp_path):
    def write(signal=1.5, **change):
        np.savez(tmp_path / "bold.npz", **(volumes(signal) | change))
        return tmp_path / "bold.npz"

    return write


def test_planted_categories_are_told_and_nothing_else(file, tmp_path):
    study = BrainStudy.asked(
        name="planted",
        bold={
            "file": file(**volumes(1.5, runs=8)),
            "permutations": 99,
            "models": {"alive": ["cat", "face"]},
        },
    )
    document = analyse(study, tmp_path / "out")
    assert document["decoding"]["balanced_accuracy"] > 0.9
    assert document["decoding"]["p"] == 0.01
    assert document["encoding"]["p"] < 0.05
    assert len(document["rdm"]["pairs"]) == 3
    assert all(pair["p"] < 0.1 for pair in document["rdm"]["pairs"])
    with np.load(tmp_path / "out" / "arrays.npz") as arrays:
        assert arrays["r2"][:10].mean() > 0.3
        assert arrays["r2"][10:].max() < 0.3
        assert arrays["ceiling"][:10].mean() > arrays["ceiling"][10:].mean()


def test_nothing_planted_is_not_told(file):
    data = read_volumes(BoldSettings(file=file(signal=0.0)))
    found = decode(data.values, data.labels, data.runs, permutations=99)
    assert found.p > 0.05
    assert abs(found.null.mean() - 1 / 3) < 0.05
    table, _ = category_encoding(data, BoldSettings(file=file(signal=0.0), permutations=99))
    assert table["p"] > 0.05
    assert abs(table["null_r"]) < 0.1
    assert sign_flips(data.values, data.labels, data.runs, draws=99).min() > 0.02


def test_a_p_of_nothing_is_even():
    random = np.random.default_rng(4)
    labels, runs = np.tile(["a", "b"], 16), np.repeat(np.arange(8), 4)
    p = [sign_flips(random.normal(size=(32, 5)), labels, runs, draws=99)[0] for _ in range(200)]
    assert 0.02 < np.mean(np.array(p) <= 0.05) < 0.09
    assert 0.4 < np.mean(p) < 0.6


def test_runs_are_detrended_and_scaled_each(file):
    data = read_volumes(BoldSettings(file=file(), rest=None))
    for run in range(5):
        values = data.values[data.runs == run]
        assert np.allclose(values.mean(0), 0)
        assert np.allclose(values.std(0), 1)
        assert np.allclose(np.linspace(-1, 1, len(values)) @ values, 0)


def test_a_lag_moves_labels_within_their_run(file):
    data = read_volumes(BoldSettings(file=file(), lag=1))
    straight = read_volumes(BoldSettings(file=file()))
    assert len(data.labels) == len(straight.labels) - 5  # the last volume's label leaves each run
    assert data.labels[:4].tolist() == ["cat"] * 4
    assert not np.allclose(data.values[0], straight.values[0])
    assert np.allclose(data.values[0], straight.values[1])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"run": np.zeros(120)}, "1 runs: three"),
        ({"label": np.array(["cat"] * 119)}, "one of each"),
        ({"X": np.full((120, 30), np.nan)}, "NaN"),
    ],
)
def test_what_cannot_be_analysed_is_told(file, change, told):
    with pytest.raises(LayerscopeError, match=told):
        read_volumes(BoldSettings(file=file(**change)))


def test_a_run_without_a_category_is_named(file):
    given = volumes(1.0)
    given["label"][(given["run"] == 3) & (given["label"] == "cat")] = "face"
    with pytest.raises(LayerscopeError, match="run 3 has no cat"):
        read_volumes(BoldSettings(file=file(label=given["label"])))


def test_a_model_of_an_unknown_category_is_told(file, tmp_path):
    study = BrainStudy.asked(bold={"file": file(), "permutations": 9, "models": {"m": ["dog"]}})
    with pytest.raises(LayerscopeError, match=r"models\.m names dog"):
        analyse(study, tmp_path / "out")


def test_the_command_writes_its_page(file, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["brain", "--bold", str(file()), "--out", str(out)]) == 0
    assert "decoding of 3 categories" in capsys.readouterr().out
    assert json.loads((out / "comparison.json").read_text())["categories"] == NAMES[1:]
    assert (out / "index.html").read_text().count("data:image/png") == 2


def test_haxby_figures(real_data, tmp_path):
    file = real_data / "fmri_haxby" / "haxby_slice.npz"
    settings = BoldSettings(file=file)
    data = read_volumes(settings)
    assert data.values.shape == (720, 530)
    found = decode(data.values, data.labels, data.runs, permutations=50)
    assert found.accuracy == pytest.approx(0.664, abs=0.01)
    assert found.null.max() < 0.25
    recall = dict(zip(found.classes, np.diag(found.confusion) / 90, strict=True))
    assert recall["house"] > 0.9
    assert recall["face"] > 0.8
    some = np.isin(data.labels, ["face", "house", "cat"])
    three = decode(data.values[some], data.labels[some], data.runs[some], permutations=0)
    assert three.accuracy > 0.85  # logistic regression has 0.87 on the runs that are held back
