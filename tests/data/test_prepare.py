"""From folders to a data set: refusals named and counted, splits, units, nothing written there."""

import csv
import os
import stat

import numpy as np
import pytest
import torch
from PIL import ImageFile

from layerscope import LayerscopeError
from layerscope.data import DataSettings, from_folder, prepare


def settings_of(root, **more):
    return DataSettings(root=str(root), size=16, **more)


def contents(folder):
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.is_file())
        for path in folder.rglob("*")
    }


def test_what_cannot_be_used_is_named_counted_and_passed_over(pets, cache, tmp_path):
    cat = pets / "cat"
    (cat / "empty.jpg").touch()
    (cat / "text.jpg").write_text("no photograph")
    (cat / "cut.jpg").write_bytes((cat / "0.jpg").read_bytes()[:400])
    (cat / "loop").symlink_to(cat, target_is_directory=True)
    (cat / "gone.jpg").symlink_to(cat / "nowhere.jpg")
    (cat / ".hidden.jpg").write_text("passed over")
    (cat / "Thumbs.db").write_text("passed over")
    dataset = prepare(settings_of(pets, val_fraction=0.2))
    refused = {example.id: example.reason for example in dataset.examples if example.reason}
    assert {name: reason.split(":")[0] for name, reason in refused.items()} == {
        "cat/empty.jpg": "empty",
        "cat/text.jpg": "no photograph",
        "cat/cut.jpg": "truncated",
        "cat/loop": "a link to the folder cat, which is read by that path",
        "cat/gone.jpg": "unreadable",
    }
    counted = dataset.counts()
    assert [row["refused"] for row in counted["rows"]] == [5, 0, 5]
    assert sum(len(split) for split in dataset.splits.values()) == 12
    dataset.write_table(tmp_path / "data.csv")
    with open(tmp_path / "data.csv", newline="", encoding="utf-8") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    assert {name for name, row in rows.items() if row["reason"]} == set(refused)
    assert all(len(row["sha256"]) == 64 for row in rows.values() if not row["reason"])


def test_truncated_is_refused_though_the_user_told_pillow_otherwise(pets, cache, monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    path = pets / "cat" / "0.jpg"
    path.write_bytes(path.read_bytes()[:-100])
    refused = [example for example in prepare(settings_of(pets)).examples if example.reason]
    assert [example.id for example in refused] == ["cat/0.jpg"]
    assert refused[0].reason.startswith("truncated")


def test_a_class_that_becomes_empty_stops_and_is_named(pets, cache):
    for path in (pets / "cat").iterdir():
        path.write_bytes(b"")
    with pytest.raises(LayerscopeError, match=r'class "cat" has no usable example.*5 empty'):
        prepare(settings_of(pets))


@pytest.mark.parametrize(
    "name", ["snow ☃ 雪.jpg", "two\nlines.jpg", "return\rhere.jpg", "comma, 'quote\".jpg"]
)
def test_names_in_any_script_come_through_the_table(pets, cache, tmp_path, name):
    os.rename(pets / "cat" / "0.jpg", pets / "cat" / name)
    dataset = prepare(settings_of(pets))
    dataset.write_table(tmp_path / "data.csv")
    with open(tmp_path / "data.csv", newline="", encoding="utf-8") as file:
        assert f"cat/{name}" in [row["id"] for row in csv.DictReader(file)]


def test_a_name_that_is_no_text_is_escaped(pets, cache, tmp_path):
    os.rename(os.fsencode(pets / "cat" / "0.jpg"), os.fsencode(pets / "cat") + b"/\xff.jpg")
    dataset = prepare(settings_of(pets))
    assert "cat/\\xff.jpg" in [example.id for example in dataset.examples if not example.reason]
    dataset.write_table(tmp_path / "data.csv")


def test_nothing_is_written_beside_the_data_which_may_be_read_only(pets, cache):
    before = contents(pets)
    folders = [pets, pets / "cat", pets / "dog"]
    for folder in folders:
        folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        dataset = prepare(settings_of(pets))
        from_folder(pets, ("cat", "dog"), dataset.spec, dataset.settings)
    finally:
        for folder in folders:
            folder.chmod(stat.S_IRWXU)
    assert contents(pets) == before
    assert any(cache.iterdir())


def test_given_splits_are_kept(pets, cache):
    for split in ("train", "val"):
        (pets / split).mkdir()
    for name in ("cat", "dog"):
        (pets / "val" / name).mkdir()
        for k in (0, 1):
            os.rename(pets / name / f"{k}.jpg", pets / "val" / name / f"{k}.jpg")
        os.rename(pets / name, pets / "train" / name)
    dataset = prepare(settings_of(pets, train="train", val="val"))
    assert sorted(dataset["val"].ids) == [
        f"val/{n}/{k}.jpg" for n in ("cat", "dog") for k in (0, 1)
    ]
    assert len(dataset["train"]) == 8
    assert dataset.classes == ("cat", "dog")


def test_a_concept_is_a_list_of_folders(pets, cache):
    (pets / "kitten").mkdir()
    os.rename(pets / "cat" / "0.jpg", pets / "kitten" / "0.jpg")
    dataset = prepare(settings_of(pets, classes={"canine": ["dog"], "feline": ["cat", "kitten"]}))
    labels = {example.id: example.label for example in dataset.examples}
    assert labels["kitten/0.jpg"] == labels["cat/1.jpg"] == "feline"
    assert dataset.classes == ("canine", "feline")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"classes": ["cat", "dgo"]}, r'no folder "dgo".*did you mean "dog"'),
        ({"classes": {"a": ["cat"], "b": ["cat"]}}, "stands in a and in b"),
        ({"classes": ["cat"]}, "at least two classes"),
        ({"train": "trian", "val": "v"}, r'data\.train: there is no folder "trian"'),
        ({"balance": "undersampel"}, "balance"),
        ({"val_fraction": 0.6, "test_fraction": 0.6}, "val_fraction"),
        ({"crop": 3}, "crop"),
    ],
)
def test_wrong_settings_are_named(pets, cache, more, message):
    with pytest.raises((LayerscopeError, ValueError), match=message):
        prepare(settings_of(pets, **more))


def test_a_missing_variable_is_named(monkeypatch):
    monkeypatch.delenv("NO_SUCH_PLACE", raising=False)
    with pytest.raises(LayerscopeError, match="NO_SUCH_PLACE is not set"):
        prepare(DataSettings(root="$NO_SUCH_PLACE/photos"))


def test_a_batch_is_the_pixels_in_the_order_asked_for(pets, cache):
    split = prepare(settings_of(pets))["train"]
    batch = split.batch([3, 0, 3])
    assert batch.shape == (3, 3, 16, 16)
    assert batch.dtype == torch.uint8
    assert batch.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(batch[0], batch[2])
    assert torch.equal(batch[1:2], split.batch([0]))
    with pytest.raises(IndexError):
        split.batch([-1])
    with pytest.raises(IndexError):
        split.batch([len(split)])


def test_channel_units_are_mean_and_std_of_the_training_pixels(pets, cache):
    dataset = prepare(settings_of(pets))
    train = dataset["train"]
    pixels = train.batch(range(len(train))).double() / 255
    np.testing.assert_allclose(dataset.spec.mean, pixels.mean((0, 2, 3)), rtol=1e-12)
    std = pixels.permute(1, 0, 2, 3).flatten(1).std(1, correction=0)
    np.testing.assert_allclose(dataset.spec.std, std, rtol=1e-9)


def test_new_data_name_what_is_missing_and_what_does_not_belong(pets, cache):
    spec = prepare(settings_of(pets)).spec
    (pets / "bird").mkdir()
    (pets / "bird" / "x.jpg").write_bytes((pets / "cat" / "0.jpg").read_bytes())
    (pets / "loose.jpg").write_bytes((pets / "cat" / "0.jpg").read_bytes())
    split, refused = from_folder(pets, ("cat", "dog", "house"), spec, settings_of(pets))
    assert np.bincount(split.labels).tolist() == [5, 7]
    assert "house" in split.notes[0]
    assert {example.id for example in refused} == {"bird/x.jpg", "loose.jpg"}
    with pytest.raises(LayerscopeError, match="no folder named as a class"):
        from_folder(pets, ("fish", "tree"), spec, settings_of(pets))


def test_photos6_has_the_counts_of_its_source(real_data):
    root = real_data / "photos6"
    if not root.is_dir():
        pytest.skip(f"there is no photos6 in {real_data}")
    names = ["bed", "bird", "cat", "dog", "house", "tree"]
    dataset = prepare(DataSettings(root=str(root), classes=names, train="train", val="val"))
    assert np.bincount(dataset["train"].labels).tolist() == [373, 1540, 1050, 1330, 369, 201]
    assert np.bincount(dataset["val"].labels).tolist() == [69, 286, 195, 247, 69, 34]
    assert not [example for example in dataset.examples if example.reason]
    assert dataset.spec.shape == (3, 172, 172)
