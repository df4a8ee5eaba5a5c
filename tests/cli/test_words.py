"""Spoken words, from the study's recipe to the tables: what is trained is better than chance."""

import json

import pytest
from typer.testing import CliRunner

from layerscope import Study, train
from layerscope.cli import app

STUDY = """\
name = "words"
[data]
kind = "waveforms"
root = "{root}"
classes = ["stop", "yes", "left", "rotate"]
train = "train"
val = "val"
[data.waveforms]
speaker = "^(\\\\d+)_NO_"
[model]
preset = "study-1d"
channels = 8
dropout = 0.1
[training]
epochs = {epochs}
batch_size = 16
threads = 1
"""


@pytest.fixture
def run(real_data, tmp_path):
    path = tmp_path / "words.toml"
    path.write_text(STUDY.format(root=real_data / "arabic_words", epochs=10))
    return train(Study.load(path), tmp_path / "run")


def test_four_words_are_told_apart_and_measured_in_noise(run):
    written = CliRunner().invoke(app, ["evaluate", str(run.path), "--json"])
    assert written.exit_code == 0
    document = json.loads(written.stdout)
    assert document["n"] == 80
    assert document["accuracy"] > 0.5  # chance is 0.25, its 99.9 % limit 0.41
    clean, *others = document["robustness"]
    assert clean["accuracy"] == pytest.approx(document["accuracy"])
    assert {each["condition"] for each in others} == {"snr", "shift"}
    loud = [each["accuracy"] for each in others if each["condition"] == "snr"]
    assert loud[0] >= loud[-1]  # 30 dB and -10 dB
    before = run.robustness_file.read_bytes()
    run.robustness_file.unlink()
    text = CliRunner().invoke(app, ["evaluate", str(run.path)]).stdout
    assert "white noise, SNR 30 dB" in text
    assert "200 ms earlier" in text
    assert run.robustness_file.read_bytes() == before  # made again, the same
