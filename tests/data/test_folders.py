"""Which folders make a class, and which files lie in them, however links and names are laid."""

import os
import unicodedata

import pytest

from layerscope import LayerscopeError
from layerscope.data import DataSettings
from layerscope.data.folders import ClassFolder, class_folders, scan


def settings_of(root, **more):
    return DataSettings(root=str(root), **more)


def tree(root, *files):
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def listed(root, *folders):
    files = scan(root, [ClassFolder("", folder, folder) for folder in folders])
    return {file.id: file.reason for file in files}


def test_folders_in_folders_are_read_whatever_their_names(tmp_path):
    tree(tmp_path, "cat/a.jpg", "cat/deep/er/b.jpg", "cat/folder.jpg/c.jpg", "cat/no_suffix")
    assert listed(tmp_path, "cat") == dict.fromkeys(
        ["cat/a.jpg", "cat/deep/er/b.jpg", "cat/folder.jpg/c.jpg", "cat/no_suffix"], ""
    )


def test_what_systems_leave_is_passed_over(tmp_path):
    names = [".DS_Store", "._a.jpg", "Thumbs.db", "desktop.ini", "Icon\r", "__MACOSX/x", ".git/x"]
    tree(tmp_path, "cat/a.jpg", *(f"cat/{name}" for name in names))
    assert listed(tmp_path, "cat") == {"cat/a.jpg": ""}


def test_the_order_is_that_of_the_ids(tmp_path):
    tree(tmp_path, *(f"cat/{k}.jpg" for k in (3, 1, 10, 2)))
    names = list(listed(tmp_path, "cat"))
    assert names == sorted(names)


def test_links_to_files_and_folders_are_followed_once(tmp_path):
    tree(tmp_path, "cat/real/a.jpg", "elsewhere/b.jpg")
    (tmp_path / "cat" / "first").symlink_to(tmp_path / "cat" / "real")
    (tmp_path / "cat" / "far").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "cat" / "again").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "cat" / "c.jpg").symlink_to(tmp_path / "elsewhere" / "b.jpg")
    found = listed(tmp_path, "cat")
    assert [name for name, reason in found.items() if not reason] == [
        "cat/again/b.jpg",
        "cat/c.jpg",
        "cat/real/a.jpg",
    ]
    assert found["cat/first"] == "a link to the folder cat/real, which is read by that path"
    assert found["cat/far"] == "a link to the folder cat/again, which is read by that path"


def test_a_link_to_another_class_gives_it_no_photographs_of_that_class(tmp_path):
    tree(tmp_path, "cat/a.jpg", "dog/b.jpg")
    (tmp_path / "cat" / "dogs").symlink_to(tmp_path / "dog")
    found = listed(tmp_path, "cat", "dog")
    assert [name for name, reason in found.items() if not reason] == ["cat/a.jpg", "dog/b.jpg"]


def test_loops_of_links_end(tmp_path):
    tree(tmp_path, "cat/in/a.jpg")
    (tmp_path / "cat" / "in" / "up").symlink_to("..")
    (tmp_path / "cat" / "self.jpg").symlink_to("self.jpg")
    found = listed(tmp_path, "cat")
    assert found["cat/in/a.jpg"] == ""
    assert found["cat/in/up"].startswith("a link to the folder cat,")
    assert "symbolic links" in found["cat/self.jpg"]


def test_pipes_and_broken_links_are_refused(tmp_path):
    tree(tmp_path, "cat/a.jpg")
    os.mkfifo(tmp_path / "cat" / "pipe.jpg")
    (tmp_path / "cat" / "gone.jpg").symlink_to("nowhere")
    found = listed(tmp_path, "cat")
    assert found["cat/pipe.jpg"] == "not a regular file"
    assert found["cat/gone.jpg"] == "unreadable: a link that leads nowhere"


def test_all_sub_folders_are_classes_unless_named(tmp_path):
    tree(tmp_path, "dog/a", "cat/a", ".hidden/a", "loose.txt")
    assert class_folders(settings_of(tmp_path))[0] == ("cat", "dog")
    assert class_folders(settings_of(tmp_path, classes=["dog", "cat"]))[0] == ("dog", "cat")


def test_accents_composed_otherwise_are_the_same_name(tmp_path):
    decomposed, composed = (unicodedata.normalize(form, "Häuser") for form in ("NFD", "NFC"))
    tree(tmp_path, f"{decomposed}/a", "Bäume/a")
    classes, folders = class_folders(settings_of(tmp_path, classes=[composed, "Bäume"]))
    assert classes == (composed, "Bäume")
    assert folders[0].path == decomposed


@pytest.mark.parametrize(
    ("files", "more", "message"),
    [
        (["train/a/1", "val/a/1"], {}, "which are splits, not classes"),
        (["a/1"], {}, "has a as class folders: put the files"),
        (["t/a/1", "t/b/1", "v/a/1", "v/b/1", "v/c/1"], {"train": "t", "val": "v"}, "has c, which"),
        (["t/a/1", "t/b/1", "v/a/1"], {"train": "t", "val": "v"}, 'no folder "b" in .*v, which'),
        (["a/1", "a/b/1"], {"classes": ["a", "a/b"]}, '"a/b" of a/b lies in "a" of a'),
        (["a/1", "b/1"], {"classes": ["a", "../b"]}, 'relative path without "..'),
        (["a/1", "b/1"], {"classes": {"x": ["a"], "y": []}}, "y has no folder"),
    ],
)
def test_folders_that_cannot_be_meant_are_told(tmp_path, files, more, message):
    tree(tmp_path, *files)
    with pytest.raises((LayerscopeError, ValueError), match=message):
        class_folders(settings_of(tmp_path, **more))


def test_a_folder_under_two_names_is_one_folder(tmp_path):
    tree(tmp_path, "cat/1")
    (tmp_path / "pet").symlink_to("cat")
    with pytest.raises(LayerscopeError, match="are the same folder"):
        class_folders(settings_of(tmp_path))


def test_every_missing_folder_has_a_line_with_the_nearest_name(tmp_path):
    tree(tmp_path, "bird/1", "house/1", "tree/1")
    with pytest.raises(LayerscopeError) as told:
        class_folders(settings_of(tmp_path, classes=["bird", "huose", "teee"]))
    first, second = str(told.value).splitlines()
    assert first.startswith('data.classes: there is no folder "huose"')
    assert first.endswith('which has bird, house, tree; did you mean "house"?')
    assert second.endswith('did you mean "tree"?')
