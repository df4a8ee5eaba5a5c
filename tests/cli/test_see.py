"""What `layerscope see` says: of a network of the user's that fails, of what was refused."""

import json

import pytest
from PIL import Image

from layerscope.cli import main

NETS = """\
import torch
from torch import nn


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, images):
        scores = self.conv(images).mean((2, 3))
        return scores * 0, scores + torch.tensor([0.0, 9.0, 0.0, 0.0])


def smooth():
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.SiLU(), nn.Conv2d(4, 4, 3), nn.SiLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
    )


def plain():
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
    )


def fixed():
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 2))
"""


@pytest.fixture
def command(tmp_path, monkeypatch):
    """The arguments for the networks above, up to the function's name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets.py").write_text(NETS)
    (tmp_path / "images").mkdir()
    Image.linear_gradient("L").convert("RGB").save(tmp_path / "images" / "grey.png")
    return lambda function, *more: main(
        ["see", "--model", f"nets.py:{function}", "--images", "images", "--out", "seen", *more]
    )


def test_a_network_that_fails_ends_with_1_and_one_message(command, capsys):
    assert command("fixed", "--size", "16") == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("layerscope: the network failed on an input of shape (N, 3, 16, 16): ")
    assert "Traceback" not in err
    assert command("fixed", "--size", "8", "--mean", "nan,1,1") == 1
    assert "mean = (nan, 1.0, 1.0)" in capsys.readouterr().err


def test_an_output_is_named_by_its_index(command, tmp_path, capsys):
    assert command("Two", "--size", "16") == 1
    assert "pick one with output=" in capsys.readouterr().err
    assert command("Two", "--size", "16", "--output", "1") == 0
    document = json.loads((tmp_path / "seen" / "index.json").read_text())
    assert [example["predicted"] for example in document["examples"]] == ["1"]
    assert command("Two", "--size", "16", "--output", "logits") == 1


def test_what_was_asked_now_is_told_and_each_refusal_once(digits_run, capsys):
    command = ["see", str(digits_run), "--classes", "3,8", "--methods"]
    assert main([*command, "grad_cam", "--layers", "fc"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("no grad_cam at fc: ") == 1
    assert err.endswith("layerscope: there is no view for grad_cam, fc: the reasons stand above\n")
    assert main([*command, "grad_cam", "--layers", "fc,conv2"]) == 1
    assert "there is no view for fc: " in capsys.readouterr().err
    assert main([*command, "grad_cam", "--layers", "conv2"]) == 0
    out, err = capsys.readouterr()
    assert "the 2 views asked for are there" in out
    assert err == ""
    assert main([*command, "filters", "--layers", "fc"]) == 0


def test_a_network_of_the_users_must_give_what_was_named(command, capsys):
    assert command("Two", "--size", "16", "--output", "1", "--methods", "grad_cam,deconvnet") == 0
    capsys.readouterr()
    plain = ("smooth", "--size", "16", "--methods")
    assert command(*plain, "deconvnet,grad_cam", "--layers", "2") == 1
    assert "there is no view for deconvnet: the reasons" in capsys.readouterr().err
    assert command(*plain, "deconvnet,grad_cam", "--layers", "conv") == 0


def test_several_words_after_an_option_and_one_line_for_each_reason(command, tmp_path, capsys):
    methods = ["--methods", "grad_cam", "lrp", "selectivity", "linear_probe"]
    assert command("plain", "--size", "16", *methods, "--layers", "0", "2") == 1
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith("no selectivity at 0, 2: selectivity needs the labels of the data")
    assert told[1].startswith("no linear_probe at 0, 2: ")
    assert told[2].startswith("layerscope: there is no view for selectivity, linear_probe: ")
    assert len(told) == 3
    document = json.loads((tmp_path / "seen" / "index.json").read_text())
    seen = {(view["method"], view["layer"]) for view in document["views"]}
    layers = {("lrp", "input"), ("lrp", "0"), ("lrp", "2"), ("grad_cam", "0"), ("grad_cam", "2")}
    assert seen == layers
    pictures = sorted(path.stem for path in (tmp_path / "seen" / "pictures").iterdir())
    assert pictures == sorted(f"images-0-{method}-{layer}" for method, layer in layers)


def test_a_target_is_an_index_where_classes_have_no_names(command, tmp_path, capsys):
    asked = ("--size", "16", "--methods", "grad_cam", "--layers", "2")
    assert command("smooth", *asked, "--target", "1") == 0
    document = json.loads((tmp_path / "seen" / "index.json").read_text())
    assert [view["target"] for view in document["views"]] == [["1"]]
    assert command("smooth", *asked, "--target", "7") == 1
    assert "class indices run from 0 to 1" in capsys.readouterr().err


def test_the_folder_as_a_whole_is_drawn_as_sheets_and_plots(command, tmp_path):
    Image.linear_gradient("L").rotate(90).convert("RGB").save(tmp_path / "images" / "turned.png")
    Image.radial_gradient("L").convert("RGB").save(tmp_path / "images" / "round.png")
    methods = "embedding,zeiler_fergus,activation_maximization,filters"
    assert command("plain", "--size", "24", "--methods", methods, "--layers", "2") == 0
    pictures = {path.name for path in (tmp_path / "seen" / "pictures").iterdir()}
    assert pictures == {
        "embedding.png",
        "network-zeiler_fergus-2.png",
        "network-activation_maximization-2.png",
        "network-filters-0.png",
    }


@pytest.mark.parametrize("option", ["images", "out", "size", "mean", "std", "output"])
def test_beside_a_run_the_options_of_a_network_are_refused(option, capsys):
    assert main(["see", "somewhere", f"--{option}", "1"]) == 2
    assert f"--{option} goes with --model" in capsys.readouterr().err.replace("\n", " ")
