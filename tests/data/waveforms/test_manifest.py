"""A manifest: labels, splits, speakers and parts from a table; a line that is wrong is refused."""

import pytest
import soundfile

from data.waveforms.tones import RATE, tone
from layerscope import LayerscopeError
from layerscope.data import DataSettings, prepare


def settings_of(root, **more):
    sections = {key: more.pop(key) for key in list(more) if key in DataSettings.model_fields}
    tables = {"manifest": "clips.csv", **more}
    return DataSettings(kind="waveforms", root=str(root), waveforms=tables, **sections)


@pytest.fixture
def table(tmp_path, cache):
    """Write a manifest beside two long recordings, and give its data set."""
    for name in ("one", "two"):
        soundfile.write(tmp_path / f"{name}.flac", tone(20), RATE)

    def write(text, **more):
        (tmp_path / "clips.csv").write_text(text, encoding="utf-8")
        return prepare(settings_of(tmp_path, **more))

    return write


def test_parts_labels_speakers_and_splits_come_from_the_table(table, tmp_path):
    lines = [
        f"{name}.flac,{('no', 'yes')[k % 2]},{split},{name},{k},{k + 1}"
        for name, split in (("one", "train"), ("two", "val"))
        for k in range(6)
    ]
    dataset = table("path,label,split,speaker,start,end\n" + "\n".join(lines))
    assert dataset.classes == ("no", "yes")
    assert {name: len(split) for name, split in dataset.splits.items()} == {"train": 6, "val": 6}
    assert set(dataset["val"].groups) == {"two"}
    assert dataset["train"].ids[2] == "one.flac#2-3s"
    wave, _ = soundfile.read(tmp_path / "one.flac", dtype="int16")
    assert (dataset["train"].batch([2])[0, 0].numpy() == wave[2 * RATE : 3 * RATE]).all()
    assert dataset.warnings == ()


def test_splits_that_the_table_lacks_are_drawn_by_its_speakers(table):
    lines = [f"one.flac,{'ab'[k % 2]},s{k // 4},{k / 2},{k / 2 + 1}" for k in range(32)]
    dataset = table("path,label,speaker,start,end\n" + "\n".join(lines), val_fraction=0.25)
    assert len(dataset["val"]) == 8
    assert not set(dataset["train"].groups) & set(dataset["val"].groups)


def test_without_speakers_parts_of_one_file_stay_together(table):
    lines = [f"{n}.flac,{'ab'[k % 2]},{k},{k + 1}" for n in ("one", "two") for k in range(8)]
    dataset = table("path,label,start,end\n" + "\n".join(lines), val_fraction=0.5)
    assert [len({i.split("#")[0] for i in split.ids}) for split in dataset.splits.values()] == [
        1,
        1,
    ]


def test_classes_choose_and_join_labels(table):
    text = "path,label,start,end\n" + "\n".join(
        f"one.flac,{'abc'[k % 3]},{k},{k + 1}" for k in range(18)
    )
    dataset = table(text, classes={"x": ["a", "c"], "y": ["b"]}, val_fraction=0)
    assert [sum(dataset["train"].labels == k) for k in (0, 1)] == [12, 6]
    assert len(table(text, classes=["a", "b"], val_fraction=0).examples) == 12
    with pytest.raises(
        LayerscopeError, match=r"no line of the manifest has the label d; .*a, b, c"
    ):
        table(text, classes=["a", "d"])


def test_a_line_that_is_wrong_is_refused_with_its_reason(table):
    lines = [
        *(f"one.flac,{label},,{k},{k + 1}" for k in range(4) for label in ("a", "b")[k % 2]),
        "gone.flac,a,,,",
        "../two.flac,a,,,",
        "two.flac,a,trian,,",
        "two.flac,a,,x,",
        "two.flac,a,,3,2",
        "two.flac,a,,30,31",
        "one.flac,a,,0,1",
        ",a,,,",
    ]
    dataset = table("path,label,split,start,end\n" + "\n".join(lines), val_fraction=0)
    reasons = [e.reason for e in dataset.examples if e.reason]
    assert sorted(reason.split(":")[0].split(" = ")[0] for reason in reasons) == [
        *("listed twice", "no sound from (30.0, 31.0) s", "path", "path"),
        *("split", "start", "start", "unreadable"),
    ]
    assert len(dataset["train"]) == 4
    twice = next(e.id for e in dataset.examples if e.reason == "listed twice")
    assert twice == "one.flac#0-1s (line 12)"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "file,label\na,b\n",
            r"has no column path: it has file, label; a manifest has path, label",
        ),
        ("path,label\none.flac,a\n", r"has a as labels: two at least"),
        ("", "has no column path and label"),
    ],
)
def test_a_table_that_is_none_is_told(table, text, message):
    with pytest.raises(LayerscopeError, match=message):
        table(text)


def test_a_missing_table_is_told(tmp_path):
    with pytest.raises(LayerscopeError, match=r"cannot read .*clips\.csv"):
        prepare(settings_of(tmp_path))


def test_other_parts_of_the_same_files_are_packed_anew(table):
    def first(begin):
        lines = [f"one.flac,{'ab'[k]},{begin + k},{begin + k + 1}" for k in range(2)]
        dataset = table("path,label,start,end\n" + "\n".join(lines), val_fraction=0)
        return dataset["train"].batch([0])

    assert not (first(0) == first(5.3)).all()
