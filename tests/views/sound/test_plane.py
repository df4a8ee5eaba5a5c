"""The plane: its transform is exact both ways, its power that of known sounds, its shares sums."""

import numpy as np
import pytest
import scipy.signal
import torch

from layerscope import Refused
from layerscope.views.sound import plane_of, spectrogram

SIZES = [(16000, 16000.0, None), (1601, 8000.0, 0.02), (17, 100.0, None), (300, 256.0, 0.5)]


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(("length", "sfreq", "window"), SIZES)
def test_the_way_there_and_back_is_exact(length, sfreq, window):
    plane, sounds = plane_of(length, sfreq, window), noise(2, 3, length)
    cells = plane.cells(sounds)
    assert cells.shape == (2, 3, *plane.shape)
    np.testing.assert_allclose(plane.samples(cells), sounds, atol=1e-12)
    single = plane.samples(plane.cells(sounds.float()))
    np.testing.assert_allclose(single, sounds, atol=2e-6 * float(sounds.abs().max()))


def test_cells_equal_scipy_s():
    plane, sound = plane_of(4000, 8000.0), noise(4000)
    window = scipy.signal.windows.hann(plane.size, sym=False)
    theirs = scipy.signal.ShortTimeFFT(window, plane.hop, 8000.0, phase_shift=None)
    found = theirs.stft(sound.numpy(), p0=0, p1=plane.shape[1])
    np.testing.assert_allclose(plane.cells(sound).abs(), np.abs(found), atol=1e-9)
    np.testing.assert_allclose(plane.frequencies, theirs.f)
    np.testing.assert_allclose(plane.times, theirs.t(4000, p0=0, p1=plane.shape[1]))


def test_a_tone_has_its_power_in_its_own_cell():
    time = np.arange(16000) / 16000
    frequencies, times, power = spectrogram(0.5 * np.sin(2 * np.pi * 2000 * time), 16000)
    middle = power[:, np.argmin(np.abs(times - 0.5))]
    assert frequencies[middle.argmax()] == 2000
    assert middle.max() == pytest.approx(0.5**2 / 2, rel=1e-4)
    assert middle[np.abs(frequencies - 2000) > 100].max() < 1e-9


@pytest.mark.parametrize(("length", "sfreq", "window"), SIZES[1:3])
def test_shares_are_what_each_cell_adds_to_the_sound_times_the_slope(length, sfreq, window):
    """Invert each cell alone: the slow way, by the definition."""
    plane, sound, slope = plane_of(length, sfreq, window), noise(length), noise(length, seed=1)
    cells = plane.cells(sound)
    expected, whole = np.zeros(plane.shape), np.zeros(length)
    for f in range(plane.shape[0]):
        for m in range(0, plane.shape[1], 1 if length < 100 else 7):
            alone = torch.zeros_like(cells)
            alone[f, m] = cells[f, m]
            adds = plane.samples(alone).numpy()
            expected[f, m] = adds @ slope.numpy()
            whole += adds
    found = plane.products(sound, slope)
    seen = expected != 0
    np.testing.assert_allclose(found.numpy()[seen], expected[seen], atol=1e-10)
    assert float(found.sum()) == pytest.approx(float(sound @ slope), rel=1e-9)
    if length < 100:
        np.testing.assert_allclose(whole, sound, atol=1e-12)


@pytest.mark.parametrize(
    ("length", "sfreq", "window", "told"),
    [(100, None, None, "sfreq"), (100, 100.0, -1.0, "window"), (100, 100.0, 5.0, "window")],
)
def test_what_makes_no_plane_is_refused(length, sfreq, window, told):
    with pytest.raises(Refused, match=told):
        plane_of(length, sfreq, window)


def test_sounds_and_cells_of_another_size_are_refused():
    plane = plane_of(100, 1000.0)
    with pytest.raises(Refused, match=r"\(99,\).*\(100,\)"):
        plane.cells(torch.zeros(99))
    with pytest.raises(Refused, match="frequency time"):
        plane.samples(torch.zeros(3, 4, dtype=torch.complex64))
