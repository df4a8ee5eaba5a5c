"""WAV files hold what was given, and nothing is clipped behind anyone's back."""

import numpy as np
import pytest
import soundfile

from layerscope import LayerscopeError
from layerscope.seeing.wav import read_wav, write_wav


def test_stored_samples_come_back_bit_for_bit(tmp_path):
    samples = np.random.default_rng(0).integers(-32768, 32768, 999).astype(np.int16)
    write_wav(tmp_path / "a.wav", samples, 16_000)
    found, sfreq = soundfile.read(tmp_path / "a.wav", dtype="int16")
    np.testing.assert_array_equal(found, samples)
    assert sfreq == 16_000
    assert soundfile.info(tmp_path / "a.wav").subtype == "PCM_16"


def test_floating_samples_come_back_to_half_a_step(tmp_path):
    samples = np.sin(np.arange(4000) / 7)
    write_wav(tmp_path / "a.wav", samples, 8_000)
    found, sfreq = read_wav(tmp_path / "a.wav")
    assert sfreq == 8_000
    assert np.abs(found * 32768 / 32767 - samples).max() <= 0.51 / 32767


def test_what_would_be_clipped_is_refused(tmp_path):
    with pytest.raises(LayerscopeError, match=r"samples up to 1.5: full scale is 1"):
        write_wav(tmp_path / "a.wav", np.array([0.0, -1.5]), 8_000)
    with pytest.raises(LayerscopeError, match=r"shape \(2, 3\)"):
        write_wav(tmp_path / "a.wav", np.zeros((2, 3)), 8_000)
    assert not list(tmp_path.iterdir())
