"""A network of the user's on a folder of sounds: what is read, what is heard, what is drawn."""

import json

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image
from typer.testing import CliRunner

from layerscope import LayerscopeError
from layerscope.cli import app
from layerscope.cli.sound_pictures import draw_sounds
from layerscope.seeing import ViewsSettings
from layerscope.seeing.of_module import see_module, see_sounds

NET = """
import torch
from torch import nn

def build():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv1d(1, 4, 9, padding=4), nn.ReLU(), nn.MaxPool1d(4),
                         nn.Conv1d(4, 4, 9, padding=4), nn.ReLU(), nn.AdaptiveAvgPool1d(1),
                         nn.Flatten(), nn.Linear(4, 3))
"""
METHODS = ("feature_maps", "filters", "deconvnet", "lrp", "zeiler_fergus")


@pytest.fixture
def folder(tmp_path):
    """A tone of 8 kHz in stereo, one of 16 kHz, and a file that is no sound."""
    path = tmp_path / "sounds"
    (path / "inside").mkdir(parents=True)
    low, high = (
        0.5 * np.sin(2 * np.pi * f * np.arange(n) / s)
        for f, n, s in ((300, 3000, 8000), (1000, 12000, 16000))
    )
    soundfile.write(path / "a.wav", np.stack([low, low], 1), 8000, "PCM_16")
    soundfile.write(path / "inside" / "b.flac", high, 16000)
    (path / "c.wav").write_text("no sound")
    (tmp_path / "net.py").write_text(NET)
    return path


def build():
    space: dict = {}
    exec(NET, space)
    return space["build"]()


def test_each_sound_is_read_at_one_rate_and_heard(folder, tmp_path):
    out = tmp_path / "out"
    settings = ViewsSettings(methods=METHODS, units=2, pictured=2)
    seen = see_sounds(build(), folder, out, settings, sfreq=8000, seconds=0.5)
    assert list(seen.skipped) == [str(folder / "c.wav")]
    document = json.loads((out / "index.json").read_text())
    assert document["sfreq"] == 8000
    first, second = (soundfile.read(out / e["sound"])[0] for e in document["examples"])
    assert len(first) == len(second) == 4000
    assert np.abs(first[:3000]).max() == pytest.approx(0.5, abs=0.01)
    assert not first[3000:].any()  # padded
    frequency = np.fft.rfft(second * np.hanning(4000))
    assert np.abs(frequency).argmax() * 2 == pytest.approx(1000, abs=3)  # resampled
    kinds = {kind for entry in document["views"] for kind in entry.get("sounds", {})}
    assert kinds == {"only", "without", "projection", "snippets", "projections"}
    pictures = draw_sounds(seen.index)
    made = {path.name for path in pictures.iterdir()}
    assert len(made) == len(document["views"])
    for path in pictures.iterdir():
        with Image.open(path) as image:
            assert min(image.size) > 30, path


def test_the_command_takes_sounds_in_the_place_of_images(folder, tmp_path):
    command = ["see", "--model", f"{tmp_path / 'net.py'}:build", "--sounds", str(folder)]
    command += ["--out", str(tmp_path / "out"), "--methods", "lrp", "--sfreq", "8000"]
    done = CliRunner().invoke(app, [*command, "--seconds", "0.5", "--scale", "rms"])
    assert done.exit_code == 0, done.output
    document = json.loads((tmp_path / "out" / "index.json").read_text())
    assert {entry["method"] for entry in document["views"]} == {"lrp"}
    wrong = (["--size", "9"], ["--images", "x"], ["--scale", "loud"], ["--mean", "1,2"])
    for given in wrong:
        refused = CliRunner().invoke(app, [*command, *given])
        assert refused.exit_code == 2, given


def test_what_is_told_of_folders_without_sounds(folder, tmp_path):
    settings = ViewsSettings(methods=("lrp",))
    with pytest.raises(LayerscopeError, match=r"--sounds .*: there is no such folder"):
        see_sounds(build(), folder / "no", tmp_path / "out", settings)
    (folder / "a.wav").unlink()
    (folder / "inside" / "b.flac").unlink()
    with pytest.raises(LayerscopeError, match=r"holds no sound that can be read; .*c\.wav: no sou"):
        see_sounds(build(), folder, tmp_path / "out", settings)
    photos = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3))
    with pytest.raises(LayerscopeError, match="holds no image that can be read"):
        see_module(photos, folder, tmp_path / "other", settings)
