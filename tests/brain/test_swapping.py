"""Band swapping finds a band that was planted in real recordings, and none where none was."""

import numpy as np
import pytest
import torch
from tests.brain.planted import CHANNELS, SFREQ, fit, noise, small_net, tone
from tests.untouched import state_of
from torch import nn

from layerscope.brain.bands import Band, bands_within
from layerscope.brain.epochs import Epochs
from layerscope.brain.nulls import chance, corrected_p, p_value, permuted_labels
from layerscope.brain.swapping import band_part, draw_donors, logits_of, margins, swap_band
from layerscope.errors import LayerscopeError
from layerscope.views import Scope

BANDS = bands_within(SFREQ, 128)


def scope_of(net: nn.Module, sfreq: float = SFREQ) -> Scope:
    return Scope(net, kind="recording", classes=["a", "b"], sfreq=sfreq, channels=CHANNELS)


def test_donors_are_of_the_same_recording_and_never_the_epoch_itself():
    groups = ["a"] * 5 + ["b"] * 2
    donors = draw_donors(groups, 50, 0)
    assert (donors != np.arange(7)).all()
    assert (donors[:, :5] < 5).all()
    assert (np.sort(donors, axis=1) == np.arange(7)).all()
    assert len(np.unique(donors[:, 0])) == 4


def test_a_swap_changes_its_band_and_nothing_else():
    """Against the slow way: transform, exchange coefficients, transform back."""
    signals = torch.from_numpy(noise(6))
    band, donors = Band("alpha", 8, 13), np.array([1, 2, 3, 4, 5, 0])
    own = band_part(signals, band, SFREQ)
    swapped = signals - own + own[donors]
    spectrum = torch.fft.rfft(signals)
    for hertz in range(8, 13):  # one a bin: 128 samples at 128 Hz
        spectrum[..., hertz] = torch.fft.rfft(signals)[donors][..., hertz]
    assert torch.allclose(swapped, torch.fft.irfft(spectrum, n=128), atol=1e-5)


@pytest.fixture(scope="module")
def planted_in_real(real_data):
    """A net that tells a 10 Hz tone planted in half of the real oddball epochs, and new epochs."""
    with np.load(real_data / "eeg_muse" / "p300_visual_oddball.npz") as stored:
        x, recording = stored["X"], stored["recording"]
    x = x[:, :, ::2]  # 128 Hz
    labels = np.random.default_rng(0).integers(0, 2, len(x))
    hertz = 9 * SFREQ / x.shape[2]  # 9.93: whole cycles, so that the transform leaks nothing
    x = x + labels[:, None, None] * tone(len(x), hertz, 7.0, x.shape[2])
    x = (x - x.mean((0, 2), keepdims=True)) / x.std((0, 2), keepdims=True)
    signals = torch.from_numpy(x.astype(np.float32))
    trained, kept = np.flatnonzero(recording < 8), np.flatnonzero(recording >= 15)[::3]
    net = fit(small_net(), signals[trained], labels[trained])
    groups = [str(n) for n in recording[kept]]
    return scope_of(net), Epochs.of(signals[kept], labels[kept], groups)


def test_ten_hertz_planted_in_a_real_recording_only_alpha_costs(planted_in_real):
    scope, epochs = planted_in_real
    told = logits_of(scope, epochs.signals).argmax(1)
    assert chance(epochs.labels, told, epochs.groups, epochs.labels).accuracy > 0.9
    bands = bands_within(SFREQ, epochs.signals.shape[-1], passband=(1, 30))
    found = {b.name: swap_band(scope, epochs, b, "conv", draws=20, layer_draws=2) for b in bands}
    p = corrected_p(
        np.array([each.pull for each in found.values()]),
        np.stack([each.null for each in found.values()], 1),
    )
    assert list(found) == ["delta", "theta", "alpha", "beta"]
    assert p[2] < 0.01 < min(p[0], p[1], p[3])
    assert found["alpha"].cost[1] > 0.25
    for name in ("delta", "theta", "beta"):
        assert found[name].cost[0] < 0.03  # of the balanced accuracy
        assert abs(found[name].pull) < 0.05 * found["alpha"].pull
    # the layers look at alpha more and more, whatever its share of the power
    layers = found["alpha"].layers
    assert list(layers) == ["input", "0", "3"]
    assert layers["input"].mean() < layers["0"].mean() < layers["3"].mean()


def test_with_nothing_planted_no_band_is_called_important():
    """Labels that nothing knows, again and again: at most the nominal share of false alarms."""
    signals, groups = torch.from_numpy(noise(60)), ("a",) * 30 + ("b",) * 30
    scope = scope_of(small_net())
    random, pulls = np.random.default_rng(0), []
    for band in BANDS:
        pulls.append(_pulls(scope, Epochs.of(signals, [0, 1] * 30, groups), band))
    alarms = 0
    for trial in range(200):
        labels = random.integers(0, 2, 60)
        shuffled = permuted_labels(labels, groups, 199, trial)
        every = np.arange(60)
        value = np.array([pull[every, labels].mean() for pull in pulls])
        null = np.stack([pull[every, shuffled].mean(1) for pull in pulls], axis=1)
        alarms += corrected_p(value, null).min() < 0.05
    assert alarms <= 17  # 10 expected, 17 is the 99th percentile


def _pulls(scope: Scope, epochs: Epochs, band: Band) -> np.ndarray:
    """Give each donor's pull towards each class, as `swap_band` reckons it."""
    from layerscope.brain.swapping import _pulled

    donors = draw_donors(epochs.groups, 10, 0)
    own = band_part(epochs.signals, band, SFREQ)
    after = [logits_of(scope, epochs.signals - own + own[row]) for row in donors]
    return _pulled(np.stack(after), donors)


def test_an_evidence_of_the_rest_does_not_pass_for_the_bands():
    """The network is perfect by 10 Hz, so its margins are large; beta must stay silent."""
    labels = np.random.default_rng(5).integers(0, 2, 64)
    signals = torch.from_numpy(noise(64, seed=5))
    signals[labels == 1] += torch.from_numpy(tone(64, 10, 1.5, 128, seed=5))[labels == 1]
    scope = scope_of(fit(small_net(), signals, labels, 60))
    epochs = Epochs.of(signals, labels, ["a"] * 8 + ["b"] * 56)
    swapped = [
        swap_band(scope, epochs, Band("beta", 13, 30), draws=30, seed=seed) for seed in range(3)
    ]
    assert min(each.accuracy for each in swapped) == 1.0
    assert np.median([each.p for each in swapped]) > 0.05


def test_numbers_of_a_swap_against_a_slow_twin():
    signals, labels = torch.from_numpy(noise(7, seed=2)), np.array([0, 1, 1, 0, 1, 0, 0])
    groups = ["a"] * 4 + ["b"] * 3
    scope, band = scope_of(small_net(seed=3)), Band("theta", 4, 8)
    found = swap_band(scope, Epochs.of(signals, labels, groups), band, "conv", draws=4)
    donors = draw_donors(groups, 4, 0)
    own = band_part(signals, band, SFREQ)
    with torch.no_grad():
        plain = scope.model(signals).numpy()
        after = np.stack([scope.model(signals - own + own[row]).numpy() for row in donors])
    scale = margins(plain, labels).std()
    assert found.margin == pytest.approx(margins(plain, labels).mean() / scale, rel=1e-4)
    pulls = []
    for receiver in range(7):
        gained = after[:, receiver, 1] - after[:, receiver, 0]
        for draw in range(4):
            sign = 1 if labels[donors[draw, receiver]] else -1
            pulls.append(sign * (gained[draw] - gained.mean()))
    assert found.pull == pytest.approx(np.mean(pulls) / scale, rel=1e-3)
    assert found.p == pytest.approx(float(p_value(found.pull, found.null)))
    # the layer's answers: the distance moved over that between all pairs of a recording
    first = torch.relu(scope.model[0](signals)).detach().flatten(1)
    moved = torch.relu(scope.model[0](signals - own + own[donors[0]])).detach().flatten(1)
    pairs = [
        (first[i] - first[j]).square().sum().item()
        for i in range(7)
        for j in range(7)
        if i != j and groups[i] == groups[j]
    ]
    between = sum(pairs[:12]) / 3 + sum(pairs[12:]) / 2
    far = (moved - first).square().sum().item()
    assert found.layers["0"][0] == pytest.approx(far / between, rel=1e-4)


def test_the_network_is_left_as_it_was_and_softmax_is_seen_through():
    net = nn.Sequential(small_net(), nn.Softmax(1)).train()
    epochs = Epochs.of(torch.from_numpy(noise(8)), [0, 1] * 4)
    before = state_of(net)
    found = swap_band(scope_of(net), epochs, BANDS[2], draws=3)
    assert state_of(net) == before
    plain = swap_band(scope_of(net[0]), epochs, BANDS[2], draws=3)
    assert found.pull == pytest.approx(plain.pull, abs=1e-5)


def test_epochs_alone_in_their_recording_have_no_donor():
    epochs = Epochs.of(torch.from_numpy(noise(5)), [0, 1, 0, 1, 0], ["a", "a", "b", "c", "c"])
    found = swap_band(scope_of(small_net()), epochs, BANDS[2], draws=3)
    assert len(found.accuracies) == 3
    alone = Epochs.of(torch.from_numpy(noise(2)), [0, 1], ["a", "b"])
    with pytest.raises(LayerscopeError, match="2 epochs of 2 recordings"):
        swap_band(scope_of(small_net()), alone, BANDS[2])
    with pytest.raises(LayerscopeError, match="sampling frequency"):
        swap_band(Scope(small_net(), kind="recording"), epochs, BANDS[2])
