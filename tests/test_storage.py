"""Files written whole: half of one is never seen, and what is written comes back."""

import errno
import json
import os
import stat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscope import LayerscopeError
from layerscope.storage import read_csv, write_csv, write_json, write_text, write_whole

text = st.text(st.characters(exclude_categories=["Cs"])) | st.text("\r\n\",' \0;é", max_size=4)


def of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), KeyError("x"), KeyboardInterrupt()]
)
def test_a_write_that_fails_midway_leaves_the_old_file_and_nothing_else(tmp_path, error):
    write_text(tmp_path / "a.txt", "old")

    def fail(file):
        file.write(b"half of the new")
        file.flush()
        raise error

    told = LayerscopeError if isinstance(error, OSError) else type(error)
    with pytest.raises(told) as caught:
        write_whole(tmp_path / "a.txt", fail)
    assert of(tmp_path) == {"a.txt": b"old"}
    if told is LayerscopeError:
        assert "a.txt: No space left on device" in str(caught.value)


def test_rows_that_fail_midway_leave_the_old_table(tmp_path):
    write_csv(tmp_path / "a.csv", ["x"], [{"x": 1}])
    before = of(tmp_path)

    def rows():
        yield {"x": 2}
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        write_csv(tmp_path / "a.csv", ["x"], rows())
    assert of(tmp_path) == before


def test_while_a_file_is_written_the_old_one_is_read(tmp_path):
    write_text(tmp_path / "a.txt", "old")
    seen = []

    def write(file):
        file.write(b"new")
        file.flush()
        seen.append((tmp_path / "a.txt").read_text())

    write_whole(tmp_path / "a.txt", write)
    assert seen == ["old"]
    assert of(tmp_path) == {"a.txt": b"new"}


def test_a_file_is_made_with_its_folders_and_the_usual_permissions(tmp_path):
    (tmp_path / "plain").touch()
    write_text(tmp_path / "new" / "folder" / "a.txt", "x")
    plain, written = (
        stat.S_IMODE(os.stat(tmp_path / name).st_mode) for name in ("plain", "new/folder/a.txt")
    )
    assert written == plain


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(LayerscopeError, match=r"cannot write .*file/a\.txt: .*try again"):
        write_text(tmp_path / "file" / "a.txt", "x")


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(text, text), max_size=4))
def test_any_text_comes_back_from_a_table(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("table") / "a.csv"
    table = [dict(zip(("id", "é, reason"), row, strict=True)) for row in rows]
    write_csv(path, ["id", "é, reason"], table)
    assert read_csv(path) == table


def test_a_carriage_return_in_a_value_comes_back(tmp_path):
    rows = [{"id": "a\rb"}, {"id": "\r"}, {"id": "c\r\nd"}, {"id": ""}]
    write_csv(tmp_path / "a.csv", ["id"], rows)
    assert read_csv(tmp_path / "a.csv") == rows


def test_a_missing_value_is_empty_and_an_unknown_column_is_a_fault(tmp_path):
    write_csv(tmp_path / "a.csv", ["x", "y"], [{"y": 0.1}])
    assert read_csv(tmp_path / "a.csv") == [{"x": "", "y": "0.1"}]
    with pytest.raises(ValueError, match="z"):
        write_csv(tmp_path / "a.csv", ["x"], [{"z": 1}])


def test_names_that_are_no_text_are_escaped(tmp_path):
    name = os.fsdecode(b"\xff.jpg")
    write_csv(tmp_path / "a.csv", ["id"], [{"id": name}])
    assert read_csv(tmp_path / "a.csv") == [{"id": "\\udcff.jpg"}]
    write_json(tmp_path / "a.json", {"id": name, "é": "猫"})
    document = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(document) == {"id": name, "é": "猫"}
    assert "猫" in document


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_has_no_value_for_what_is_not_finite(tmp_path, value):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"loss": value})
    assert not of(tmp_path)
