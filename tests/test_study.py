"""The study file: what is written loads back equal; each mistake is told with key and remedy."""

import re
from pathlib import Path

import pytest

from layerscope import LayerscopeError, Study
from layerscope.data.settings import DataSettings
from layerscope.nets.settings import ModelSettings
from layerscope.seeing import ViewsSettings
from layerscope.training.settings import AugmentSettings, TrainingSettings

EXAMPLES = [
    path
    for path in sorted((Path(__file__).parent.parent / "examples").glob("*.toml"))
    if "[data]" in path.read_text(encoding="utf-8")  # the others compare with brains
]
DIGITS = '[data]\nkind = "digits"\n[model]\npreset = "study-mnist"\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "study.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_shipped_examples_load_and_save_back_equal(path, tmp_path):
    study = Study.load(path)
    study.save(tmp_path / "again.toml")
    assert Study.load(tmp_path / "again.toml") == study
    assert study.name == path.stem


def test_a_study_made_in_python_saves_and_loads_back_equal(tmp_path):
    study = Study(
        name='odd "name" \\ ü',
        data=DataSettings(
            kind="photos", root=str(tmp_path), classes={"bird": ["a b", "ü"], "cat": ["c"]}
        ),
        model=ModelSettings(blocks=7, channels=64, dropout=0.75),
        training=TrainingSettings(
            learning_rate=1e-5, augment=AugmentSettings(crop=(0.35, 1.0), flip=0.5)
        ),
        views=ViewsSettings(methods=("grad_cam",), layers=("conv1", "conv6"), classes=("cat",)),
    )
    study.save(tmp_path / "study.toml")
    assert Study.load(tmp_path / "study.toml") == study


def test_a_relative_root_given_in_python_is_the_working_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = Study(data=DataSettings(root="photos"), model=ModelSettings())
    study.save(tmp_path / "run" / "study.toml")
    monkeypatch.chdir("/")
    loaded = Study.load(tmp_path / "run" / "study.toml")
    assert loaded.data.root == str(tmp_path / "photos")
    assert loaded.model_copy(update={"name": study.name}) == study


def test_the_name_is_the_files_unless_given(tmp_path):
    assert Study.load(written(tmp_path, DIGITS).rename(tmp_path / "six.toml")).name == "six"
    assert Study.load(written(tmp_path, 'name = "mine"\n' + DIGITS)).name == "mine"


def test_paths_are_relative_to_the_study_file(tmp_path, monkeypatch):
    (tmp_path / "photos").mkdir()
    path = written(tmp_path, '[data]\nroot = "photos"\n[model]\npreset = "study-2d"\n')
    monkeypatch.chdir("/")
    assert Study.load(path).data.folder() == (tmp_path / "photos").resolve()


MISTAKES = {
    "a name that is no folder's": (
        'name = "../up"\n' + DIGITS,
        'line 1, name = "../up": it names the run\'s folder: no empty name, no / in it',
    ),
    "unknown key": (
        DIGITS.replace("kind", "seeed = 1\nkind"),
        "line 2, data.seeed: there is no such key; did you mean seed? known here: kind, root,",
    ),
    "unknown section": (
        DIGITS + "[trainings]\nepochs = 1\n",
        "line 5, trainings: there is no such key; did you mean training? known here: name, data,",
    ),
    "unknown nested key": (
        DIGITS + "[training.augment]\nflipp = 0.5\n",
        "line 6, training.augment.flipp: there is no such key; did you mean flip?",
    ),
    "not one of the words": (
        DIGITS.replace("study-mnist", "study-mnits"),
        "line 4, model.preset = \"study-mnits\": it should be 'study-2d', 'study-1d', "
        "'study-mnist', 'shallow-eeg', 'deep-eeg' or 'eegnet'; did you mean 'study-mnist'?",
    ),
    "out of range": (
        DIGITS + "[training]\nepochs = 0\n",
        "line 6, training.epochs = 0: it should be greater than or equal to 1",
    ),
    "wrong type": (
        DIGITS + '[training]\nepochs = "many"\n',
        'line 6, training.epochs = "many": it should be a whole number',
    ),
    "a fraction": (
        DIGITS + "[training]\nepochs = 1.5\n",
        "line 6, training.epochs = 1.5: it should be a whole number",
    ),
    "no number": (
        DIGITS + '[training]\nema = "x"\n',
        'line 6, training.ema = "x": it should be a number',
    ),
    "no text": (
        DIGITS.replace("[data]", "name = 3\n[data]"),
        "line 1, name = 3: it should be text",
    ),
    "no list": (
        DIGITS + '[views]\nmethods = "grad_cam"\n',
        'line 6, views.methods = "grad_cam": it should be a list, as in ["grad_cam"]',
    ),
    "neither text nor a list": (
        DIGITS + "[views]\nlayers = 3\n",
        'line 6, views.layers = 3: it should be text, in quotes "", or a list',
    ),
    "a list of something else": (
        DIGITS + "[views]\nlayers = [1]\n",
        'study.toml, line 6, views.layers.0 = 1: it should be text, in quotes ""',
    ),
    "no table": (
        "data = 3\n[model]\n",
        "line 1, data = 3: it should be a table: [data]",
    ),
    "no nested table": (
        DIGITS + "[training]\naugment = 3\n",
        "line 6, training.augment = 3: it should be a table: [training.augment]",
    ),
    "too long a list": (
        DIGITS + "[training.augment]\ncrop = [0.3, 0.4, 0.5]\n",
        "line 6, training.augment.crop = [0.3, 0.4, 0.5]: it should be a list of 2 at most",
    ),
    "too short a list": (
        DIGITS + "[training.augment]\ncrop = [0.3]\n",
        "line 6, training.augment.crop.1: missing, and the list is too short",
    ),
    "unknown method": (
        DIGITS + '[views]\nmethods = ["grad_cma"]\n',
        "line 6, views.methods = [\"grad_cma\"]: no method 'grad_cma': did you mean 'grad_cam'?",
    ),
    "missing section": ('[data]\nkind = "digits"\n', "model: missing, and it has no default"),
    "missing root": (
        '[data]\nkind = "photos"\n[model]\npreset = "study-2d"\n',
        "line 1, data: root is missing: the folder that holds the photographs",
    ),
    "syntax": (
        '[data\nkind = "digits"\n',
        "is not valid TOML: Expected ']' at the end of a table declaration (at line 1, column 6)"
        ": [data",
    ),
    "key given twice": (
        DIGITS + 'preset = "study-2d"\n',
        'is not valid TOML: Cannot overwrite a value (at line 5, column 20): preset = "study-2d"',
    ),
}


@pytest.mark.parametrize("kind", MISTAKES)
def test_each_mistake_is_told(kind, tmp_path):
    text, told = MISTAKES[kind]
    path = written(tmp_path, text)
    with pytest.raises(LayerscopeError, match=re.escape(told)) as caught:
        Study.load(path)
    assert str(path) in str(caught.value)
    assert not re.search(r"pydantic|valid (tuple|dict|string|integer)|unable", str(caught.value))


def test_several_mistakes_are_told_in_one_message(tmp_path):
    path = written(tmp_path, DIGITS + "[training]\nepochs = 0\nbatch = 3\n")
    with pytest.raises(LayerscopeError) as caught:
        Study.load(path)
    lines = str(caught.value).splitlines()
    assert lines[0].endswith("has 2 mistakes:")
    assert [line.split(":")[0].strip() for line in lines[1:]] == [
        "line 6, training.epochs = 0",
        "line 7, training.batch",
    ]


def test_a_file_that_is_not_there_or_not_text(tmp_path):
    written(tmp_path, DIGITS)
    with pytest.raises(LayerscopeError, match=r"did you mean .*study\.toml"):
        Study.load(tmp_path / "stduy.toml")
    with pytest.raises(LayerscopeError, match="is a folder"):
        Study.load(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"\n')
    with pytest.raises(LayerscopeError, match="is not UTF-8 text"):
        Study.load(tmp_path / "latin.toml")


def test_windows_text_is_read(tmp_path):
    path = tmp_path / "study.toml"
    path.write_bytes(b"\xef\xbb\xbf" + DIGITS.replace("\n", "\r\n").encode())
    assert Study.load(path).data.kind == "digits"
