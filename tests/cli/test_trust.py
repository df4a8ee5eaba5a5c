"""`layerscope trust`: what it writes, what it keeps when it is stopped, and what it refuses."""

import json
from pathlib import Path

import pytest

from layerscope.cli import main
from layerscope.run import Run
from layerscope.storage import read_csv
from layerscope.trust import judge
from layerscope.trust.of_run import trust_run

FEW = "saliency,grad_cam,guided_backprop"


def test_a_verdict_is_written_and_read_again(
    digits_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["trust", str(digits_run), "--methods", FEW, "--quick", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    names = [row["method"] for row in found["rows"]]
    assert names == [*FEW.split(","), "random", "edges", "centre"]
    for row in found["rows"][:3]:
        assert row["level"] in ("pass", "care", "fail")
        assert set(row["answers"]) == {"weights", "faithful", "located", "steady"}
        assert set(row["gaps"]) == {"mean", "blur", "imputation", "other"}
    assert [row["level"] for row in found["rows"][3:]] == ["baseline"] * 3
    table = read_csv(digits_run / "trust" / "verdict.csv")
    assert [row["method"] for row in table] == names
    parts = digits_run / "trust" / "parts"
    assert (parts / "evidence-blur-grad_cam.npz").is_file()


def test_what_was_finished_before_ctrl_c_is_kept(
    digits_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = judge._faithful
    made: list[str] = []

    def stopped(asked, given, each, way, count):  # type: ignore[no-untyped-def]
        make = whole(asked, given, each, way, count)

        def one():  # type: ignore[no-untyped-def]
            if len(made) == 3:
                raise KeyboardInterrupt
            made.append(way)
            return make()

        return one

    run = Run.open(digits_run)
    monkeypatch.setattr(judge, "_faithful", stopped)
    with pytest.raises(KeyboardInterrupt):
        trust_run(run, methods=["saliency"], quick=True)
    parts = digits_run / "trust" / "parts"
    kept = {file.name: file.stat().st_mtime_ns for file in parts.glob("*.npz")}
    assert len([name for name in kept if name.startswith("evidence")]) == 3
    monkeypatch.setattr(judge, "_faithful", whole)
    again = trust_run(run, methods=["saliency"], quick=True)
    assert kept.items() <= {f.name: f.stat().st_mtime_ns for f in parts.glob("*.npz")}.items()
    assert trust_run(run, methods=["saliency"], quick=True) == again
    assert trust_run(run, methods=["lrp"], quick=True)["rows"][0]["method"] == "lrp"


def test_mistakes_are_told(digits_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trust", str(digits_run), "--methods", "salency"]) == 1
    assert "did you mean 'saliency'" in capsys.readouterr().err
    assert main(["trust", str(digits_run), "--methods", "filters"]) == 1
    assert "maps no target" in capsys.readouterr().err
    assert main(["trust", str(digits_run.parent / "none")]) == 1
    assert main(["trust"]) == 2
