"""Sounds varied: each way against what it says it does; a pure function of seed, epoch and step."""

import numpy as np
import pytest
import torch
from scipy.interpolate import CubicHermiteSpline

from layerscope.training.augment import generator
from layerscope.training.augment_sound import add_noise, augment_sound, make_noise, moved, play
from layerscope.training.settings import SoundAugmentSettings

EVERYTHING = SoundAugmentSettings(
    speed=(0.8, 1.25), shift=0.1, noise=0.7, noise_snr=(0, 20), gain=6, mask=0.7
)


def batch(count=6, length=2000, seed=0):
    draw = torch.Generator().manual_seed(seed)
    return torch.randint(-9000, 9000, (count, 1, length), generator=draw, dtype=torch.int16)


def varied(settings, waves, key=(0, 0, 0), **more):
    return augment_sound(waves, settings, generator(*key), sfreq=8000, **more)


def test_nothing_is_varied_by_default_and_the_batch_is_left_alone():
    waves = batch()
    before = waves.clone()
    assert torch.equal(varied(SoundAugmentSettings(), waves), waves.float() / 32768)
    varied(EVERYTHING, waves)
    assert torch.equal(waves, before)
    assert varied(SoundAugmentSettings(), waves.float()).max() == waves.max()  # in its own unit


def test_one_seed_epoch_and_step_give_one_batch():
    waves = batch()
    one = varied(EVERYTHING, waves, (3, 1, 4))
    torch.manual_seed(99)
    np.random.seed(99)
    assert torch.equal(varied(EVERYTHING, waves, (3, 1, 4)), one)
    assert not torch.equal(varied(EVERYTHING, waves, (3, 1, 5)), one)
    assert not torch.equal(varied(EVERYTHING, waves, (3, 2, 4)), one)


@pytest.mark.parametrize("speed", [0.7, 0.97, 1.0, 1.1, 1.8])
def test_speed_reads_between_samples_as_the_cubic_does(speed):
    wave = np.random.default_rng(0).standard_normal(400)
    padded = np.pad(wave, 8)
    spline = CubicHermiteSpline(np.arange(-8, 408), padded, np.gradient(padded))
    at = (np.arange(400) - 199.5) * speed + 199.5
    inside = (at > -5) & (at < 404)
    expected = np.where(inside, spline(np.clip(at, -5, 404)), 0)
    found = play(torch.from_numpy(wave).float()[None, None], np.array([speed]))
    np.testing.assert_allclose(found[0, 0].numpy(), expected, atol=1e-5)


def test_speed_moves_a_tones_pitch():
    tone = torch.sin(2 * torch.pi * 500 * torch.arange(8000) / 8000)[None, None]
    found = play(tone, np.array([1.2]))[0, 0, 1000:7000]
    strength = torch.fft.rfft(found * torch.hann_window(6000)).abs()
    assert float(strength.argmax() * 8000 / 6000) == pytest.approx(600, abs=1.5)


def test_shift_moves_by_whole_samples_and_brings_zeros():
    waves = batch().float()
    found = moved(waves, np.array([0, 5, -7, 2000, -9999, 1]))
    for row, by in ((0, 0), (1, 5), (2, -7), (5, 1)):
        expected = torch.roll(waves[row], by, -1)
        expected[:, :by] = 0 if by > 0 else expected[:, :by]
        if by < 0:
            expected[:, by:] = 0
        assert torch.equal(found[row], expected)
    assert (found[3:5] == 0).all()


def test_shifts_are_within_the_seconds_asked_for():
    waves = torch.full((200, 1, 2000), 1000, dtype=torch.int16)
    found = varied(SoundAugmentSettings(shift=0.05), waves)
    moves = (found == 0).sum((1, 2))
    assert moves.max() <= 400
    assert moves.max() > 350
    assert (found[:, 0, 0] == 0).float().mean() == pytest.approx(0.5, abs=0.15)


@pytest.mark.parametrize("source", ["white", "pink", "recorded"])
def test_noise_has_the_ratio_asked_for(source):
    waves = batch(4)
    waves[2] = 0
    background = (np.random.default_rng(1).standard_normal(9000) * 800).astype(np.int16)
    settings = SoundAugmentSettings(noise=1, noise_snr=(12, 12), noise_source=source)
    found = varied(settings, waves, background=background)
    clean = waves.float() / 32768
    power = (found - clean).square().mean((1, 2))
    ratio = 10 * torch.log10(clean.square().mean((1, 2)) / power)
    torch.testing.assert_close(ratio[[0, 1, 3]], torch.full((3,), 12.0), atol=1e-3, rtol=0)
    assert (found[2] == 0).all()  # a silent clip has no ratio: it is left


def test_each_sound_gets_its_own_ratio_and_only_the_chosen_get_any():
    waves, noise = torch.ones(3, 1, 500), torch.randn(2, 1, 500)
    found = add_noise(waves, np.array([0, 2]), noise, np.array([0.0, 20.0]))
    assert torch.equal(found[1], waves[1])
    levels = (found - waves).square().mean((1, 2))
    torch.testing.assert_close(levels, torch.tensor([1.0, 0.0, 0.01]))


@pytest.mark.parametrize(("source", "slope"), [("white", 0.0), ("pink", -3.01)])
def test_noise_falls_by_its_decibels_an_octave(source, slope):
    noise = make_noise(source, (64, 1, 4096), np.random.default_rng(0))
    power = torch.fft.rfft(noise).abs().square().mean((0, 1)).numpy()
    octaves = np.log2(np.arange(20, 1500))
    found = np.polyfit(octaves, 10 * np.log10(power[20:1500]), 1)[0]
    assert found == pytest.approx(slope, abs=0.15)


def test_recorded_noise_is_cut_from_the_recording():
    background = np.arange(-5000, 5000).astype(np.int16)
    noise = make_noise("recorded", (20, 1, 300), np.random.default_rng(0), background)
    steps = noise.diff(dim=-1) * 32768
    torch.testing.assert_close(steps, torch.ones_like(steps))
    assert len(noise[:, 0, 0].unique()) == 20


def test_gain_is_in_decibels():
    waves = torch.full((500, 1, 2), 10_000, dtype=torch.int16)
    found = varied(SoundAugmentSettings(gain=6), waves)[:, 0, 0]
    decibels = 20 * torch.log10(found * 32768 / 10_000)
    assert decibels.min() > -6.01
    assert decibels.max() < 6.01
    assert decibels.std() == pytest.approx(12 / 12**0.5, rel=0.05)


def test_masks_are_stretches_of_the_length_asked_for():
    waves = torch.full((300, 1, 2000), 1000, dtype=torch.int16)
    found = varied(SoundAugmentSettings(mask=0.5, mask_seconds=(0.01, 0.05)), waves)
    zeros = (found == 0)[:, 0]
    lengths = zeros.sum(1)
    assert (lengths > 0).float().mean() == pytest.approx(0.5, abs=0.1)
    assert lengths[lengths > 0].min() >= 80
    assert lengths.max() <= 400
    edges = zeros.int().diff(dim=1).abs().sum(1)
    assert (edges[lengths > 0] <= 2).all()  # one stretch each


def test_channels_are_varied_alike():
    waves = torch.randn(3, 1, 500).expand(3, 4, 500)
    settings = EVERYTHING.model_copy(update={"noise": 0.0})
    found = varied(settings, waves)
    assert torch.equal(found, found[:, :1].expand_as(found))


def test_channels_of_recordings_are_dropped_by_chance_but_never_all():
    ones = torch.ones(4000, 4, 3)
    kept = varied(SoundAugmentSettings(channel_dropout=0.3), ones)
    there = kept[:, :, 0]
    assert torch.equal(kept, there[:, :, None].expand_as(kept))
    assert set(there.unique().tolist()) == {0.0, 1.0}
    assert there.sum(dim=1).min() == 1
    assert float(there.mean()) == pytest.approx(0.7, abs=0.02)
    alone = varied(SoundAugmentSettings(channel_dropout=0.9), torch.ones(50, 1, 3))
    assert torch.equal(alone, torch.ones(50, 1, 3))
