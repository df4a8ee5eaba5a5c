"""Views of sounds as pictures: what lies over time and frequency, and who hears for how long."""

import numpy as np

from layerscope.report import heard
from layerscope.views import View


def test_low_frequencies_lie_below():
    values = np.zeros((1, 1, 4, 6), np.float32)
    values[0, 0, 0, 2] = 1.0  # the lowest frequency
    axes = ("batch", "channel", "frequency", "time")
    view = View(values, axes, "lrp", "input", signed=True, input_size=(4, 6))
    picture = heard.example(view, 0, np.zeros(96), 16.0, {}, "").pixels
    coloured = np.argwhere((picture != picture[0, 0]).any(axis=2))
    assert coloured[:, 0].min() >= 0.7 * picture.shape[0]
    assert 0.3 < coloured[:, 1].mean() / picture.shape[1] < 0.5


def test_snippets_of_planes_are_left_to_others():
    values = np.ones((2, 3, 1, 4, 6), np.float32)
    axes = ("unit", "rank", "channel", "frequency", "time")
    quality = {"patches": values, "activation": values[:, :, 0, 0, 0]}
    assert heard.blocks(View(values, axes, "zeiler_fergus", "conv1", quality=quality), 16.0) == []


def test_a_short_sound_has_a_spectrogram_too():
    tone = np.sin(2 * np.pi * 2000 * np.arange(122) / 16000)
    drawn = heard.heard(tone, 16000.0)
    loudest = drawn.frequencies[drawn.level.max(axis=1).argmax()]
    assert abs(loudest - 2000) < 300
