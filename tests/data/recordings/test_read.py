"""Every format gives the same epochs, in microvolts, cut at the right sample."""

import numpy as np
import pytest

from data.recordings import planted
from layerscope.data.recordings.read import find_files, read
from layerscope.data.recordings.settings import RecordingsSettings
from layerscope.errors import LayerscopeError

CUT = RecordingsSettings(tmin=-0.1, tmax=0.3)
# The writer, the library it needs beside mne, and the error (µV) of the format's numbers.
FORMATS = [
    (planted.write_fif, "mne", 1e-4),
    (planted.write_epochs, "mne", 1e-4),
    (planted.write_edf, "edfio", 0.01),  # 16 bits of 400 µV
    (planted.write_bdf, "edfio", 1e-3),
    (planted.write_vhdr, "pybv", 1e-3),
    (planted.write_set, "eeglabio", 1e-3),
    (planted.write_set_epochs, "eeglabio", 1e-3),
    (planted.write_npz, "numpy", 1e-4),
    (planted.write_mat, "pymatreader", 1e-4),
    (planted.write_h5, "h5py", 1e-4),
]


@pytest.mark.parametrize(("write", "library", "error"), FORMATS)
def test_every_format_gives_the_same_epochs(write, library, error, tmp_path):
    pytest.importorskip(library)
    if write not in (planted.write_npz, planted.write_mat, planted.write_h5):
        pytest.importorskip("mne")
    path = write(tmp_path)
    kind = "Comment/" if path.suffix == ".vhdr" else ""  # BrainVision's kind of a marker
    found = read(tmp_path, CUT, {name: (kind + name,) for name in ("left", "right")})
    assert found.channels == planted.CHANNELS
    assert found.sfreq == planted.SFREQ
    assert found.tmin == pytest.approx(-0.1)
    assert found.labels == planted.NAMES
    assert found.classes == ("left", "right")
    assert found.x.dtype == np.float32
    assert found.x.shape == planted.expected().shape
    np.testing.assert_allclose(found.x, planted.expected(), rtol=0, atol=error)
    event = np.argmin(np.abs(found.times))
    assert np.abs(found.x[:, 1, event]).min() > 79
    assert found.ids[0] == f"{path.name}#00000"
    assert not found.lost


def test_raw_signals_are_cut_as_mne_cuts_them(tmp_path):
    pytest.importorskip("mne")
    planted.write_fif(tmp_path)
    ours = read(tmp_path, CUT).x
    theirs = planted.mne_epochs().get_data() * 1e6
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4)


def test_annotations_are_placed_as_mne_places_them(tmp_path):
    """Of a recording that has a date and was cropped, and of one that has none."""
    mne = pytest.importorskip("mne")
    from layerscope.data.recordings.events import find_events

    for date in (None, 1_500_000_000):
        raw = planted.mne_raw()
        raw.set_meas_date(date)
        raw.set_annotations(raw.annotations)
        raw.crop(2.5, 15.0)
        events, codes = mne.events_from_annotations(raw, verbose="ERROR")
        names = {code: name for name, code in codes.items()}
        ours = find_events(raw, tmp_path / "x.fif", "x.fif", None)
        assert len(ours) == len(events) > 5
        assert [event.sample for event in ours] == (events[:, 0] - raw.first_samp).tolist()
        assert [event.name for event in ours] == [names[code] for code in events[:, 2]]


def test_what_reaches_out_or_is_marked_bad_is_lost_with_its_reason(tmp_path):
    mne = pytest.importorskip("mne")
    raw = planted.mne_raw()
    raw.annotations.append(ONSET := (planted.ONSETS[3] + 20) / planted.SFREQ, 0.01, "BAD_blink")
    raw.annotations.append(ONSET, 0.0, "EDGE boundary")
    raw.save(tmp_path / "a_raw.fif", verbose="ERROR")
    found = read(tmp_path, RecordingsSettings(tmin=-0.1, tmax=2.6))
    reasons = [each.reason for each in found.lost]
    assert reasons == [
        *['the epoch overlaps what is annotated "BAD_blink"'] * 2,
        "the epoch reaches beyond the recording",
    ]
    assert [each.id[-5:] for each in found.lost] == ["00002", "00003", "00011"]
    assert [each.label for each in found.lost] == [planted.NAMES[k] for k in (2, 3, 11)]
    kept = mne.Epochs(
        raw, *mne.events_from_annotations(raw, verbose="ERROR"), -0.1, 2.6, baseline=None,
        preload=True, verbose="ERROR",
    )  # fmt: skip
    np.testing.assert_allclose(found.x, kept.get_data() * 1e6, rtol=0, atol=1e-4)


@pytest.mark.parametrize("table", ["onset\ttrial_type", "sample,label", "Sample,value"])
def test_events_may_stand_in_a_table(table, tmp_path):
    pytest.importorskip("mne")
    planted.mne_raw(annotated=False).save(tmp_path / "a_raw.fif", verbose="ERROR")
    comma = "\t" if "\t" in table else ","
    scale = planted.SFREQ if "onset" in table else 1
    rows = [f"{s / scale:g}{comma}{n}" for s, n in zip(planted.ONSETS, planted.NAMES, strict=True)]
    (tmp_path / "a_raw_events.tsv").write_text("\n".join([table, *rows]))
    found = read(tmp_path, CUT.model_copy(update={"events": "{name}_events.tsv"}))
    assert found.labels == planted.NAMES
    np.testing.assert_allclose(found.x, planted.expected(), rtol=0, atol=1e-4)


def test_events_may_be_triggers(tmp_path):
    mne = pytest.importorskip("mne")
    raw = planted.mne_raw(annotated=False)
    info = mne.create_info(["STI"], planted.SFREQ, "stim", verbose="ERROR")
    pulses = np.zeros((1, planted.SAMPLES))
    for onset, name in zip(planted.ONSETS, planted.NAMES, strict=True):
        pulses[0, onset : onset + 5] = 3 if name == "left" else 12
    raw.add_channels([mne.io.RawArray(pulses, info, verbose="ERROR")], force_update_info=True)
    raw.save(tmp_path / "a_raw.fif", verbose="ERROR")
    for events in (None, "STI"):
        found = read(
            tmp_path,
            CUT.model_copy(update={"events": events}),
            {"L": ("3",), "R": ("12",)},
        )
        assert found.classes == ("L", "R")
        assert found.labels == tuple(name[0].upper() for name in planted.NAMES)
        assert found.channels == planted.CHANNELS  # the trigger channel is no signal
    with pytest.raises(LayerscopeError, match=r'"STX" is no channel of it; .* are STI'):
        read(tmp_path, CUT.model_copy(update={"events": "STX"}))


def test_classes_may_join_and_leave_out_events(tmp_path):
    labels = np.array(["a", "b", "c"] * 4)
    planted.write_npz(tmp_path, y=labels, classes=None)
    found = read(tmp_path, CUT, {"ab": ("b", "a"), "c": ("c",)})
    assert found.labels == tuple({"a": "ab", "b": "ab", "c": "c"}[x] for x in labels)
    only = read(tmp_path, CUT, {"c": ("c",), "a": ("a",)})
    assert only.classes == ("c", "a")
    assert len(only) == 8
    with pytest.raises(LayerscopeError, match=r"no epoch is labelled d; there are a, b, c"):
        read(tmp_path, CUT, {"a": ("a",), "d": ("d",)})


def test_files_are_found_by_name_or_pattern(tmp_path):
    (tmp_path / "s2").mkdir()
    planted.write_npz(tmp_path)
    planted.write_npz(tmp_path / "s2", "more.npz", x=planted.expected(seed=1))
    (tmp_path / "notes.txt").write_text("no recording")

    def names(*files):
        return [name for _, name in find_files(tmp_path, RecordingsSettings(files=files))]

    assert names() == ["plain.npz", "s2/more.npz"]
    assert names("s2/*.npz") == ["s2/more.npz"]
    assert find_files(tmp_path / "plain.npz", RecordingsSettings())[0][1] == "plain.npz"
    both = read(tmp_path, CUT)
    assert len(both) == 2 * len(planted.ONSETS)
    with pytest.raises(LayerscopeError, match=r'"\*.edf" matches no file in'):
        names("*.edf")
    with pytest.raises(LayerscopeError, match="no recording that can be read"):
        names("notes.txt")
    with pytest.raises(LayerscopeError, match="no recording lies in"):
        find_files(tmp_path / "empty", RecordingsSettings())


def test_channels_are_put_into_one_order_and_must_be_the_same(tmp_path):
    planted.write_npz(tmp_path, "a.npz")
    turned = planted.expected(seed=1)[:, ::-1].astype(np.float32)
    planted.write_npz(tmp_path, "b.npz", x=turned, channels=np.array(planted.CHANNELS[::-1]))
    found = read(tmp_path, CUT)
    np.testing.assert_allclose(found.x[12:], planted.expected(seed=1), rtol=0, atol=1e-4)
    planted.write_npz(tmp_path, "c.npz", channels=np.array(["Fz", "Cz", "Oz"]))
    with pytest.raises(LayerscopeError, match="name those that all have in"):
        read(tmp_path, CUT)
    assert read(tmp_path, CUT.model_copy(update={"channels": ("Cz",)})).x.shape[:2] == (36, 1)
    (tmp_path / "c.npz").unlink()
    planted.write_npz(tmp_path, "d.npz", sfreq=np.array(100.0))
    with pytest.raises(LayerscopeError, match=r"sfreq = 100 Hz.*200 Hz.*data.recordings.resample"):
        read(tmp_path, RecordingsSettings())


def test_a_bids_folder_is_read(tmp_path):
    pytest.importorskip("mne")
    mne_bids = pytest.importorskip("mne_bids", reason="mne-bids is not installed")
    for subject in ("01", "02"):
        raw = planted.mne_raw(seed=int(subject))
        raw.info["line_freq"] = 50
        place = mne_bids.BIDSPath(subject=subject, task="go", root=tmp_path, datatype="eeg")
        mne_bids.write_raw_bids(
            raw, place, format="BrainVision", allow_preload=True, verbose="ERROR"
        )
    asked = CUT.model_copy(update={"bids": True, "task": "go"})
    found = read(tmp_path, asked)
    assert found.subjects == ("01",) * 12 + ("02",) * 12
    assert found.labels == planted.NAMES * 2
    both = np.concatenate([planted.expected(seed=1), planted.expected(seed=2)])
    np.testing.assert_allclose(found.x, both, rtol=0, atol=0.1)
    with pytest.raises(LayerscopeError, match="no EEG recording of task rest: its tasks are go"):
        read(tmp_path, asked.model_copy(update={"task": "rest"}))
