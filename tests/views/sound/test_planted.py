"""A planted tone burst that decides the label: seen in time and in frequency, and heard."""

import functools

import numpy as np
import pytest
import torch
from torch import nn

from layerscope.views import Scope
from layerscope.views.sound import masked, sonify, spectrogram, time_frequency_of

RATE = 8000.0
LENGTH = 4000
BURST = 240  # samples: 30 ms


def clips(count, seed):
    """Give noise, half of it with a 30 ms burst of 1 to 3 kHz, 12 dB above it, and where it is.

    Every clip has a burst of 400 Hz that is louder and decides nothing.
    """
    draw = np.random.default_rng(seed)
    sounds = draw.standard_normal((count, LENGTH))
    onset, frequency = draw.integers(200, LENGTH - 600, count), draw.uniform(1000, 3000, count)
    window = np.hanning(BURST)
    for k in range(count):
        hum, at = (
            np.sin(2 * np.pi * 400 * np.arange(BURST) / RATE),
            draw.integers(0, LENGTH - BURST),
        )
        sounds[k, at : at + BURST] += 7 * np.sqrt(2) * window * hum
    for k in range(0, count, 2):
        tone = np.sin(2 * np.pi * frequency[k] * np.arange(BURST) / RATE)
        sounds[k, onset[k] : onset[k] + BURST] += 4 * np.sqrt(2) * window * tone
    labels = 1 - np.arange(count) % 2
    return torch.from_numpy(sounds).float()[:, None], torch.from_numpy(labels), onset, frequency


def network():
    return nn.Sequential(
        *(nn.Conv1d(1, 16, 33, padding=16), nn.ReLU(), nn.MaxPool1d(4, ceil_mode=True)),
        *(nn.Conv1d(16, 16, 15, padding=7), nn.ReLU(), nn.MaxPool1d(4, ceil_mode=True)),
        *(nn.AdaptiveMaxPool1d(1), nn.Flatten(), nn.Linear(16, 2)),
    )


@functools.cache
def trained():
    sounds, labels, _, _ = clips(256, 0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = network()
        optimizer = torch.optim.Adam(net.parameters(), 0.004)
        for step in range(120):
            some = torch.arange(step * 32, step * 32 + 32) % len(sounds)
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(sounds[some]), labels[some]).backward()
            optimizer.step()
    net.eval().requires_grad_(requires_grad=False)
    sounds, labels, _, _ = clips(64, 1)
    assert (net(sounds).argmax(1) == labels).float().mean() > 0.95
    return net


@functools.cache
def heard():
    """Give clips with a burst that the network hears, their trace, and where the bursts are."""
    sounds, labels, onset, frequency = clips(64, 1)
    said = trained()(sounds).argmax(1)
    chosen = torch.nonzero((labels == 1) & (said == 1))[:12, 0].numpy()
    scope = Scope(trained(), kind="waveform", classes=["no", "yes"], sfreq=RATE)
    return scope.trace(sounds[chosen]), onset[chosen], frequency[chosen]


WAYS = [
    ("input_x_gradient", {}),
    ("integrated_gradients", {}),
    ("lrp", {"composite": "epsilon"}),
    ("lrp", {}),
    ("guided_backprop", {}),
    ("deconvnet", {}),
]


@pytest.mark.parametrize(("method", "options"), WAYS)
def test_the_burst_is_found_in_time_and_in_frequency(method, options):
    trace, onset, frequency = heard()
    asked = {"of": method, "options": options, "target": "yes"}
    view = trace.view("time_frequency", **asked)["input"]
    found = right_places(view.values[:, 0], view.quality, onset, frequency)
    assert found >= 0.9


def right_places(values, quality, onset, frequency):
    """Give the share of clips whose strongest cell is within 10 ms and 10 % of the burst."""
    times, frequencies = quality["time"][0], quality["frequency"][0]
    right = []
    for row, cells in enumerate(values):
        band, moment = np.unravel_index(cells.argmax(), cells.shape)
        begin, end = onset[row] / RATE, (onset[row] + BURST) / RATE
        late = max(begin - times[moment], times[moment] - end)
        off = abs(frequencies[band] / frequency[row] - 1)
        right.append(late <= 0.010 and off <= 0.10)
    return np.mean(right)


def test_occlusion_finds_the_piece_that_holds_the_burst():
    trace, onset, frequency = heard()
    view = trace.view("time_frequency_occlusion", target="yes", tiles=(16, 25))["input"]
    sounds = trace.tape.input.tensor
    cells = time_frequency_of(view, sounds, RATE)
    np.testing.assert_allclose(cells.quality["gap"], 0, atol=1e-4)
    np.testing.assert_allclose(
        cells.values.sum((1, 2, 3)), view.values.sum((1, 2)), atol=1e-4, rtol=1e-4
    )
    assert right_places(cells.values[:, 0], cells.quality, onset, frequency) >= 0.75


@pytest.mark.parametrize("method", ["deconvnet", "guided_backprop", "integrated gradients by mask"])
def test_the_burst_is_heard_in_the_sonification(method):
    """Play a projection itself; what is a product with the sound, as the sound behind its mask."""
    trace, onset, frequency = heard()
    if method == "integrated gradients by mask":
        view = trace.view("time_frequency", of="integrated_gradients", target="yes")["input"]
        clips = trace.tape.input.tensor[:, 0].numpy()
        sounds = [masked(*each, RATE) for each in zip(clips, view.values[:, 0], strict=True)]
    else:
        view = trace.view(method, target="yes")["input"]
        sounds = [sonify(view, RATE, row=row) for row in range(len(onset))]
    planes = [spectrogram(sound.samples, RATE) for sound in sounds]
    quality = {"frequency": planes[0][0][None], "time": planes[0][1][None]}
    values = np.stack([power for _, _, power in planes])
    assert right_places(values, quality, onset, frequency) >= 0.9


def test_neither_the_energy_nor_the_untrained_network_finds_it():
    trace, onset, frequency = heard()
    torch.manual_seed(1)
    scope = Scope(network(), kind="waveform", classes=["no", "yes"], sfreq=RATE)
    view = scope.trace(trace.tape.input.tensor).view(
        "time_frequency", of="integrated_gradients", target="yes"
    )["input"]
    assert right_places(view.values[:, 0], view.quality, onset, frequency) <= 0.7
    _, _, power = spectrogram(trace.tape.input.tensor[:, 0], RATE)
    assert right_places(power, view.quality, onset, frequency) <= 0.2
