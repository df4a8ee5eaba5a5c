"""A scan finds what was planted, and nothing else; decisions outlive it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from layerscope import Study
from layerscope.cleaning.findings import write_rows
from layerscope.cleaning.scan import scan
from layerscope.cli import main
from layerscope.data import prepare
from layerscope.data.decisions import read_rows
from layerscope.errors import LayerscopeError

COPIES = ("leaking", "broken", "duplicate")


def _scan(planted: Path, issues=COPIES):
    return scan(Study.load(planted / "study.toml"), planted / "out", issues)


def _photo(planted: Path, name: str) -> Image.Image:
    return Image.open(planted / "photos" / name).convert("RGB")


def test_clean_data_have_no_finding(planted):
    assert _scan(planted).findings == []


def test_broken_files_are_all_found(planted):
    photos = planted / "photos" / "train" / "left"
    whole = (photos / "00.jpg").read_bytes()
    (photos / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (photos / "zero.jpg").write_bytes(b"")
    (photos / "text.jpg").write_text("no photograph")
    Image.new("RGB", (120, 120), (9, 9, 9)).save(photos / "constant.png")
    _photo(planted, "train/left/03.jpg").rotate(90).save(photos / "other.jpg", format="PNG")
    found = {Path(each.id).name: each for each in _scan(planted).findings}
    assert {each.issue for each in found.values()} == {"broken"}
    assert {*found} == {"truncated.jpg", "zero.jpg", "text.jpg", "constant.png", "other.jpg"}
    assert found["constant.png"].why == "constant: every value is 9"
    assert "PNG in a file that ends in .jpg" in found["other.jpg"].why
    assert found["other.jpg"].suggestion == "keep"
    assert found["zero.jpg"].why.startswith("empty")


def _changed(kind: str, photo: Image.Image) -> Image.Image:
    width, height = photo.size
    if kind == "mirrored":
        return photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if kind == "resized":
        return photo.resize((width * 3 // 4, height * 3 // 4))
    if kind == "brighter":
        return Image.fromarray((np.asarray(photo).astype(int) + 25).clip(0, 255).astype(np.uint8))
    side = 0.8**0.5
    box = (0.07 * width, 0.02 * height, (0.07 + side) * width, (0.02 + side) * height)
    return photo.crop(tuple(map(round, box))) if kind == "cropped" else photo


@pytest.mark.parametrize("kind", ["recompressed", "mirrored", "resized", "brighter", "cropped"])
def test_near_copies_are_found_with_their_original(planted, kind):
    for k in range(8):
        changed = _changed(kind, _photo(planted, f"train/right/{k:02d}.jpg"))
        changed.save(planted / "photos" / "train" / "right" / f"copy{k}.jpg", quality=50)
    found = _scan(planted).findings
    assert {each.issue for each in found} == {"duplicate"}
    pairs = {tuple(sorted([each.id[12:], each.related[0][12:]])) for each in found}
    assert pairs == {(f"{k:02d}.jpg", f"copy{k}.jpg") for k in range(8)}
    assert all(each.why.startswith("nearly the same") for each in found)
    assert all("mirrored" in each.why for each in found) == (kind == "mirrored")
    assert [each.suggestion for each in found] == ["keep", "drop"] * 8


def test_leaks_stand_first_and_what_is_evaluated_is_kept(planted):
    photos = planted / "photos"
    shutil.copy(photos / "val/left/02.jpg", photos / "train/left/stolen.jpg")
    _photo(planted, "train/right/05.jpg").save(photos / "train/right/again.bmp")
    _photo(planted, "train/left/09.jpg").save(photos / "train/right/both.png")
    found = _scan(planted).findings
    assert [each.issue for each in found] == ["leaking"] * 2 + ["duplicate"] * 4
    assert [(each.id, each.suggestion) for each in found[:2]] == [
        ("val/left/02.jpg", "keep"),
        ("train/left/stolen.jpg", "drop"),
    ]
    assert found[0].why == "the same file as train/left/stolen.jpg; in val and train"
    told = {each.id: each for each in found[2:]}
    assert told["train/right/again.bmp"].why == "the same content as train/right/05.jpg"
    two = [told["train/left/09.jpg"], told["train/right/both.png"]]
    assert all(each.why.endswith("under 2 labels: left, right") for each in two)
    assert [each.suggestion for each in two] == ["drop", "drop"]  # neither label is known right


def test_a_second_scan_keeps_decisions_and_removing_a_row_undoes_them(planted):
    shutil.copy(planted / "photos/train/left/02.jpg", planted / "photos/train/left/copy.jpg")
    _scan(planted)
    table = planted / "out" / "keep_drop.csv"
    rows = read_rows(table)
    assert [row.decision for row in rows] == ["", ""]
    decided = [r.__class__(**{**_fields(r), "decision": "drop", "who": "Bo"}) for r in rows[1:]]
    write_rows(table, [rows[0], *decided])
    before = len(prepare(Study.load(planted / "study.toml").data)["train"])
    _scan(planted)
    again = read_rows(table)
    assert [(row.decision, row.who) for row in again] == [("", ""), ("drop", "Bo")]
    study = (planted / "study.toml").read_text()
    lines = study.replace('root = "photos"', 'root = "photos"\ndecisions = "out/keep_drop.csv"')
    (planted / "study.toml").write_text(lines)
    assert len(prepare(Study.load(planted / "study.toml").data)["train"]) == before - 1
    assert len(_scan(planted).findings) == 2  # a scan sees what was dropped too
    (planted / "photos/train/left/copy.jpg").unlink()
    _scan(planted)
    assert [row.who for row in read_rows(table)] == ["Bo"]  # no finding, but nobody's work is lost
    write_rows(table, [])
    assert len(prepare(Study.load(planted / "study.toml").data)["train"]) == before - 1


def _fields(row) -> dict[str, str]:
    return {name: getattr(row, name) for name in row.__dataclass_fields__}


def test_the_command_prints_a_table_or_one_document(planted, capsys):
    shutil.copy(planted / "photos/val/left/02.jpg", planted / "photos/train/left/copy.jpg")
    given = ["clean", str(planted / "study.toml"), "--out", str(planted / "out")]
    given += ["--issues", "leaking,duplicate"]
    assert main(given) == 0
    assert "leaking         2" in capsys.readouterr().out
    assert main([*given, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["counts"] == {"leaking": 2}
    assert document["findings"][0]["split"] == "val"
    assert main([*given[:-1], "lost"]) == 1
    assert "issues = lost: of leaking, broken, duplicate" in capsys.readouterr().err


def test_two_splits_of_one_speaker_leak(tmp_path):
    from layerscope.cleaning.duplicates import shared_groups
    from layerscope.cleaning.pool import Pool

    splits, groups = ["train", "train", "val", "train"], ["ann", "bob", "ann", ""]
    pool = Pool(
        list("abcd"),
        np.zeros(4, int),
        splits,
        groups,
        [""] * 4,
        np.zeros((4, 2)),
        np.arange(4),
        ("x",),
    )
    assert [(e.id, e.why) for e in shared_groups(pool)] == [("a", "ann is in train and in val")]


def test_an_issue_that_is_none_is_refused(planted):
    with pytest.raises(LayerscopeError, match="issues = lost"):
        _scan(planted, ("lost",))
