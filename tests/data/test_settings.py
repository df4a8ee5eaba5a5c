"""The [data] section: defaults of each kind, places, and mistakes told with what is allowed."""

import pytest
from pydantic import ValidationError

from layerscope import LayerscopeError, Study
from layerscope.data import DataSettings


def told(tmp_path, section):
    """Give the message that a study with this [data] section is refused with."""
    path = tmp_path / "study.toml"
    path.write_text(f'[data]\n{section}\n[model]\npreset = "study-2d"\n', encoding="utf-8")
    with pytest.raises(LayerscopeError) as refusal:
        Study.load(path)
    return str(refusal.value)


@pytest.mark.parametrize(
    ("section", "parts"),
    [
        ('kind = "photo"', ["line 2, data.kind", '"photo"', "photos", "mnist", "digits"]),
        ('root = "x"\nblance = "none"', ["line 3, data.blance", "did you mean balance"]),
        ('root = "x"\nbalance = "over"', ["data.balance", '"over"', "oversample", "weighted"]),
        ('root = "x"\nnormalize = 3', ["data.normalize", "3", "channel", "imagenet", "none"]),
        ('root = "x"\nsize = 7', ["data.size = 7", "8"]),
        ('root = "x"\nsize = 5000', ["data.size = 5000", "4096"]),
        ('root = "x"\nseed = -1', ["data.seed = -1", "0"]),
        ('root = "x"\nval_fraction = 1.0', ["data.val_fraction = 1.0", "less than 1"]),
        ('root = "x"\nmax_pixels = 1000000000', ["data.max_pixels", "178956970"]),
        ('root = "x"\nclasses = "cat"', ["data.classes", '"cat"', "a list of folders, or a table"]),
        ('root = "x"\nclasses = ["a", "b", "a"]', ["data.classes", "a stands there twice"]),
        ('root = "x"\nclasses = ["a", "/b"]', ["data.classes", '"/b"', "inside data.root"]),
        ('root = "x"\nval = "v"', ["val is named but train is not"]),
        ('root = "x"\ntrain = "t"\nval = "t/"', ["must be different folders", "t, t/"]),
        ('root = "x"\ntrain = "t"\nval = "v"\nval_fraction = 0.1', ["both given"]),
        ('root = ""', ["data.root"]),
        ('kind = "photos"', ["root is missing", "the folder that holds the photographs"]),
        ('kind = "mnist"', ["root is missing", "the four idx files"]),
        ('kind = "mnist"\nroot = "x"\nsize = 32', ["size = 32", "28 x 28"]),
        ('kind = "digits"\nroot = "x"', ["root", "leave root out"]),
        ('kind = "digits"\nclasses = ["1", "7"]', ["classes", "digits has its own, leave it out"]),
        ('kind = "digits"\nnormalize = "imagenet"', ["colour photographs"]),
    ],
)
def test_a_mistake_names_the_key_what_was_given_and_what_is_allowed(tmp_path, section, parts):
    message = told(tmp_path, section)
    for part in parts:
        assert part in message
    assert "pydantic" not in message


def test_every_mistake_is_told_at_once(tmp_path):
    message = told(tmp_path, 'root = "x"\nsize = 1\nseed = -1\nbalanc = "none"')
    assert "3 mistakes" in message
    assert all(f"data.{key}" in message for key in ("size", "seed", "balanc"))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"root": "x"}, (172, 0.2, 0)),
        ({"root": "x", "train": "t"}, (172, 0.2, 0)),
        ({"root": "x", "train": "t", "val": "v", "test": "u"}, (172, 0, 0)),
        ({"root": "x", "train": "t", "test": "u"}, (172, 0.2, 0)),
        ({"root": "x", "kind": "mnist"}, (28, 1 / 3, 0)),
        ({"kind": "digits"}, (28, 0.2, 0.2)),
        ({"kind": "digits", "size": 16, "val_fraction": 0.1}, (16, 0.1, 0.2)),
    ],
)
def test_defaults_fit_the_kind_and_what_is_named(given, expected):
    settings = DataSettings(**given)
    assert (settings.size, settings.val_fraction, settings.test_fraction) == expected
    assert DataSettings(**settings.model_dump()) == settings


def test_settings_do_not_change():
    settings = DataSettings(kind="digits")
    with pytest.raises(ValidationError, match="frozen"):
        settings.seed = 1


def test_a_root_is_found_by_variables_and_home(tmp_path, monkeypatch):
    (tmp_path / "photos").mkdir()
    monkeypatch.setenv("PHOTOS_HERE", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    for root in ("$PHOTOS_HERE/photos", "${PHOTOS_HERE}/photos", "~/photos"):
        assert DataSettings(root=root).folder() == tmp_path / "photos"


def test_a_missing_root_is_told_with_the_nearest_folder(tmp_path):
    (tmp_path / "photos6").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(LayerscopeError, match=r'photo6 is no folder; did you mean "photos6"\?'):
        DataSettings(root=str(tmp_path / "photo6")).folder()
    with pytest.raises(LayerscopeError, match="file is a file, not a folder"):
        DataSettings(root=str(tmp_path / "file")).folder()
    with pytest.raises(LayerscopeError, match=r"there is no .*far either"):
        DataSettings(root=str(tmp_path / "far" / "photos")).folder()
