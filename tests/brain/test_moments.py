"""Windows, averages with intervals, strongest epochs, electrodes."""

import numpy as np
import pytest
import torch
from tests.brain.planted import SFREQ, noise, small_net
from torch import nn

from layerscope.brain.epochs import Epochs
from layerscope.brain.moments import even_windows, event_related, in_windows, peak
from layerscope.brain.strongest import strongest_epochs
from layerscope.errors import LayerscopeError, Refused
from layerscope.views import Scope

TIMES = -0.1 + np.arange(100) / 100


def test_windows_start_at_multiples_of_their_length_and_hold_each_sample_once():
    windows = even_windows(TIMES, 0.05)
    assert windows[0] == pytest.approx([-0.1, -0.05])
    assert windows[-1] == pytest.approx([0.85, 0.9])
    values = np.random.default_rng(0).normal(size=(3, 100))
    summed = in_windows(values, windows, TIMES)
    assert summed.shape == (3, 20)
    assert summed.sum(1) == pytest.approx(values.sum(1))
    assert summed[:, 2] == pytest.approx(values[:, 10:15].sum(1))
    assert even_windows(TIMES, 0.3)[[0, -1]] == pytest.approx(np.array([[0, 0.3], [0.6, 0.9]]))
    with pytest.raises(LayerscopeError, match="length above 0"):
        even_windows(TIMES, 0)


def test_relevance_planted_at_a_moment_and_channel_is_found_there_and_nowhere_else():
    random = np.random.default_rng(0)
    labels = np.array([0, 1] * 40)
    relevance = random.normal(0, 1, (2, 80, 4, 100))
    relevance[1, labels == 1, 3, 27:33] += 1.5  # at TP10, 0.17 to 0.23 s
    relevance[0] = -relevance[1]
    epochs = Epochs.of(torch.zeros(80, 4, 100), labels, ["a"] * 40 + ["b"] * 40)
    windows = even_windows(TIMES, 0.05)
    found = event_related(relevance, epochs, windows, TIMES, permutations=400, draws=200)
    above = np.argwhere(found.contrast.corrected < 0.05)
    assert {(c, round(float(windows[w][0]), 2)) for c, w in above} <= {(3, 0.15), (3, 0.2)}
    assert len(above)
    assert 0.16 < peak(found.mean[1, 3], TIMES) < 0.24
    assert (found.low <= found.mean).all()
    assert (found.mean <= found.high).all()
    assert found.low[1, 3, 30] > 0


def test_a_class_without_epochs_averages_to_nothing():
    epochs = Epochs.of(torch.zeros(4, 4, 100), [0, 0, 1, 1])
    found = event_related(
        np.ones((3, 4, 4, 100)), epochs, even_windows(TIMES, 0.1), TIMES, permutations=19
    )
    assert (found.mean[2] == 0).all()
    assert (found.mean[:2] == 1).all()


def test_the_strongest_epochs_are_those_and_their_stretch_holds_what_was_planted():
    signals = torch.zeros(6, 1, 80)
    for epoch, (place, size) in enumerate([(10, 1), (30, 5), (50, 3), (70, 2), (5, 4), (40, 0)]):
        signals[epoch, 0, place] = size
    net = nn.Sequential(
        nn.Conv1d(1, 2, 5, padding=2, bias=False),
        nn.ReLU(),
        nn.MaxPool1d(2),
        nn.Conv1d(2, 2, 3, padding=1, bias=False),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(80, 2),
    )
    with torch.no_grad():
        net[0].weight.fill_(0.5)
        net[3].weight.fill_(0.5)
    scope = Scope(net, kind="recording", sfreq=100.0)
    epochs = Epochs.of(signals, [0, 1] * 3)
    units = {"0": np.array([1, -1]), "3": np.array([0])}
    found = strongest_epochs(scope, epochs, units, top=3)
    assert [(a.layer, a.unit, a.epoch, a.rank) for a in found] == [
        ("0", 1, 1, 0),
        ("0", 1, 4, 1),
        ("0", 1, 2, 2),
        ("3", 0, 1, 0),
        ("3", 0, 4, 1),
        ("3", 0, 2, 2),
    ]
    for answer, place in zip(found, [30, 5, 50] * 2, strict=True):
        assert answer.start <= place < answer.end
        assert answer.end - answer.start == (5 if answer.layer == "0" else 10)
    with pytest.raises(LayerscopeError, match="top = 0"):
        strongest_epochs(scope, epochs, units, top=0)


def test_epochs_of_each_class_are_taken_evenly_over_recordings():
    labels, groups = np.array([0] * 30 + [1] * 6), ["a"] * 20 + ["b"] * 10 + ["a"] * 6
    some = Epochs.of(torch.zeros(36, 1, 8), labels, groups).some(8)
    taken = [(int(label), group) for label, group in zip(some.labels, some.groups, strict=True)]
    assert [taken.count(each) for each in [(0, "a"), (0, "b"), (1, "a")]] == [4, 4, 6]
    assert list(map(int, some.ids)) == sorted(map(int, some.ids))


def test_electrodes_lie_where_the_head_has_them():
    pytest.importorskip("mne")
    from layerscope.brain.electrodes import head_positions

    tp9, af7, af8, tp10, cz, oz, fpz = head_positions(
        ["TP9", "af7", "AF8", "TP10", "Cz", "Oz", "Fpz"]
    )
    assert tp9[0] < -1 < 1 < tp10[0]
    assert tp9[1] < 0 < af7[1]
    assert np.abs(cz).max() < 0.1
    assert oz[1] < -0.8 < 0.9 < fpz[1]
    assert af7 == pytest.approx([-af8[0], af8[1]], abs=0.05)
    with pytest.raises(Refused, match="no position is known for EEG 001"):
        head_positions(["Cz", "EEG 001"])


def test_epochs_that_do_not_fit_together_are_refused():
    with pytest.raises(LayerscopeError, match="3 labels for 2 epochs"):
        Epochs.of(torch.zeros(2, 4, 10), [0, 1, 1])
    with pytest.raises(LayerscopeError, match=r"expected .epoch, channel, time."):
        Epochs.of(torch.zeros(2, 10), [0, 1])
    assert Scope(small_net(), kind="recording", sfreq=SFREQ).trace(noise(2)).logits.shape == (2, 2)
