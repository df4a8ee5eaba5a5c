"""Patterns of planted sources come back where filters alone would mislead."""

import numpy as np
import pytest
import torch
from tests.brain.planted import SFREQ, noise, small_net
from torch import nn

from layerscope.brain.epochs import Epochs
from layerscope.brain.patterns import (
    first_linear_layers,
    haufe_patterns,
    linear_units,
    spatial_filters,
    unit_patterns,
)
from layerscope.errors import Refused
from layerscope.views import Scope


def scope_of(net: nn.Module) -> Scope:
    return Scope(net, kind="recording", sfreq=SFREQ, channels=["TP9", "AF7", "AF8", "TP10"])


def planted(seed: int = 0, epochs: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Mix three sources into four channels: signals (epoch, channel, time) and the mixing."""
    random = np.random.default_rng(seed)
    mixing = random.normal(size=(4, 3))
    sources = noise(epochs, 128, seed)[:, :3] * np.array([1.0, 2.0, 0.5])[:, None]
    return np.einsum("cs,est->ect", mixing, sources).astype(np.float32), mixing


def test_patterns_of_the_true_unmixing_are_the_mixing():
    signals, mixing = planted()
    flat = signals.transpose(1, 0, 2).reshape(4, -1)
    unmixing = np.linalg.pinv(mixing).T  # (channel, source)
    assert haufe_patterns(flat, unmixing) == pytest.approx(mixing, abs=1e-4)


def test_a_filter_that_cancels_noise_weighs_a_channel_where_the_source_is_not():
    """Haufe's example: the source is in channel 0 alone, the noise in both."""
    random = np.random.default_rng(0)
    source, other = random.normal(size=(2, 20000))
    signals = np.stack([source + other, other])
    filters = np.array([[1.0], [-1.0]])
    pattern = haufe_patterns(signals, filters)[:, 0]
    assert pattern == pytest.approx([1.0, 0.0], abs=0.03)


def test_they_are_the_least_squares_that_predict_channels_from_sources():
    signals, _ = planted(1)
    flat = signals.transpose(1, 0, 2).reshape(4, -1).astype(np.float64)
    filters = np.random.default_rng(2).normal(size=(4, 2))
    centred = flat - flat.mean(1, keepdims=True)
    slow = np.linalg.lstsq((filters.T @ centred).T, centred.T, rcond=None)[0].T
    assert haufe_patterns(flat, filters) == pytest.approx(slow, abs=1e-8)


class Joined(nn.Module):
    """A temporal and a spatial convolution with a norm, as Schirrmeister's and Lawhern's have."""

    def __init__(self) -> None:
        super().__init__()
        self.time = nn.Conv2d(1, 3, (1, 9))
        self.space = nn.Conv2d(3, 5, (4, 1))
        self.norm = nn.BatchNorm2d(5)
        self.fc = nn.Linear(5 * 120, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.norm(self.space(self.time(x[:, None]))).square().flatten(1))


def test_filters_of_a_linear_layer_are_those_that_its_answers_come_from():
    torch.manual_seed(0)
    net = Joined().eval()
    epochs = Epochs.of(torch.from_numpy(noise(4)), [0, 1, 0, 1])
    units = linear_units(scope_of(net), epochs, "space")
    assert units.filters.shape == (5, 4, 9)
    assert units.first == -4
    answers = net.space(net.time(epochs.signals[:, None]))[:, :, 0].detach()  # (B, unit, 120)
    windows = epochs.signals.unfold(2, 9, 1)  # (B, channel, 120, 9)
    rebuilt = torch.einsum("bctk,uck->but", windows, torch.from_numpy(units.filters))
    offset = answers - rebuilt
    assert float((offset - offset[:1, :, :1]).abs().max()) < 1e-5


def test_a_layer_behind_a_rectifier_is_refused_and_left_out():
    epochs = Epochs.of(torch.from_numpy(noise(4)), [0, 1, 0, 1])
    scope = scope_of(small_net())
    with pytest.raises(Refused, match=r"'3' is not linear in the input"):
        linear_units(scope, epochs, "3")
    with pytest.raises(Refused, match="no time axis"):
        linear_units(scope, epochs, "7")
    assert list(first_linear_layers(scope, epochs, "conv")) == ["0"]
    temporal_first = scope_of(Joined().eval())
    assert list(first_linear_layers(temporal_first, epochs, "conv")) == ["space"]


def test_space_and_time_are_split_and_their_pattern_is_the_sources():
    """A unit whose filter is one product hears source 1; its pattern is that source's mixing."""
    signals, mixing = planted(3, 200)
    weights = np.linalg.pinv(mixing)[1]  # hears the second source alone
    taps = np.hanning(9) * np.cos(np.arange(9))
    net = nn.Sequential(nn.Conv1d(4, 1, 9), nn.ReLU(), nn.Flatten(), nn.Linear(120, 2))
    with torch.no_grad():
        net[0].weight[0] = torch.from_numpy(weights[:, None] * taps)
    epochs = Epochs.of(torch.from_numpy(signals), [0, 1] * 100)
    units = linear_units(scope_of(net), epochs, "0")
    space, time, share = spatial_filters(units)
    assert share == pytest.approx([1.0])
    assert space[0, np.abs(space[0]).argmax()] > 0
    direction = weights / np.linalg.norm(weights)
    assert abs(space[0] @ direction) == pytest.approx(1, abs=1e-5)
    assert np.outer(space[0], time[0]) == pytest.approx(units.filters[0], abs=1e-5)
    pattern = unit_patterns(epochs, units)[0]
    wanted = mixing[:, 1] / np.linalg.norm(mixing[:, 1])
    assert abs(pattern / np.linalg.norm(pattern) @ wanted) > 0.999
    assert abs(direction @ wanted) < 0.95  # the filter alone points elsewhere
