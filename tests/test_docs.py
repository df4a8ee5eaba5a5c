"""The documents say what the program does."""

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def _run_file(path: Path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_key_of_a_study_is_described_as_it_is():
    keys = _run_file(ROOT / "docs" / "study_keys.py")
    told = keys.PAGE.read_text(encoding="utf-8")
    assert told == keys.page(), "run `python docs/study_keys.py`"


def test_each_dependency_has_its_line():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    told = (ROOT / "docs" / "dependencies.md").read_text()
    for requirement in project["dependencies"]:
        name = re.match(r"[\w-]+", requirement)[0]
        assert re.search(rf"^\| {name} \|", told, re.MULTILINE), name
    for requirement in project["optional-dependencies"]["dev"]:
        assert re.match(r"[\w-]+", requirement)[0] in told


def test_each_pinned_version_satisfies_the_project():
    from packaging.requirements import Requirement

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, version = line.split("==")
            pins[name.lower().replace("_", "-")] = version
    for text in [*project["dependencies"], *project["optional-dependencies"]["dev"]]:
        requirement = Requirement(text)
        assert requirement.specifier.contains(pins[requirement.name.lower()]), text


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/run.md"])
def test_the_pages_name_files_that_are_there(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    named = re.findall(r"\]\(([\w/.]+)\)|`((?:src|docs|examples|tests)/[\w/.]+\.\w+)`", text)
    for link, path in named:
        if "NAME" not in path:
            assert (ROOT / (link or path)).is_file(), link or path
