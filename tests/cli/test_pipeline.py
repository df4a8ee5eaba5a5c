"""The verbs one after the other, on digits: what each prints, writes and leaves alone."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from layerscope import Run, Study
from layerscope.cli import main
from layerscope.data import prepare


@pytest.fixture
def digit_folders(digits_run, tmp_path):
    """The run's test digits as PNG files in class folders, one file being damaged."""
    test = prepare(Run.open(digits_run).study.data)["test"]
    folder = tmp_path / "new"
    for place, label in enumerate(test.labels):
        (folder / str(label)).mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(test.batch([place])[0, 0].numpy())
        image.save(folder / str(label) / f"{place:04d}.png")
    (folder / "3" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return folder


def listing(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_data_counts(digits_study, capsys):
    assert main(["data", str(digits_study), "--json"]) == 0
    counted = json.loads(capsys.readouterr().out)
    assert counted["rows"][-1]["class"] == "all"
    assert sum(counted["rows"][-1][split] for split in ("train", "val", "test")) == 1797
    assert main(["data", str(digits_study)]) == 0
    assert "largest class to smallest" in capsys.readouterr().out


def test_evaluate_prints_one_document(digits_run, capsys):
    assert main(["evaluate", str(digits_run), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    for key in ("accuracy", "balanced_accuracy", "macro_f1", "per_class", "confusion", "n"):
        assert key in told
    assert told["skipped"] == 0
    with open(digits_run / "predictions.csv", newline="") as file:
        said = {row["id"]: row["true"] == row["predicted"] for row in csv.DictReader(file)}
    with open(digits_run / "data.csv", newline="") as file:
        test = [said[row["id"]] for row in csv.DictReader(file) if row["split"] == "test"]
    assert told["accuracy"] == pytest.approx(np.mean(test))
    assert told["n"] == len(test)


def test_evaluate_on_new_data_writes_nothing_and_agrees(digits_run, digit_folders, capsys):
    before = listing(digit_folders), listing(digits_run)
    assert main(["evaluate", str(digits_run), "--data", str(digit_folders), "--json"]) == 0
    new = json.loads(capsys.readouterr().out)
    assert (listing(digit_folders), listing(digits_run)) == before
    assert main(["evaluate", str(digits_run), "--split", "test", "--json"]) == 0
    own = json.loads(capsys.readouterr().out)
    assert new["confusion"] == own["confusion"]
    assert (new["skipped"], own["skipped"]) == (1, 0)


def test_evaluate_names_the_files_that_are_in_no_figure(digits_run, digit_folders, capsys):
    (digit_folders / "cats").mkdir()
    for number in range(20):
        (digit_folders / "cats" / f"{number:02d}.png").write_bytes(b"meow")
    command = ["evaluate", str(digits_run), "--data", str(digit_folders)]
    assert main(command) == 0
    out, err = capsys.readouterr()
    assert "(1 more could not be read, 20 lie in no class's folder)" in out
    lines = err.splitlines()
    assert lines[0].startswith(f"refused {digit_folders}/3/broken.png: ")
    assert lines[1:20] == [
        f"refused {digit_folders}/cats/{number:02d}.png: cats is no folder of a class"
        for number in range(19)
    ]
    assert lines[20:] == ["refused 1 more, all named by --json"]
    assert main([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    names = [each["id"] for each in told["refused"]]
    assert told["skipped"] == len(names) == 21
    assert names[0] == "3/broken.png"
    assert all(each["reason"] for each in told["refused"])


def test_evaluate_on_folders_that_do_not_fit(digits_run, tmp_path, capsys):
    (tmp_path / "new" / "cat").mkdir(parents=True)
    assert main(["evaluate", str(digits_run), "--data", str(tmp_path / "new")]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "cat" in err
    assert main(["evaluate", str(digits_run), "--data", str(tmp_path), "--split", "val"]) == 1


def test_a_finished_training_is_not_repeated(digits_run, digits_study, capsys):
    before = listing(digits_run)
    assert main(["train", str(digits_study), "--out", str(digits_run)]) == 0
    out, err = capsys.readouterr()
    assert "training is finished" in err
    assert "balanced accuracy" in out
    before.pop(str(digits_run / ".lock"), None)
    after = listing(digits_run)
    after.pop(str(digits_run / ".lock"), None)
    assert after == before


def test_an_unfinished_training_needs_resume_and_ends_the_same(digits_run, digits_study, capsys):
    run = Run(digits_run)
    digest, predictions = run.weights_digest(), run.predictions_file.read_bytes()
    facts = run.provenance()
    facts.pop("finished")
    run.provenance_file.write_text(json.dumps({**facts, "data_fingerprint": "another"}))
    run.predictions_file.unlink()
    assert main(["train", str(digits_study), "--out", str(digits_run), "--resume"]) == 1
    assert "the data have changed since" in capsys.readouterr().err
    run.provenance_file.write_text(json.dumps(facts))
    assert main(["train", str(digits_study), "--out", str(digits_run)]) == 1
    assert "continue it with --resume" in capsys.readouterr().err
    assert main(["train", str(digits_study), "--out", str(digits_run), "--resume"]) == 0
    assert run.weights_digest() == digest
    assert run.predictions_file.read_bytes() == predictions


def test_a_second_training_is_refused(digits_study, tmp_path, capsys):
    run = Run.create(tmp_path / "run", Study.load(digits_study))
    with run.locked():
        assert main(["train", str(digits_study), "--out", str(run.path)]) == 1
    assert "another process works in" in capsys.readouterr().err
    assert not run.model_file.exists()


@pytest.mark.parametrize(
    ("views", "told"),
    [
        ('layers = "konv"', "[views] in the study: no layer 'konv'"),
        ('classes = ["3", "eleven"]', "[views] in the study: classes: eleven is none of"),
    ],
)
def test_views_that_cannot_be_are_told_before_training(views, told, digits_study, capsys, tmp_path):
    text = digits_study.read_text().replace("[views]", f"[views]\n{views}")
    digits_study.write_text(text)
    assert main(["train", str(digits_study), "--out", str(tmp_path / "run")]) == 1
    assert told in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_see_and_report(digits_run, capsys):
    command = ["see", str(digits_run), "--methods", "grad_cam,deconvnet", "--layers", "conv1,conv3"]
    assert main([*command, "--classes", "3", "--classes", "8"]) == 0
    assert "views made" in capsys.readouterr().out
    assert main([*command, "--classes", "3,8"]) == 0
    assert "nothing to do" in capsys.readouterr().out
    document = json.loads((digits_run / "views" / "index.json").read_text())
    assert {example["true"] for example in document["examples"]} == {"3", "8"}
    of = {(view["method"], view["layer"]) for view in document["views"]}
    layers = {
        (method, layer) for method in ("grad_cam", "deconvnet") for layer in ("conv1", "conv3")
    }
    assert of == layers | {("deconvnet", "input")}  # the class too, carried down
    assert main(["report", str(digits_run)]) == 0
    page = Path(capsys.readouterr().out.strip())
    assert page == digits_run / "report" / "index.html"
    assert "<html" in page.read_text(encoding="utf-8")


def test_see_a_network_of_the_users(tmp_path, digit_folders, capsys):
    (tmp_path / "nets.py").write_text(
        "from layerscope.nets import study_mnist\n\n"
        "def build():\n    return study_mnist(channels=4)\n"
    )
    command = ["see", "--model", f"{tmp_path}/nets.py:build", "--images", f"{digit_folders}/3"]
    units = ["--size", "28", "--mean", "0.5", "--std", "0.5", "--out", f"{tmp_path}/seen"]
    assert main([*command, *units]) == 0
    out, err = capsys.readouterr()
    assert "broken.png" in err
    assert f"{tmp_path}/seen/index.json" in out
    document = json.loads((tmp_path / "seen" / "index.json").read_text())
    pictures = sorted((tmp_path / "seen" / "pictures").glob("*.png"))
    assert len(pictures) == len(document["views"])
    for path in pictures:
        with Image.open(path) as picture:
            assert (
                len(np.unique(np.asarray(picture).reshape(-1, len(picture.getbands())), axis=0)) > 1
            )


def test_demo_goes_the_whole_way(tmp_path, digits_study, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("layerscope.cli.demo.demo_study", lambda: Study.load(digits_study))
    (tmp_path / "runs" / "demo").mkdir(parents=True)
    assert main(["demo"]) == 0
    page, run = capsys.readouterr().out.splitlines()[-2:]
    assert page.split() == ["page", str(tmp_path / "runs" / "demo-2" / "report" / "index.html")]
    assert run.split() == ["run", str(tmp_path / "runs" / "demo-2")]
    assert Path(page.split()[1]).is_file()


def test_the_demos_own_study_is_small():
    from layerscope.cli.demo import demo_study

    study = demo_study()
    assert (study.name, study.data.kind, study.model.preset) == ("demo", "digits", "study-mnist")
