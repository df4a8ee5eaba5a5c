"""What filters and units are tuned to: scipy's responses, planted bands, the same three ways."""

import numpy as np
import pytest
import scipy.signal
import torch
from torch import nn

from layerscope import Refused
from layerscope.nets import study_1d
from layerscope.views import Scope
from zoo import build

RATE = 256.0


def look(net, images, method, *, sfreq=RATE, kind="recording", **options):
    return Scope(net, kind=kind, sfreq=sfreq).trace(images).view(method, **options)


def sines(*frequencies, taps=64):
    """Give a convolution whose filters are sines, the weight of each in its own bin alone."""
    net = nn.Sequential(nn.Conv1d(1, len(frequencies), taps, bias=False), nn.ReLU(), nn.Flatten())
    time = np.arange(taps) / RATE
    with torch.no_grad():
        for unit, frequency in zip(net[0].weight, frequencies, strict=True):
            unit[0] = torch.from_numpy(np.sin(2 * np.pi * frequency * time))
    return net, torch.randn(2, 1, 512, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("by", ["tone", "noise", "gradient"])
def test_a_filter_that_is_a_sine_answers_in_exactly_its_own_bin(by):
    net, images = sines(40.0, 12.0, 100.0)
    bins = np.arange(0, 129, 4.0)  # those of 64 taps
    view = look(net, images, "effective_response", by=by, frequencies=bins)["0"]
    np.testing.assert_array_equal(view.quality["best"], [40, 12, 100])
    if by == "tone":
        power = view.values**2
        power /= power.sum(1, keepdims=True)
        assert (np.sort(power, axis=1)[:, -1] > 0.99).all()


def test_a_filter_bank_is_sorted_by_its_centre():
    net, images = sines(40.0, 12.0, 100.0)
    view = look(net, images, "frequency_response", count=129)["0"]
    np.testing.assert_array_equal(view.unit, [1, 0, 2])
    np.testing.assert_array_equal(view.quality["peak"], [12, 40, 100])
    np.testing.assert_allclose(view.quality["centre"], [12, 40, 100], atol=1.5)
    assert view.axes == ("unit", "channel", "frequency")


def test_responses_equal_scipy_s_dilated_too():
    torch.manual_seed(2)
    net = nn.Sequential(nn.Conv1d(3, 5, 7, dilation=2), nn.ReLU(), nn.Flatten())
    view = look(net, torch.zeros(1, 3, 100), "frequency_response", count=50)["0"]
    for row, unit in enumerate(view.unit):
        for channel, taps in enumerate(net[0].weight[unit].detach().double().numpy()):
            spread = np.zeros(13)
            spread[::2] = taps[::-1]  # a convolution of a network runs the other way
            _, expected = scipy.signal.freqz(spread, worN=np.linspace(0, np.pi, 50))
            np.testing.assert_allclose(view.values[row, channel], np.abs(expected), atol=1e-5)


@pytest.mark.parametrize("by", ["tone", "noise", "gradient"])
def test_a_linear_layer_s_effective_response_is_its_frequency_response(by):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv1d(1, 4, 9, padding=4), nn.ReLU(), nn.Flatten())
    images = torch.randn(6, 1, 4096)
    view = look(net, images, "effective_response", by=by, raw=True)["0"]
    frequencies = view.quality["frequency"][0]
    taps = net[0].weight.detach().double().numpy()[:, 0]
    expected = [np.abs(scipy.signal.freqz(t, worN=frequencies, fs=RATE)[1]) for t in taps]
    # the gradient's seed holds the bias too, at 0 Hz and at the ends of the map
    close = {"tone": 0.01, "noise": 0.03, "gradient": 0.05}[by]
    np.testing.assert_allclose(view.values, expected, atol=close * np.max(expected))


def test_deeper_units_are_tuned_to_the_band_that_was_planted():
    """The second layer passes each filter of the first on, in the other order."""
    net, _ = sines(20.0, 80.0)
    second = nn.Conv1d(2, 2, 1, bias=False)
    with torch.no_grad():
        second.weight[:] = torch.eye(2)[:, :, None].flip(0)
    deep = nn.Sequential(net[0], nn.ReLU(), nn.MaxPool1d(3, ceil_mode=True), second, nn.ReLU())
    views = look(deep, torch.randn(1, 1, 512), "effective_response", frequencies=range(4, 120, 4))
    np.testing.assert_array_equal(views["0"].quality["best"], [20, 80])
    np.testing.assert_array_equal(views["3"].quality["best"], [80, 20])
    assert (views["3"].quality["change"].max(1) > 0).all()


def test_words_networks_are_asked_layer_by_layer():
    net = study_1d(4, 4, classes=3, input_shape=(1, 2000))
    images = torch.randn(2, 1, 2000)
    views = look(net, images, "effective_response", kind="waveform", sfreq=8000.0)
    assert list(views) == ["conv1", "conv2", "conv3", "conv4"]
    for view in views.values():
        assert view.values.shape[1] == 48
        assert view.quality["frequency"][0, 0] == 50
        assert view.quality["frequency"][0, -1] == pytest.approx(3800)


@pytest.mark.parametrize(
    "method",
    ["frequency_response", "effective_response", "time_frequency", "time_frequency_occlusion"],
)
def test_without_a_rate_or_of_photographs_they_refuse_by_name(method):
    net, images = build("plain 1-D")
    with pytest.raises(Refused, match=f"{method} needs sfreq"):
        look(net, images, method, sfreq=None)
    flat, pictures = build("plain")
    with pytest.raises(Refused, match=f'{method} .*photo "batch channel y x"'):
        look(flat, pictures, method, kind="photo")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"by": "ear"}, "by='ear'"),
        ({"draws": 0}, "draws=0"),
        ({"frequencies": [3.0, 2.0]}, "rising"),
        ({"frequencies": [500.0]}, "128"),
        ({"frequencies": 3}, "rising"),
    ],
)
def test_questions_that_make_no_sense_are_refused(options, told):
    net, images = sines(20.0)
    with pytest.raises(Refused, match=told):
        look(net, images, "effective_response", **options)
