"""What passes through layers: it adds up, does not depend on batches, and finds what is planted."""

import numpy as np
import pytest
import torch
from tests.brain.planted import CHANNELS, SFREQ, fit, noise, small_net, tone
from torch import nn

from layerscope.brain import contributions as module
from layerscope.brain.bands import bands_within, fine_bands
from layerscope.brain.contrasts import layer_contrast
from layerscope.brain.contributions import contributions
from layerscope.brain.epochs import Epochs
from layerscope.errors import LayerscopeError
from layerscope.views import Scope

BANDS = bands_within(SFREQ, 128)
ALL = [*fine_bands(SFREQ, 128)]


def scope_of(net: nn.Module, classes: int = 2) -> Scope:
    names = list("abc")[:classes]
    return Scope(net, kind="recording", classes=names, sfreq=SFREQ, channels=CHANNELS)


@pytest.mark.parametrize("classes", [2, 3])
def test_units_and_bands_add_up_to_input_times_gradient(classes):
    signals = torch.from_numpy(noise(6))
    signals -= signals.mean(-1, keepdim=True)  # 0 Hz is in no band
    net = small_net(classes)
    found = contributions(scope_of(net, classes), Epochs.of(signals, [0, 1] * 3), ALL, units=3)
    leaf = signals.clone().requires_grad_()
    logits = net(leaf)
    others = (logits.sum(1) - logits[:, 0]) / (classes - 1)
    margin = logits[:, 0] - others
    (gradient,) = torch.autograd.grad(margin.sum(), leaf)
    whole = ((gradient * signals).sum((1, 2)) / margin.std()).detach().numpy()
    for layer, values in found.layers.items():
        assert values.shape == (classes, 6, 4, len(ALL)), layer
        assert values[0].sum((1, 2)) == pytest.approx(whole, abs=1e-4)
    assert found.channels[0].sum((1, 2)) == pytest.approx(whole, abs=1e-4)
    assert found.relevance[0].sum((1, 2)) == pytest.approx(whole, abs=1e-4)
    assert found.units["0"][-1] == -1
    if classes == 2:
        assert np.array_equal(found.channels[0], -found.channels[1])


def test_a_batch_of_1_and_of_32_agree(monkeypatch):
    epochs = Epochs.of(torch.from_numpy(noise(32)), [0, 1] * 16)
    scope = scope_of(small_net())
    together = contributions(scope, epochs, BANDS)
    monkeypatch.setattr(module, "TOGETHER", 1)
    alone = contributions(scope, epochs, BANDS)
    for layer, values in together.layers.items():
        assert np.abs(values - alone.layers[layer]).max() <= 1e-5 * np.abs(values).max()


def test_a_planted_frequency_is_found_at_every_layer_and_nothing_else():
    labels = np.random.default_rng(3).integers(0, 2, 300)
    signals = torch.from_numpy(noise(300, seed=3))
    signals[labels == 1] += torch.from_numpy(tone(300, 20, 0.9, 128, seed=3))[labels == 1]
    net = fit(small_net(), signals[:220], labels[:220])
    epochs = Epochs.of(signals[220:], labels[220:])
    found = contributions(scope_of(net), epochs, ALL)
    contrast = layer_contrast(found.layers, epochs.labels, epochs.groups, permutations=300)
    names = [band.name for band in ALL]
    for row, layer in enumerate(found.layers):
        assert names[int((contrast.value - contrast.limit)[row].argmax())] == "20 Hz", layer
    assert (contrast.corrected[:, names.index("20 Hz")] < 0.01).all()
    others = np.delete(contrast.value, names.index("20 Hz"), axis=1)
    assert others.max() < 0.25 * contrast.value[:, names.index("20 Hz")].min()


def test_with_nothing_planted_contrasts_keep_their_level():
    signals = torch.from_numpy(noise(40, seed=9))
    epochs = Epochs.of(signals, [0, 1] * 20, ["a"] * 20 + ["b"] * 20)
    found = contributions(scope_of(small_net()), epochs, BANDS, units=4)
    random, alarms = np.random.default_rng(0), 0
    for trial in range(100):
        labels = random.integers(0, 2, 40)
        contrast = layer_contrast(found.layers, labels, epochs.groups, permutations=99, seed=trial)
        alarms += contrast.corrected.min() < 0.05
    assert alarms <= 10  # 5 expected, 10 is the 99th percentile


def test_frequencies_need_a_sampling_frequency():
    with pytest.raises(LayerscopeError, match="sfreq"):
        contributions(
            Scope(small_net(), kind="recording"), Epochs.of(torch.zeros(2, 4, 64), [0, 1]), BANDS
        )
