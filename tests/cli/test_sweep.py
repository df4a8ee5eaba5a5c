"""The sweep's command: one document on stdout, one message for a mistake, lines on stderr."""

import json

from layerscope import Study
from layerscope.cli import main
from layerscope.cli.live import summary
from layerscope.training.sweep.board import Running, Snapshot
from layerscope.training.sweep.folder import State
from layerscope.training.sweep.trials import trials_of

SWEEP = """
[sweep.grid]
"model.blocks" = [1, 2]
"""


def with_sweep(digits_study):
    text = digits_study.read_text().replace("epochs = 2", "epochs = 1\nthreads = 1")
    digits_study.write_text(text + SWEEP)
    return digits_study


def test_the_sweep_prints_one_document_or_the_tables(digits_study, tmp_path, capsys):
    study, out = with_sweep(digits_study), str(tmp_path / "sweep")
    assert main(["sweep", str(study), "--out", out, "--jobs", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["state"] for row in found["trials"]] == ["finished"] * 2
    assert found["choice"]["chosen"] in (0, 1)
    assert main(["sweep", str(study), "--out", out]) == 0  # nothing is left to do
    said = capsys.readouterr().out
    assert found["sentence"] in said
    assert "parameters" in said
    assert (tmp_path / "sweep" / "sweep.md").is_file()
    run = found["trials"][0]["run"]
    assert main(["evaluate", f"{out}/{run}", "--split", "val", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["balanced_accuracy"] == found["trials"][0]["val_balanced_accuracy"]


def test_mistakes_end_with_1_and_one_message(digits_study, tmp_path, capsys):
    assert main(["sweep", str(digits_study), "--out", str(tmp_path / "a")]) == 1
    assert "has no [sweep] section" in capsys.readouterr().err
    study = with_sweep(digits_study)
    assert main(["sweep", str(study), "--out", str(tmp_path / "a"), "--engine", "spark"]) == 1
    assert capsys.readouterr().err == 'layerscope: engine = "spark": it should be local\n'
    assert not (tmp_path / "a").exists()


def test_a_line_says_how_a_sweep_stands(digits_study):
    one, two = trials_of(Study.load(with_sweep(digits_study)))
    running = Running(two, None, since=0.0, done=30, total=120)
    states = (State(one, "finished", figures={"balanced_accuracy": 0.9}), State(two, "begun"))
    said = summary(Snapshot(states, (running,), frozenset(), elapsed=60.0, left=75.0))
    assert said == ("sweep: 1 of 2 trials finished, 001-blocks2-seed0 25 %, best 0.9000, 1:15 left")
