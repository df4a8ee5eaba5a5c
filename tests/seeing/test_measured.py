"""Measures of sounds whose measures are known."""

import numpy as np
import pytest

from layerscope.seeing.measured import faults, measured, table
from layerscope.seeing.wav import write_wav
from layerscope.storage import read_csv


def test_a_tone_has_its_duration_level_and_frequency(tmp_path):
    at = np.arange(8000) / 16_000
    write_wav(tmp_path / "tone.wav", 0.5 * np.sin(2 * np.pi * 1000 * at), 16_000)
    found = measured(tmp_path / "tone.wav")
    assert found.seconds == 0.5
    assert found.peak == pytest.approx(20 * np.log10(0.5), abs=0.01)
    assert found.rms == pytest.approx(found.peak - 3.01, abs=0.01)
    assert found.strongest == 1000
    assert found.centroid == pytest.approx(1000, abs=20)


def test_what_clips_or_clicks_is_named(tmp_path):
    samples = {"loud": np.r_[0.0, 1.0, 0.0], "click": np.r_[0.4, 0.5, 0.0], "silent": np.zeros(9)}
    found = []
    for name, each in samples.items():
        write_wav(tmp_path / f"{name}.wav", each, 8000)
        found.append(measured(tmp_path / f"{name}.wav"))
    assert faults(found) == [
        "loud: 1 samples at full scale",
        "click: begins or ends at 80.0% of its peak",
    ]
    text = table(found, tmp_path / "sounds.csv")
    assert [line.split()[0] for line in text.splitlines()] == ["sound", *samples]
    assert [row["name"] for row in read_csv(tmp_path / "sounds.csv")] == list(samples)
