"""The shipped mapping of ImageNet's synsets to the study's six concepts."""

import csv
import os
import tomllib
from pathlib import Path

import pytest

from layerscope.data import DataSettings, prepare

MAPPING = tomllib.loads(
    (Path(__file__).parents[2] / "examples" / "imagenet6.toml").read_text(encoding="utf-8")
)["data"]["classes"]


def test_the_groups_have_the_study_s_sizes_and_no_synset_twice():
    assert list(MAPPING) == ["bed", "bird", "cat", "dog", "house", "tree"]
    assert {name: len(MAPPING[name]) for name in ("bird", "dog", "cat")} == {
        "bird": 59,
        "dog": 118,
        "cat": 5,
    }
    synsets = [synset for group in MAPPING.values() for synset in group]
    assert len(set(synsets)) == len(synsets)


@pytest.fixture
def samples(real_data):
    folder = real_data / "imagenet_samples"
    if not folder.is_dir():
        pytest.skip(f"there is no imagenet_samples in {real_data}")
    with open(folder / "classes.csv", newline="", encoding="utf-8") as file:
        return folder, {row["wnid"]: row for row in csv.DictReader(file)}


def test_every_synset_is_one_of_the_thousand(samples):
    _, rows = samples
    assert {synset for group in MAPPING.values() for synset in group} <= set(rows)
    dogs = sorted(int(rows[synset]["index"]) for synset in MAPPING["dog"])
    assert dogs == list(range(151, 269))
    cats = {rows[synset]["name"] for synset in MAPPING["cat"]}
    assert any("Egyptian" in name for name in cats)


def test_folders_of_synsets_load_by_the_mapping(samples, cache, tmp_path):
    folder, rows = samples
    root = tmp_path / "imagenet"
    for row in rows.values():
        place = root / row["wnid"]
        place.mkdir(parents=True)
        for copy in range(2):
            source = next(folder.rglob(row["file"]))
            os.symlink(source, place / f"{copy}.jpg")
    dataset = prepare(
        DataSettings(root=str(root), classes=MAPPING, size=16, val_fraction=0.5, seed=1)
    )
    total = {name: len(group) * 2 for name, group in MAPPING.items()}
    counted = {row["class"]: row["train"] + row["val"] for row in dataset.counts()["rows"][:-1]}
    assert counted == total
