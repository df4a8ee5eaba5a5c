"""What is done to signals equals MNE's or a few lines of NumPy, and what it dropped is told."""

import numpy as np
import pytest
import scipy.signal

from data.recordings import planted
from layerscope.data.recordings.read import read
from layerscope.data.recordings.settings import RecordingsSettings
from layerscope.errors import LayerscopeError


def done(folder, **asked):
    return read(folder, RecordingsSettings(**asked))


@pytest.mark.parametrize("unit", ["V", "mV", "uV"])
def test_units_become_microvolts(unit, tmp_path):
    x = planted.expected() / {"V": 1e6, "mV": 1e3, "uV": 1}[unit]
    planted.write_npz(tmp_path, x=x)
    np.testing.assert_allclose(done(tmp_path, unit=unit).x, planted.expected(), rtol=1e-5)
    planted.write_npz(tmp_path, x=x, unit=np.array(unit))  # what the file says itself comes first
    np.testing.assert_allclose(done(tmp_path, unit="mV").x, planted.expected(), rtol=1e-5)


def test_amplitudes_that_look_like_volts_are_noted(tmp_path):
    planted.write_npz(tmp_path, x=planted.expected() * 1e-6)
    (note,) = done(tmp_path).notes
    assert 'are these volts? Then set data.recordings.unit = "V"' in note
    planted.write_npz(tmp_path, x=planted.expected() * 1e6)
    assert "the amplifier's own counts?" in done(tmp_path).notes[0]
    planted.write_npz(tmp_path)
    assert done(tmp_path).notes == ()


def test_references(tmp_path):
    planted.write_npz(tmp_path)
    x = planted.expected()
    found = done(tmp_path, reference="average")
    np.testing.assert_allclose(found.x, x - x.mean(axis=1, keepdims=True), atol=1e-4)
    assert found.log == ("referenced to the average",)
    found = done(tmp_path, reference=["Fz", "Pz"], channels=["Cz"])
    np.testing.assert_allclose(found.x[:, 0], x[:, 1] - (x[:, 0] + x[:, 2]) / 2, atol=1e-4)
    assert found.log == ("referenced to Fz and Pz",)


def test_bad_channels_are_not_in_the_average_and_are_noted(tmp_path):
    pytest.importorskip("mne")
    raw = planted.mne_raw()
    raw.info["bads"] = ["Pz"]
    raw.save(tmp_path / "a_raw.fif", verbose="ERROR")
    found = done(tmp_path, reference="average", tmin=-0.1, tmax=0.3)
    x = planted.expected()
    np.testing.assert_allclose(found.x, x - x[:, :2].mean(axis=1, keepdims=True), atol=1e-4)
    assert "channels marked as bad are kept: Pz" in found.notes[0]


def test_raw_signals_are_filtered_whole_and_as_mne_does(tmp_path):
    mne = pytest.importorskip("mne")
    planted.write_fif(tmp_path)
    found = done(tmp_path, l_freq=1, h_freq=40, notch=[50], tmin=-0.1, tmax=0.3)
    x = mne.filter.notch_filter(planted.signal(), planted.SFREQ, [50], verbose="ERROR")
    x = mne.filter.filter_data(x, planted.SFREQ, 1, 40, verbose="ERROR")
    first, last = round(-0.1 * planted.SFREQ), round(0.3 * planted.SFREQ)
    cut = np.stack([x[:, s + first : s + last + 1] for s in planted.ONSETS])
    np.testing.assert_allclose(found.x, cut, atol=1e-3)
    assert found.log == ("notch at 50 Hz", "filtered 1 to 40 Hz")
    assert found.notes == ()


def test_a_filter_longer_than_the_epochs_is_noted(tmp_path):
    pytest.importorskip("mne")
    planted.write_npz(tmp_path)
    assert "the filter is longer than an epoch (0.405 s)" in done(tmp_path, l_freq=1).notes[0]
    with pytest.raises(LayerscopeError, match=r"h_freq = 100 Hz is not below 100 Hz, half of"):
        done(tmp_path, h_freq=100)


def test_resampling_keeps_a_slow_wave_and_takes_a_fast_one_away(tmp_path):
    pytest.importorskip("mne")
    times = np.arange(200) / planted.SFREQ
    waves = np.stack([np.sin(2 * np.pi * f * times) for f in (5, 70, 5)])
    planted.write_npz(tmp_path, x=10 * np.broadcast_to(waves, (12, 3, 200)) * np.ones((12, 1, 1)))
    found = done(tmp_path, resample=100)
    assert (found.sfreq, found.x.shape[2]) == (100.0, 100)
    inside = slice(20, -20)
    expected = 10 * np.sin(2 * np.pi * 5 * np.arange(100) / 100)
    np.testing.assert_allclose(found.x[0, 0, inside], expected[inside], atol=0.1)
    assert np.abs(found.x[0, 1, inside]).max() < 0.3  # 70 Hz would have become 30 Hz
    assert found.log == ("resampled from 200 to 100 Hz",)
    slow = scipy.signal.resample_poly(10 * waves[0], 1, 2)
    np.testing.assert_allclose(found.x[0, 0, inside], slow[inside], atol=0.1)


def test_cropping_includes_both_ends(tmp_path):
    planted.write_npz(tmp_path)
    found = done(tmp_path, tmin=0.0, tmax=0.2)
    assert found.tmin == 0.0
    np.testing.assert_allclose(found.x, planted.expected(0.0, 0.2), atol=1e-4)
    for asked in ({"tmin": -0.2}, {"tmax": 0.4}):
        with pytest.raises(LayerscopeError, match=r"the epochs run from -0.1 to 0.3 s"):
            done(tmp_path, **asked)


def test_the_baseline_is_subtracted_from_each_channel(tmp_path):
    planted.write_npz(tmp_path)
    found = done(tmp_path, baseline=[-0.1, 0.0])
    x = planted.expected()
    np.testing.assert_allclose(found.x, x - x[:, :, :21].mean(axis=2, keepdims=True), atol=1e-4)
    with pytest.raises(LayerscopeError, match="does not lie in the epochs"):
        done(tmp_path, baseline=[-0.5, 0.0])


def test_what_is_dropped_is_counted_and_has_its_reason(tmp_path):
    x = planted.expected()
    x[3, 2, 5] = 500.0  # a left
    x[4, 0, 5] = np.nan  # a right
    x[5, 1] = 1.0  # flat, a left
    planted.write_npz(tmp_path, x=x)
    found = done(tmp_path, reject=300, flat=0.5)
    assert len(found) == 9
    assert found.log == (
        "dropped 1 of 12 epochs with a peak-to-peak above 300 µV (left 1)",
        "dropped 1 of 12 epochs with a peak-to-peak below 0.5 µV (left 1)",
        "dropped 1 of 12 epochs that hold values that are not finite (right 1)",
    )
    above, broken, flat = found.lost
    span = np.ptp(x[3, 2])
    assert above.reason == f"peak-to-peak of {span:.4g} µV at Pz, above reject = 300 µV"
    assert (above.id, above.label) == ("plain.npz#00003", "left")
    assert broken.reason == "it holds values that are not finite"
    assert flat.reason == "peak-to-peak of 0 µV at Cz, below flat = 0.5 µV"
    np.testing.assert_allclose(found.x, x[[0, 1, 2, 6, 7, 8, 9, 10, 11]], atol=1e-4)


def test_without_limits_only_what_is_not_finite_is_dropped(tmp_path):
    x = planted.expected()
    x[3, 2, 5] = 1e5
    planted.write_npz(tmp_path, x=x)
    found = done(tmp_path)
    assert len(found) == 12
    assert found.log == ()
