"""Splits of photographs that are drawn: by what they are, not by how they lie on the disk."""

import os
import shutil

import pytest

from layerscope.data import DataSettings, prepare


@pytest.fixture
def flock(tmp_path, picture):
    """Two classes of 30 and 12 small photographs."""
    root = tmp_path / "flock"
    for name, count in (("duck", 30), ("goose", 12)):
        (root / name).mkdir(parents=True)
        for k in range(count):
            picture(16, 16, seed=100 * count + k).save(root / name / f"{k:02d}.png")
    return root


def drawn(root, **more):
    dataset = prepare(DataSettings(root=str(root), size=8, **more))
    splits = {name: set(split.ids) for name, split in dataset.splits.items()}
    assert sum(map(len, splits.values())) == len(set().union(*splits.values()))
    return splits


def test_each_class_has_its_share_in_each_split(flock, cache):
    splits = drawn(flock, val_fraction=0.25, test_fraction=0.25)
    ducks = {name: sum(i.startswith("duck/") for i in ids) for name, ids in splits.items()}
    assert {name: len(ids) for name, ids in splits.items()} == {"train": 20, "val": 11, "test": 11}
    assert ducks["val"] in (7, 8)
    assert ducks["test"] in (7, 8)


def test_the_draw_depends_on_the_seed_alone_not_on_the_disk(flock, cache, tmp_path):
    splits = drawn(flock)
    assert drawn(flock) == splits
    assert drawn(flock, seed=1) != splits
    copy = tmp_path / "elsewhere"
    for path in sorted(flock.glob("*/*"), reverse=True):
        (copy / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy / path.parent.name / path.name)
        os.utime(copy / path.parent.name / path.name, (1, 1))
    assert drawn(copy) == splits


def test_photographs_that_are_added_move_few_others(flock, cache, picture):
    before = drawn(flock)["val"]
    for k in range(6):
        picture(16, 16, seed=k).save(flock / "duck" / f"00 new {k}.png")
    after = drawn(flock)["val"]
    assert len(before - after) <= 2


def test_val_is_drawn_from_the_given_training_folder(flock, cache):
    for split in ("train", "test"):
        (flock / split).mkdir()
    for name in ("duck", "goose"):
        (flock / "test" / name).mkdir()
        os.rename(flock / name / "00.png", flock / "test" / name / "00.png")
        os.rename(flock / name, flock / "train" / name)
    splits = drawn(flock, train="train", test="test")
    assert splits["test"] == {"test/duck/00.png", "test/goose/00.png"}
    assert len(splits["val"]) == 8
    assert all(name.startswith("train/") for name in splits["train"] | splits["val"])
