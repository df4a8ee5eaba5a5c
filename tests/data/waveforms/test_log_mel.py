"""The log-mel front end against its formula written out with NumPy and scipy."""

import numpy as np
import pytest
import scipy.signal
import torch

from layerscope import LayerscopeError
from layerscope.data import InputSpec
from layerscope.data.waveforms.log_mel import LogMel, filters, from_mel, to_mel

FRONT = LogMel(sfreq=16000.0, window=400, hop=160, n_fft=512, mels=40, fmin=20.0, fmax=8000.0)


def slow(wave, front):
    """Write the front end out for one wave, a frame and a band at a time."""
    window = scipy.signal.get_window("hann", front.window)
    before = (front.n_fft - front.window) // 2
    frame = np.zeros(front.n_fft)
    frame[before : before + front.window] = window / window.sum()
    padded = np.pad(wave, front.n_fft // 2)
    corners = 700 * (
        10
        ** (
            np.linspace(
                2595 * np.log10(1 + front.fmin / 700),
                2595 * np.log10(1 + front.fmax / 700),
                front.mels + 2,
            )
            / 2595
        )
        - 1
    )
    hertz = np.arange(front.n_fft // 2 + 1) * front.sfreq / front.n_fft
    found = np.zeros((front.mels, 1 + len(wave) // front.hop))
    for k in range(found.shape[1]):
        part = padded[k * front.hop : k * front.hop + front.n_fft] * frame
        power = np.abs(np.fft.rfft(part)) ** 2
        for band in range(front.mels):
            weight = np.interp(hertz, corners[band : band + 3], [0, 1, 0], left=0, right=0)
            found[band, k] = 10 * np.log10(max(weight @ power, 1e-10))
    return found


def test_the_front_end_is_its_formula():
    wave = np.random.default_rng(0).uniform(-1, 1, 3000)
    found = FRONT(torch.from_numpy(wave).float()[None, None])
    np.testing.assert_allclose(found[0, 0].numpy(), slow(wave, FRONT), atol=1e-3)


def test_a_full_scale_sine_has_6_db_below_full_scale_in_its_band():
    hertz = float(from_mel(to_mel(1000.0)))
    wave = torch.sin(2 * torch.pi * hertz * torch.arange(16000, dtype=torch.float64) / 16000)
    found = FRONT(wave.float()[None, None])[0, 0, :, 20:80]
    loudest = int(found.mean(1).argmax())
    assert abs(FRONT.centres[loudest] - 1000) < 60
    spread = 1.5 * 512 / 400  # bins over which a Hann window spreads a line's power
    total = 10 * torch.log10((10 ** (found / 10)).sum(0))
    assert float(total.mean()) == pytest.approx(10 * np.log10(0.25 * spread), abs=0.05)


def test_triangles_meet_at_half_their_height():
    weights = filters(FRONT)
    inside = weights[:, (np.arange(257) * 31.25 > 200) & (np.arange(257) * 31.25 < 7500)]
    np.testing.assert_allclose(inside.sum(0), 1, atol=1e-5)


def test_bands_narrower_than_the_transform_are_refused():
    with pytest.raises(LayerscopeError, match=r"too narrow for frames of 256 samples"):
        LogMel(16000.0, 200, 160, 256, 128, 0.0, 8000.0)


@pytest.mark.parametrize("scale", ["fixed", "rms"])
def test_an_input_with_a_front_end_is_described_and_stays_in_its_bounds(scale):
    shape = FRONT.shape(16000)
    spec = InputSpec(
        "waveform", shape, (-40.0,), (20.0,), 16000.0, scale=scale, front=FRONT, samples=16000
    )
    assert InputSpec.from_dict(spec.as_dict()) == spec
    assert spec.rate == 100.0
    waves = torch.zeros(4, 1, 16000, dtype=torch.int16)
    waves[1] = 32767
    waves[2, 0, 8000] = 32767
    waves[3] = torch.randint(-32768, 32767, (1, 16000), dtype=torch.int16)
    values = spec.to_model(waves)
    low, high = spec.bounds
    assert values.shape == (4, *shape)
    assert values[0].unique().tolist() == [-3.0] == low.flatten().tolist()
    assert (values >= low).all()
    assert (values <= high).all()
    quiet = spec.to_model((waves // 4).to(torch.int16))
    if scale == "rms":
        torch.testing.assert_close(quiet[3], values[3], atol=0.05, rtol=0)
