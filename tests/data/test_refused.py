"""Every kind of bad or odd photograph on the whole way: folder, workers, pack, counts, data.csv."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from layerscope import LayerscopeError, storage
from layerscope.data import DataSettings, from_folder, photo, prepare


def settings_of(root, **more):
    return DataSettings(root=str(root), size=16, **more)


@pytest.fixture
def bad(pets, picture):
    """Put one file of each bad kind among the dogs; gives what their reasons begin with."""
    dog = pets / "dog"
    whole = (dog / "0.jpg").read_bytes()
    (dog / "zero.jpg").touch()
    (dog / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    picture(90, 60).save(dog / "cut.png")
    os.truncate(dog / "cut.png", 2000)
    (dog / "text.jpg").write_text("This is no photograph.\n" * 20)
    (dog / "pointer.jpg").write_text("version https://git-lfs.github.com/spec/v1\n")
    (dog / "page.jpg").write_text("<!doctype html><title>404</title>")
    (dog / "phone.jpg").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 100)
    Image.new("1", (20_000, 20_000)).save(dog / "bomb.png")
    Image.new("L", (3000, 2000)).save(dog / "large.png")
    Image.fromarray(np.ones((40, 40), dtype=np.float32)).save(dog / "float.tiff")
    os.mkfifo(dog / "pipe.jpg")
    (dog / "zeros.jpg").symlink_to("/dev/zero")
    (dog / "gone.jpg").symlink_to("nowhere.jpg")
    (dog / "round.jpg").symlink_to("round.jpg")
    (dog / "up").symlink_to("..")
    reasons = {
        "zero.jpg": "empty: zero bytes",
        "cut.jpg": "truncated: ",
        "cut.png": "truncated: ",
        "text.jpg": "no photograph: ",
        "pointer.jpg": "no photograph: ",
        "page.jpg": "no photograph: ",
        "phone.jpg": "HEIC photographs cannot be read here",
        "bomb.png": "too large: ",
        "large.png": "too large: 3000 x 2000 pixels, max_pixels is 5999999",
        "float.tiff": "32-bit pixels",
        "pipe.jpg": "not a regular file",
        "zeros.jpg": "not a regular file",
        "gone.jpg": "unreadable: a link that leads nowhere",
        "round.jpg": "unreadable: Too many levels of symbolic links",
        "up/cat": "a link to the folder cat, which is read by that path",
        "up/dog": "a link to the folder dog, which is read by that path",
    }
    if Path("/proc/self/mem").exists():  # opens, and fails when it is read
        (dog / "sector.jpg").symlink_to("/proc/self/mem")
        reasons["sector.jpg"] = "unreadable: Input/output error"
    return {f"dog/{name}": reason for name, reason in reasons.items()}


def test_each_is_named_with_its_reason_and_counted_and_the_rest_goes_on(pets, bad, cache, tmp_path):
    dataset = prepare(settings_of(pets, max_pixels=5_999_999))
    dataset.write_table(tmp_path / "data.csv")
    rows = {row["id"]: row for row in storage.read_csv(tmp_path / "data.csv")}
    refused = {name: row["reason"] for name, row in rows.items() if row["reason"]}
    assert refused.keys() == bad.keys()
    for name, begin in bad.items():
        assert refused[name].startswith(begin), name
        assert (rows[name]["split"], rows[name]["label"]) == ("", "dog")
    counted = dataset.counts()
    assert [row["refused"] for row in counted["rows"]] == [0, len(bad), len(bad)]
    assert {each["id"]: each["reason"] for each in counted["refused"]} == refused
    assert sum(map(len, dataset.splits.values())) == 12 == len(rows) - len(bad)
    assert sorted(rows) == list(rows)


def test_a_second_run_tells_the_same_from_the_pack(pets, bad, cache):
    first, second = (prepare(settings_of(pets)).examples for _ in range(2))
    assert first == second


def test_new_data_are_refused_for_the_same_reasons(pets, bad, cache):
    settings = settings_of(pets, max_pixels=5_999_999)
    dataset = prepare(settings)
    split, refused = from_folder(pets, dataset.classes, dataset.spec, settings)
    expected = {e.id: e.reason for e in dataset.examples if e.reason}
    assert {e.id: e.reason for e in refused} == expected
    assert len(split) == 12


def test_odd_ones_are_used(pets, cache, picture):
    image, cat = picture(90, 60), pets / "cat"
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(cat / "turned.jpg", exif=exif)
    image.convert("CMYK").save(cat / "cmyk.jpg")
    image.convert("L").save(cat / "grey.jpg")
    image.convert("LA").save(cat / "alpha.png")
    image.convert("P", palette=Image.Palette.ADAPTIVE).save(cat / "palette.gif")
    Image.fromarray(np.arange(3600, dtype=np.uint16).reshape(60, 60)).save(cat / "16.png")
    image.save(cat / "named.wrongly.png", "JPEG")
    image.save(cat / "no suffix", "PNG")
    image.save(cat / "two.jpg", "MPO", save_all=True, append_images=[picture(90, 60, seed=1)])
    dataset = prepare(settings_of(pets))
    assert not [e for e in dataset.examples if e.reason]
    shown = {
        name: split.batch([k])[0].permute(1, 2, 0).numpy().tobytes()
        for split in dataset.splits.values()
        for k, name in enumerate(split.ids)
    }
    assert len(shown) == 5 + 7 + 9
    for name, pixels in shown.items():
        assert pixels == photo.read(str(pets / name), photo.Decoder(16)).pixels


def test_a_class_that_becomes_empty_in_one_given_split_stops_the_run(pets, cache):
    for split in ("train", "val"):
        (pets / split).mkdir()
    for name in ("cat", "dog"):
        (pets / "val" / name).mkdir()
        os.rename(pets / name / "0.jpg", pets / "val" / name / "0.jpg")
        os.rename(pets / name, pets / "train" / name)
    settings = settings_of(pets, train="train", val="val")
    assert len(prepare(settings)["val"]) == 2
    (pets / "val" / "dog" / "0.jpg").write_bytes(b"")
    message = r'class "dog" has no usable example in val: 1 files refused \(1 empty: zero bytes\)'
    with pytest.raises(LayerscopeError, match=message):
        prepare(settings)
    (pets / "val" / "dog" / "0.jpg").unlink()
    with pytest.raises(LayerscopeError, match=r'"dog" .* in val: its folders hold no file'):
        prepare(settings)
