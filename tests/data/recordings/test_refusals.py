"""What cannot be read is refused in one message that says what is missing and what to do."""

import sys

import numpy as np
import pytest
from pydantic import ValidationError

from data.recordings import planted
from layerscope.data.recordings.read import read
from layerscope.data.recordings.settings import RecordingsSettings
from layerscope.errors import LayerscopeError

ANY = RecordingsSettings()


def test_missing_arrays_are_all_named(tmp_path):
    planted.write_npz(tmp_path, sfreq=None)
    with pytest.raises(LayerscopeError, match=r"plain.npz lacks sfreq \(samples per second in Hz"):
        read(tmp_path, ANY)
    planted.write_npz(tmp_path, sfreq=None, channels=None, srate=np.array(200.0))
    with pytest.raises(LayerscopeError, match=r'channels \(.*sfreq \(.*is it "srate"\? then ren'):
        read(tmp_path, ANY)


def test_keys_are_read_whatever_their_case(tmp_path):
    held = planted.arrays()
    np.savez(tmp_path / "a.npz", **{key.upper(): value for key, value in held.items()})
    np.testing.assert_array_equal(read(tmp_path, ANY).x, held["x"])


WRONG = [
    ({"x": np.zeros((12, 81, 3))}, r"\(12, 81, 3\) must be .*axes in another order"),
    ({"x": np.zeros((12, 3))}, r"must be numbers \(epoch, channel, time\)"),
    ({"x": np.full((12, 3, 81), "a")}, "must be numbers"),
    ({"y": np.zeros(11)}, "y has 11 values for 12 epochs"),
    ({"y": np.full(12, 2)}, r"y runs from 2 to 2, and there are 2 classes \(left, right\)"),
    ({"y": np.full(12, 0.5)}, "whole numbers"),
    ({"channels": np.array(["Fz", "Fz", "Cz"])}, "named twice"),
    ({"sfreq": np.array(0.0)}, "sfreq = .* one number above 0"),
    ({"sfreq": np.array("fast")}, "sfreq = .* one number above 0"),
    ({"tmin": np.array([0.0, 1.0])}, "tmin = .* one number"),
    ({"unit": np.array("furlong")}, 'unit = "furlong": one of uV, mV, V'),
    ({"recording": np.arange(5)}, "recording has 5 values for 12 epochs"),
    ({"recording": np.full(12, 3)}, "recording runs to 3, and recording_names has 3, from 0"),
    ({"classes": np.array(["left"]), "y": np.zeros(12, int)}, "of 1 class .* at least two"),
]


@pytest.mark.parametrize(("changed", "message"), WRONG)
def test_arrays_that_contradict_themselves_are_refused(changed, message, tmp_path):
    planted.write_npz(tmp_path, **changed)
    with pytest.raises(LayerscopeError, match=message):
        read(tmp_path, ANY)


@pytest.mark.parametrize("suffix", [".npz", ".mat", ".h5", ".fif", ".edf", ".vhdr", ".set"])
def test_a_damaged_file_is_named(suffix, tmp_path):
    for library in ("mne", "h5py", "pymatreader"):
        pytest.importorskip(library)
    (tmp_path / f"broken{suffix}").write_bytes(b"this is no recording" * 40)
    with pytest.raises(LayerscopeError, match=rf"broken\{suffix} cannot be read"):
        read(tmp_path, RecordingsSettings(tmax=1.0))


def test_raw_signals_need_their_events_and_an_end(tmp_path):
    pytest.importorskip("mne")
    planted.write_fif(tmp_path)
    with pytest.raises(LayerscopeError, match=r"raw signals: data.recordings.tmax \(s\) must say"):
        read(tmp_path, ANY)
    cut = RecordingsSettings(tmax=0.5)
    with pytest.raises(LayerscopeError, match=r"no event of data.classes; it has left, right"):
        read(tmp_path, cut, {"up": ("up",), "down": ("down",)})
    asked = cut.model_copy(update={"events": "{name}.csv"})
    with pytest.raises(LayerscopeError, match=r"there is no .*plain_raw.csv"):
        read(tmp_path, asked)
    (tmp_path / "plain_raw.csv").write_text("time,kind\n1,a\n")
    with pytest.raises(LayerscopeError, match=r"columns time, kind: it needs onset \(s\) or samp"):
        read(tmp_path, asked)
    (tmp_path / "plain_raw.csv").write_text("onset,label\n1,left\nn/a,left\n")
    with pytest.raises(LayerscopeError, match=r'line 3: onset = "n/a" is no number'):
        read(tmp_path, asked)
    planted.mne_raw(annotated=False).save(tmp_path / "plain_raw.fif", overwrite=True)
    with pytest.raises(LayerscopeError, match="neither annotations nor trigger channels"):
        read(tmp_path, cut)


def test_channels_that_are_not_there_or_no_eeg_are_refused(tmp_path):
    mne = pytest.importorskip("mne")
    planted.write_npz(tmp_path)
    with pytest.raises(LayerscopeError, match="no channel Oz; there are Fz, Cz, Pz"):
        read(tmp_path, RecordingsSettings(channels=("Oz",)))
    with pytest.raises(LayerscopeError, match="no channel M1"):
        read(tmp_path, RecordingsSettings(reference=("M1",)))
    (tmp_path / "plain.npz").unlink()
    info = mne.create_info(["M1"], 100.0, "mag")
    mne.io.RawArray(np.zeros((1, 500)), info, verbose="ERROR").save(tmp_path / "a_raw.fif")
    with pytest.raises(LayerscopeError, match=r"no EEG channels \(it has mag\): name those that"):
        read(tmp_path, RecordingsSettings(tmax=0.1))


def test_without_mne_arrays_are_read_and_other_files_refused_by_name(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "mne", None)
    planted.write_npz(tmp_path)
    assert len(read(tmp_path, ANY)) == 12
    for asked in ({"h_freq": 30}, {"resample": 100}):
        with pytest.raises(LayerscopeError, match=r'needs mne.*pip install "layerscope\[brain\]"'):
            read(tmp_path, RecordingsSettings(**asked))
    (tmp_path / "a.edf").write_bytes(b"")
    with pytest.raises(LayerscopeError, match=r"a.edf: reading .edf files needs mne"):
        read(tmp_path, RecordingsSettings(files=("a.edf",)))


def test_a_bids_folder_needs_mne_bids_or_is_refused_by_name(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "mne_bids", None)
    with pytest.raises(LayerscopeError, match=r"data.recordings.bids needs mne-bids, which is not"):
        read(tmp_path, RecordingsSettings(bids=True))


MISTAKES = [
    ({"tmin": 1, "tmax": 0.5}, "tmin lies below tmax"),
    ({"l_freq": 30, "h_freq": 1}, "l_freq lies below h_freq"),
    ({"baseline": [0.0, -0.1]}, "the earlier time comes first"),
    ({"resample": 50, "h_freq": 30}, "h_freq = 30 Hz is not below half of resample = 50"),
    ({"reject": 10, "flat": 20}, "lies below reject"),
    ({"val_groups": ["a"], "test_groups": ["a"]}, "a: in val_groups and in test_groups"),
    ({"split_by": "epoch", "val_groups": ["a"]}, "has no groups"),
    ({"task": "rest"}, "set bids = true"),
    ({"subject": "s[0-9]"}, "it needs a group"),
    ({"session": "s([0-9"}, "no regular expression"),
    ({"sfreq": 100}, "Extra inputs"),
]


@pytest.mark.parametrize(("given", "message"), MISTAKES)
def test_settings_that_contradict_each_other_are_refused(given, message):
    with pytest.raises(ValidationError, match=message):
        RecordingsSettings(**given)
