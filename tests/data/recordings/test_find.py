"""Recordings as a study's data: splits by group, leaks refused, drops in the table, new data."""

import numpy as np
import pytest

from data.recordings import planted
from layerscope.data import DataSettings, from_folder, prepare
from layerscope.data.counts import count_table
from layerscope.data.recordings.groups import folds_of
from layerscope.errors import LayerscopeError

RUNS = tuple(f"subject{s}/session{e}/run{r}" for s in "123" for e in "12" for r in "12")


def settings(folder, **asked):
    data = {key: asked.pop(key) for key in ("val_fraction", "normalize", "classes") if key in asked}
    return DataSettings(kind="recordings", root=str(folder), recordings=asked, **data)


@pytest.fixture
def folder(tmp_path):
    """Twelve recordings of four epochs each: three subjects, two sessions, two runs."""
    rng = np.random.default_rng(0)
    planted.write_npz(
        tmp_path,
        x=20 * rng.standard_normal((48, 3, 81)) + np.array([[[5.0], [0.0], [-5.0]]]),
        y=np.arange(48) % 2,
        recording=np.arange(48) // 4,
        recording_names=np.array(RUNS),
    )
    return tmp_path


def members(dataset):
    return {name: set(split.groups) for name, split in dataset.splits.items()}


@pytest.mark.parametrize(("by", "number"), [("recording", 12), ("session", 6), ("subject", 3)])
def test_no_group_is_torn_apart(by, number, folder):
    dataset = prepare(settings(folder, split_by=by, val_fraction=0.3))
    where = members(dataset)
    assert where["train"].isdisjoint(where["val"])
    assert len(where["train"] | where["val"]) == number
    assert len(dataset["train"]) + len(dataset["val"]) == 48


def test_a_drawn_split_that_leaks_is_refused_unless_it_is_allowed(folder):
    leaking = {"split_by": "epoch", "val_fraction": 0.25}
    with pytest.raises(LayerscopeError, match="recordings are in more than one split"):
        prepare(settings(folder, **leaking))
    dataset = prepare(settings(folder, allow_leak=True, **leaking))
    assert any("in more than one split" in line for line in dataset.warnings)
    assert len(dataset["val"]) == 12


def test_folders_that_share_a_subject_are_refused(tmp_path):
    for split, seed in (("train", 0), ("val", 1)):
        (tmp_path / split).mkdir()
        x = planted.expected(seed=seed)
        planted.write_npz(tmp_path / split, "sub-1.npz", x=x, recording=None)
    data = {"kind": "recordings", "root": str(tmp_path), "train": "train", "val": "val"}
    with pytest.raises(LayerscopeError, match=r"subjects are in more than one split: 1 \(train, v"):
        prepare(DataSettings(**data, recordings={"split_by": "subject"}))
    apart = prepare(
        DataSettings(**data, recordings={"split_by": "subject", "subject": "((?:train|val)/sub-1)"})
    )
    assert members(apart) == {"train": {"train/sub-1"}, "val": {"val/sub-1"}}
    assert apart["val"].ids[0].startswith("val/sub-1.npz#")


def test_groups_may_be_named(folder):
    dataset = prepare(settings(folder, split_by="subject", val_groups=["2"], test_groups=["3"]))
    assert members(dataset) == {"train": {"1"}, "val": {"2"}, "test": {"3"}}
    dataset = prepare(settings(folder, test_groups=["subject1/*"], val_groups=["*2/session2/run1"]))
    where = members(dataset)
    assert where["test"] == set(RUNS[:4])
    assert where["val"] == {"subject2/session2/run1"}
    with pytest.raises(LayerscopeError, match=r'val_groups: "9" is no subject; there are 1, 2, 3'):
        prepare(settings(folder, split_by="subject", val_groups=["9"]))
    with pytest.raises(LayerscopeError, match="is in val_groups and in test_groups"):
        prepare(settings(folder, val_groups=["subject1/*"], test_groups=["*/session1/*"]))
    with pytest.raises(ValueError, match=r"val_fraction and recordings.val_groups are both given"):
        settings(folder, val_groups=["subject1/*"], val_fraction=0.2)


def test_a_recording_that_does_not_say_its_subject_is_refused(tmp_path):
    planted.write_npz(tmp_path, recording=None, recording_names=None)
    with pytest.raises(LayerscopeError, match="1 recordings do not say their subject, such as pl"):
        prepare(settings(tmp_path, split_by="subject"))


def test_one_recording_cannot_be_split_by_recording(tmp_path):
    planted.write_npz(tmp_path, recording=None, recording_names=None)
    with pytest.raises(LayerscopeError, match="comes from 1 recordings, too few"):
        prepare(settings(tmp_path))


def test_the_same_signal_twice_is_dropped(tmp_path):
    """A recording stored under two names would otherwise be trained on and tested on."""
    planted.write_npz(tmp_path, "a.npz")
    planted.write_npz(tmp_path, "b.npz", recording_names=np.array(["x", "y", "z"]))
    dataset = prepare(settings(tmp_path))
    gone = [example for example in dataset.examples if example.reason]
    assert len(gone) == 12
    assert gone[0].reason == "the same signal as a.npz#00000"
    assert "dropped 12 of 24 epochs whose signal is there already" in dataset.log


def test_the_table_of_the_data_holds_every_drop(folder, tmp_path):
    dataset = prepare(settings(folder, reject=110, val_fraction=0.3))
    gone = [example for example in dataset.examples if example.reason]
    assert 0 < len(gone) < 24
    assert all("above reject = 110 µV" in example.reason for example in gone)
    assert {example.group for example in gone} <= set(RUNS)
    assert len(dataset.examples) == 48
    told = count_table(dataset.counts())
    assert f"\ndropped {len(gone)} of 48 epochs with a peak-to-peak above 110 µV" in told
    assert dataset.counts()["warnings"] == []
    dataset.write_table(tmp_path / "data.csv")
    assert (tmp_path / "data.csv").read_text().count("above reject") == len(gone)


def test_the_input_is_described_in_microvolts_and_seconds(folder):
    dataset = prepare(settings(folder, split_by="subject", val_groups=["3"]))
    spec, train = dataset.spec, dataset["train"]
    x = train.batch(np.arange(len(train)))
    assert (spec.kind, spec.shape, spec.unit) == ("recording", (3, 81), "µV")
    assert (spec.sfreq, spec.tmin, spec.channels) == (200.0, -0.1, planted.CHANNELS)
    np.testing.assert_allclose(spec.mean, x.double().mean(dim=(0, 2)), rtol=1e-6)
    np.testing.assert_allclose(spec.std, x.double().std(dim=(0, 2), correction=0), rtol=1e-6)
    z = spec.to_model(x)
    np.testing.assert_allclose(z.mean(dim=(0, 2)), 0, atol=1e-5)
    assert type(spec).from_dict(spec.as_dict()) == spec
    plain = prepare(settings(folder, normalize="none")).spec
    assert (plain.mean, plain.std) == ((0.0,) * 3, (1.0,) * 3)


def test_new_recordings_are_treated_as_the_study_says(folder, tmp_path):
    asked = settings(folder, files=["plain.npz"], tmin=0.0, tmax=0.2)
    dataset = prepare(asked)
    new = tmp_path / "new"
    new.mkdir()
    labels = np.array(["left", "right", "up"] * 4)
    turned = planted.expected(seed=3)[:, ::-1]
    names = np.array(planted.CHANNELS[::-1])
    planted.write_npz(new, "other.npz", x=turned, y=labels, classes=None, channels=names)
    split, refused = from_folder(new, dataset.classes, dataset.spec, asked)
    assert len(split) == 8
    assert [dataset.classes[k] for k in split.labels[:2]] == ["left", "right"]
    expected = planted.expected(0.0, 0.2, seed=3)[labels != "up"]
    np.testing.assert_allclose(split.batch(np.arange(8)), expected, atol=1e-4)
    assert {example.reason for example in refused} == {'"up" is no class of the run'}
    assert len(refused) == 4
    planted.write_npz(new, "other.npz", sfreq=np.array(100.0), tmin=np.array(0.0))
    with pytest.raises(LayerscopeError, match=r"21 samples at 100 Hz, .* takes 3 and 41 at 200 Hz"):
        from_folder(new, dataset.classes, dataset.spec, asked)
    planted.write_npz(new, "other.npz", y=np.full(12, "up"), classes=None)
    with pytest.raises(LayerscopeError, match="no usable epoch of left, right is left"):
        from_folder(new, dataset.classes, dataset.spec, asked)


def test_folds_deal_groups_evenly():
    groups = [
        name for name, size in zip("abcde", (5, 4, 3, 2, 1), strict=True) for _ in range(size)
    ]
    assert folds_of(groups, None) == [["a"], ["b"], ["c"], ["d"], ["e"]]
    assert folds_of(groups, 2) == [["a", "d", "e"], ["b", "c"]]
    with pytest.raises(LayerscopeError, match="6 folds over 5 groups"):
        folds_of(groups, 6)
    with pytest.raises(LayerscopeError, match="two at least"):
        folds_of(["a"], None)


def test_the_real_recordings_are_read(real_data):
    dataset = prepare(
        settings(
            real_data / "eeg_muse", files=["n170_faces_houses.npz"], reject=100, val_fraction=0.2
        )
    )
    assert dataset.classes == ("house", "face")
    assert dataset.spec.channels == ("TP9", "AF7", "AF8", "TP10")
    assert len({example.group for example in dataset.examples}) == 5
    assert "dropped 25 of 975 epochs with a peak-to-peak above 100 µV" in dataset.log[0]
    assert len(dataset["train"]) + len(dataset["val"]) == 950
    assert dataset["val"].groups[0].startswith("visual/N170/subject1/session1/data_2017-09-13")
