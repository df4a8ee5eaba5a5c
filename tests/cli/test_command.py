"""The command line itself: help, exit statuses, one message for a mistake, stdout kept clean."""

import json
import re
import subprocess
import sys

import pytest

from layerscope import LayerscopeError, __version__
from layerscope.cli import VERBS, main


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_has_help_with_an_example_that_names_real_options(verb, capsys):
    assert main([verb, "--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    example = VERBS[verb].EXAMPLE
    assert f"Example: {example}" in told
    assert example.startswith(f"layerscope {verb}")
    options = set(re.findall(r"--[a-z-]+", told.split("Example:")[0]))
    assert set(re.findall(r"--[a-z-]+", example)) <= options


def test_the_list_of_verbs(capsys):
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(re.search(rf"^  {verb} +\w.*\.$", told, re.MULTILINE) for verb in VERBS)
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"{__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["train"],
        ["train", "a.toml", "b.toml"],
        ["evaluate", "run", "--nonsense"],
        ["see"],
        ["see", "run", "--model", "a.py:f"],
        ["see", "--model", "a.py:f"],
        ["see", "run", "--output", "0"],
        ["see", "--model", "a.py:f", "--images", ".", "--mean", "a,b"],
        ["see", "--model", "a.py:f", "--images", ".", "--size", "0"],
        ["see", "--model", "a.py:f", "--images", ".", "--classes", "cat"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2(arguments, capsys):
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Usage: layerscope" in err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["data", "absent.toml"], "there is no study file absent.toml"),
        (["train", "absent.toml"], "there is no study file absent.toml"),
        (["evaluate", "absent"], "there is no run folder absent"),
        (["see", "absent"], "there is no run folder absent"),
        (["report", "absent"], "there is no run folder absent"),
        (["see", "--model", "absent.py:f", "--images", "."], "there is no file absent.py"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_users_mistake_ends_with_1_and_one_message(
    arguments, told, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"layerscope: {told}")
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_cannot_be_written_is_told_in_one_line(monkeypatch, capsys):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "runs/a")

    monkeypatch.setattr("layerscope.run.Run.open", full)
    assert main(["report", "runs/a"]) == 1
    assert capsys.readouterr().err == ("layerscope: [Errno 28] No space left on device: 'runs/a'\n")


def test_a_fault_of_ours_keeps_its_traceback(monkeypatch):
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("layerscope.run.Run.open", broken)
    with pytest.raises(ZeroDivisionError):
        main(["report", "runs/a"])
    assert not issubclass(ZeroDivisionError, LayerscopeError)


def test_the_module_runs_as_the_command_and_stdout_is_one_document():
    done = subprocess.run(
        [sys.executable, "-m", "layerscope", "methods", "--json"], capture_output=True, text=True
    )
    assert done.returncode == 0
    listed = json.loads(done.stdout)
    assert {"feature_maps", "filters", "deconvnet", "grad_cam"} <= {each["name"] for each in listed}
    for each in listed:
        assert list(each) == ["name", "paper", "needs", "axes", "signed", "axioms"]


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from layerscope.cli import main; main(['--help']);"
        "sys.exit(bool({'torch', 'numpy', 'pydantic', 'matplotlib'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_methods_as_a_table(capsys):
    assert main(["methods"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["name", "paper", "needs", "axes", "signed", "axioms"]
    assert any(line.startswith("deconvnet ") and "Zeiler" in line for line in lines)
