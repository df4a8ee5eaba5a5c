"""A study of sounds from end to end: counted, trained, evaluated on new sounds, looked at."""

import json

import pytest
import soundfile
from typer.testing import CliRunner

from data.waveforms.tones import RATE, tone, words
from layerscope import Study, evaluate, see, train
from layerscope.cli import app

STUDY = """\
name = "tones"
[data]
kind = "waveforms"
root = "words"
val_fraction = 0.3
[data.waveforms]
seconds = 0.2
front = "FRONT"
mels = 20
[model]
preset = "PRESET"
blocks = 2
channels = 4
[training]
epochs = 2
batch_size = 8
[training.augment.sound]
shift = 0.02
noise = 0.5
[views]
methods = ["grad_cam", "saliency"]
correct = 1
wrong = 0
"""


@pytest.mark.parametrize(("front", "preset"), [("none", "study-1d"), ("log_mel", "study-2d")])
def test_the_waveform_and_its_log_mel_picture_go_the_whole_way(tmp_path, front, preset):
    words(tmp_path / "words", "yes", "no")
    (tmp_path / "tones.toml").write_text(STUDY.replace("FRONT", front).replace("PRESET", preset))
    study = Study.load(tmp_path / "tones.toml")
    study.save(tmp_path / "again.toml")
    assert Study.load(tmp_path / "again.toml") == study
    run = train(study, tmp_path / "run")
    shape = (1, 3200) if front == "none" else (1, 20, 21)
    assert run.spec.shape == shape
    assert {row["group"] for row in run.data()} == {f"{k:08x}" for k in range(6)}
    scope = run.scope()
    assert scope.sfreq == (RATE if front == "none" else 100.0)
    assert scope.axis_words(len(shape) - 1)[-1] == "time"
    found = see(run)
    assert found.made > 0
    assert (run.views_folder / found.index.document["examples"][0]["sound"]).is_file()
    new = words(tmp_path / "new", "yes", "no", speakers=1)
    soundfile.write(new / "no" / "silent.wav", tone(level=0), RATE)
    told = evaluate(run, data=new).as_dict()
    assert (told["n"], told["skipped"]) == (4, 1)
    assert told["refused"][0]["reason"].startswith("silent: all zeros")


def test_the_command_counts_and_names_what_is_refused_and_noted(tmp_path):
    root = words(tmp_path / "words", "yes", "no")
    soundfile.write(root / "no" / "0_nohash_9.wav", tone(rate=8000), 8000)
    (root / "no" / "1_nohash_9.wav").write_text("no sound")
    (tmp_path / "tones.toml").write_text(
        STUDY.replace("FRONT", "none").replace("PRESET", "study-1d")
    )
    told = CliRunner().invoke(app, ["data", str(tmp_path / "tones.toml")]).stdout
    assert "'no/1_nohash_9.wav': no sound: its content is no format" in told
    assert "'no/0_nohash_9.wav': resampled: from 8000 Hz: nothing above 4000 Hz; cut: " in told
    counted = CliRunner().invoke(app, ["data", str(tmp_path / "tones.toml"), "--json"]).stdout
    document = json.loads(counted)
    assert [file["id"] for file in document["refused"]] == ["no/1_nohash_9.wav"]
    assert document["warnings"] == []
