"""Accuracy in noise and under time shift: planted answers, a slow twin, the table's round trip."""

import numpy as np
import pytest
import torch
from torch import nn

from layerscope.data.dataset import Split
from layerscope.data.inputs import InputSpec
from layerscope.errors import LayerscopeError
from layerscope.evaluation import read_robustness, robustness, write_robustness
from layerscope.evaluation.robustness import noisy, shifted

SFREQ = 1000.0


def clicks(count=24, length=200, loud=8000):
    """Clips with one click each: before the middle for class 0, after it for class 1."""
    values = np.zeros((count, length), dtype=np.int16)
    labels = np.arange(count) % 2
    values[np.arange(count), np.where(labels == 1, 120, 80)] = loud
    return Split("val", [f"clip {k}" for k in range(count)], labels, values, np.arange(count))


class Halves(nn.Module):
    """Tells the half in which the energy lies."""

    def __init__(self):
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, sounds):
        halves = sounds.square().unflatten(2, (2, -1)).sum((1, 3))
        return halves + self.unused


def spec(length=200, scale="rms"):
    return InputSpec("waveform", (1, length), (0.0,), (1.0,), sfreq=SFREQ, scale=scale)


def test_a_shift_beyond_the_middle_turns_the_answer_of_half_the_clips():
    found = robustness(Halves(), clicks(), spec(), snrs=(), shifts=(-50, -10, 10, 50))
    assert [(each.condition, each.value) for each in found] == [
        ("clean", 0),
        ("shift", -50),
        ("shift", -10),
        ("shift", 10),
        ("shift", 50),
    ]
    assert [each.correct for each in found] == [24, 12, 24, 24, 12]
    assert found[1].accuracy == 0.5
    assert found[1].low < 0.5 < found[1].high


def test_the_slow_twin_agrees_and_batches_do_not_matter():
    split, net = clicks(loud=300), Halves()
    found = robustness(net, split, spec(), snrs=(20, -15), shifts=(), batch_size=5, seed=3)
    again = robustness(net, split, spec(), snrs=(20, -15), shifts=(), batch_size=24, seed=3)
    assert found == again
    assert found[1].correct > found[2].correct > 0  # the noise drowns some clicks
    for condition in found[1:]:
        correct = 0
        for place, name in enumerate(split.ids):
            sound = split.values[place].astype(np.float64) / 32768
            noise = white(3, name, len(sound))
            gain = np.sqrt((sound**2).mean() / (noise**2).mean() / 10 ** (condition.value / 10))
            heard = sound + gain * noise
            halves = (heard[:100] ** 2).sum(), (heard[100:] ** 2).sum()
            correct += int(np.argmax(halves)) == split.labels[place]
        assert condition.correct == correct


def white(seed, name, length):
    """Draw the noise of a clip as the page of the method says: from (seed, id)."""
    import hashlib

    digest = hashlib.sha256(f"{seed} {name}".encode()).digest()
    draw = np.random.default_rng(int.from_bytes(digest[:8], "little"))
    return draw.standard_normal(length, dtype=np.float32).astype(np.float64)


@pytest.mark.parametrize("snr", [30.0, 0.0, -10.0])
def test_noise_has_the_ratio_that_is_asked(snr):
    torch.manual_seed(0)
    sounds, noise = torch.randn(3, 1, 999) * torch.tensor([[[1.0]], [[0.01]], [[0.0]]]), None
    noise = torch.randn(3, 1, 999)
    added = noisy(sounds, noise, snr) - sounds
    power = 10 * (sounds.square().mean(2) / added.square().mean(2)).log10().flatten()
    assert power[:2].tolist() == pytest.approx([snr, snr], abs=1e-2)
    assert not added[2].any()


def test_shift_brings_in_silence():
    assert shifted(torch.tensor([[[1, 2, 3, 4]]]), 3).tolist() == [[[0, 0, 0, 1]]]
    assert shifted(torch.tensor([[[1, 2, 3, 4]]]), 0).tolist() == [[[1, 2, 3, 4]]]
    assert not shifted(torch.ones(1, 1, 4), -9).any()


def test_a_large_split_is_taken_in_part_evenly():
    found = robustness(Halves(), clicks(), spec(), snrs=(), shifts=(), most=7)
    assert (found[0].n, found[0].correct) == (7, 7)


def test_the_table_is_read_as_written(tmp_path):
    found = robustness(Halves(), clicks(), spec())
    path = tmp_path / "robustness.csv"
    assert read_robustness(path) == ()
    write_robustness(path, found)
    assert read_robustness(path) == found
    path.write_text("split,condition\nval,clean\n")
    with pytest.raises(LayerscopeError, match="damaged"):
        read_robustness(path)


def test_photographs_are_refused():
    photos = InputSpec("photo", (1, 4, 4), (0.0,), (1.0,))
    with pytest.raises(LayerscopeError, match="waveforms of a known rate"):
        robustness(Halves(), clicks(), photos)
