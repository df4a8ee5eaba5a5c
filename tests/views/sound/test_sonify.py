"""Sounds: their level, peak, ends and offset, of known signals; nothing is clipped or hidden."""

import numpy as np
import pytest

from layerscope import Refused
from layerscope.views import View
from layerscope.views.sound import a_weighting, level_db, peak, sonify, spectrogram

RATE = 16000
TIME = np.arange(RATE) / RATE


def tone(frequency, amplitude=1.0):
    return amplitude * np.sin(2 * np.pi * frequency * TIME)


def test_a_weighting_is_the_table_of_iec_61672():
    frequencies = [31.5, 63, 125, 250, 500, 1000, 2000, 4000, 8000, 16000]
    table = [-39.4, -26.2, -16.1, -8.6, -3.2, 0.0, 1.2, 1.0, -1.1, -6.6]
    exact = 1000 * 10 ** (np.round(10 * np.log10(np.array(frequencies) / 1000)) / 10)
    np.testing.assert_allclose(20 * np.log10(a_weighting(exact)), table, atol=0.06)


def test_levels_of_tones():
    assert level_db(tone(1000), RATE) == pytest.approx(-3.01, abs=0.05)
    assert level_db(tone(125), RATE) == pytest.approx(-3.01 - 16.1, abs=0.15)
    half = tone(1000) * (TIME < 0.5)
    assert level_db(half, RATE) == pytest.approx(level_db(tone(1000), RATE), abs=0.05)
    short = tone(1000) * (TIME < FAST / 4)
    assert level_db(short, RATE) == pytest.approx(-3.01 - 6.02, abs=0.1)


FAST = 0.125


def test_the_peak_between_samples_is_found():
    between = np.sin(np.pi / 2 * np.arange(4000) + np.pi / 4)  # samples at +-0.707 only
    assert np.abs(between).max() == pytest.approx(0.7071, abs=1e-3)
    assert peak(between[1000:3000]) > 0.98


@pytest.mark.parametrize("amplitude", [1e-6, 0.01, 30.0])
def test_every_sound_gets_the_same_level_and_keeps_its_spectrum(amplitude):
    sound = sonify(tone(1000, amplitude) + amplitude / 2, RATE)
    assert sound.samples.dtype == np.float32
    assert len(sound.samples) == RATE
    assert level_db(sound.samples, RATE) == pytest.approx(-20, abs=0.01)
    assert sound.level_db == pytest.approx(-20, abs=0.01)
    amplified = 10 ** (sound.gain_db / 20) * tone(1000, amplitude)
    np.testing.assert_allclose(sound.samples[2000:-2000], amplified[2000:-2000], atol=2e-3)
    frequencies, _, power = spectrogram(sound.samples, RATE)
    assert frequencies[power.sum(1).argmax()] == 1000
    assert abs(sound.samples.mean()) < 1e-4


def test_nothing_is_clipped_and_the_note_says_what_was_held():
    click = np.zeros(RATE)
    click[8000:8005] = [0, 1, -1, 1, 0]
    sound = sonify(click, RATE)
    assert peak(sound.samples) <= 10 ** (-1 / 20) + 1e-3
    assert peak(sound.samples) == pytest.approx(10 ** (-1 / 20), abs=1e-3)
    assert sound.level_db < -20
    assert "held by its peak" in sound.note
    kept = sonify(tone(1000, 4.0), RATE, level=None)
    assert kept.gain_db == pytest.approx(-1 - 20 * np.log10(4), abs=0.05)
    assert "turned down" in kept.note


def test_sounds_begin_and_end_at_nothing():
    burst = np.zeros(RATE)
    burst[3000:9000] = 1 + tone(440)[3000:9000]  # starts with a jump
    sound = sonify(burst, RATE).samples.astype(float)
    assert (sound[:3000] == 0).all()
    assert (sound[9000:] == 0).all()
    steps = np.abs(np.diff(sound))
    steady = steps[5000:7000].max()
    assert steps[2990:3090].max() <= steady * 1.2
    assert steps[8910:9010].max() <= steady * 1.2


def test_silence_stays_silence():
    sound = sonify(np.zeros(100), RATE)
    assert not sound.samples.any()
    assert "silent" in sound.note
    assert sound.gain_db == 0


def test_views_are_played_by_row():
    values = np.stack([np.stack([tone(500), tone(700)])] * 3).astype(np.float32)
    view = View(values, ("batch", "channel", "time"), "deconvnet", "conv1")
    sound = sonify(view, RATE, row=1).samples
    np.testing.assert_allclose(sound, sonify(tone(500) + tone(700), RATE).samples, atol=1e-5)
    assert sound.shape == (RATE,)


@pytest.mark.parametrize(
    ("what", "options", "told"),
    [
        (np.zeros((2, 8)), {"row": 2}, "row=2"),
        (np.zeros(8), {"sfreq": 256.0}, "256"),
        (np.full(8, np.nan), {}, "NaN"),
        (np.zeros(0), {}, "no samples"),
        (View(np.zeros((1, 2, 2), np.float32), ("batch", "y", "x"), "m", "l"), {}, "no time"),
    ],
)
def test_what_cannot_be_played_is_refused(what, options, told):
    with pytest.raises(Refused, match=told):
        sonify(what, **{"sfreq": 16000.0, **options})
