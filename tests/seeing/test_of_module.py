"""Any module of the user's on a folder of images, as files lie there."""

import json
import os

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_images
from torch import nn

from layerscope import LayerscopeError, View
from layerscope.seeing import ViewsSettings
from layerscope.seeing.of_module import see_module

MEAN = STD = (0.5, 0.5, 0.5)


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    (folder / "inside").mkdir(parents=True)
    china, flower = load_sample_images().images
    Image.fromarray(china).save(folder / "china.jpg")
    Image.fromarray(flower).save(folder / "inside" / "flower.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut off")
    (folder / ".hidden.jpg").write_bytes(b"")
    os.chmod(folder, 0o555)
    yield folder
    os.chmod(folder, 0o755)


def network(activation=nn.ReLU):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 6, 5, stride=2),
        activation(),
        nn.Conv2d(6, 8, 3),
        activation(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 4),
    )


def test_each_readable_image_is_seen_and_the_rest_named(images, tmp_path):
    net = network()
    seen = see_module(
        net, images, tmp_path / "out", ViewsSettings(batch=1), size=48, mean=MEAN, std=STD
    )
    document = json.loads((tmp_path / "out" / "index.json").read_text())
    names = [os.path.relpath(example["id"], images) for example in document["examples"]]
    assert names == ["china.jpg", "inside/flower.png"]
    assert list(seen.skipped) == [str(images / "broken.jpg")]
    assert {(entry["method"], entry["layer"]) for entry in document["views"]} == {
        *(("feature_maps", layer) for layer in "02"),
        *(("deconvnet", layer) for layer in ("0", "2", "input")),
        *(("grad_cam", layer) for layer in "02"),
        *(("lrp", layer) for layer in ("0", "2", "input")),
        ("filters", "0"),
    }
    assert net.training


def test_the_network_is_shown_the_images_in_its_units(images, tmp_path):
    net = network()
    see_module(net, images, tmp_path / "out", ViewsSettings(), size=48, mean=MEAN, std=STD)
    document = json.loads((tmp_path / "out" / "index.json").read_text())
    shown = []
    for example in document["examples"]:
        with (
            Image.open(tmp_path / "out" / example["image"]) as image,
            Image.open(example["id"]) as whole,
        ):
            shown.append(np.asarray(image))
            square = whole.crop((106, 0, 106 + 427, 427)).resize(
                (48, 48), Image.Resampling.BILINEAR
            )
        assert np.abs(shown[-1].astype(int) - np.asarray(square)).mean() < 6
    pixels = torch.from_numpy(np.stack(shown))
    logits = net.eval()((pixels.permute(0, 3, 1, 2) / 255 - 0.5) / 0.5)
    said = [example["predicted"] for example in document["examples"]]
    assert said == [str(label) for label in logits.argmax(1).tolist()]
    filters = next(entry for entry in document["views"] if entry["method"] == "filters")
    stored = View.load(tmp_path / "out" / filters["file"])
    np.testing.assert_allclose(stored.values, net[0].weight.detach(), rtol=1e-3)


def test_what_a_method_refuses_is_said_and_the_rest_is_made(images, tmp_path):
    seen = see_module(
        network(nn.SiLU), images, tmp_path / "out", ViewsSettings(), size=48, mean=MEAN, std=STD
    )
    document = seen.index.document
    refused = {(each["method"], each["layer"]) for each in document["refused"]}
    assert ("deconvnet", "2") in refused
    assert {entry["method"] for entry in document["views"]} >= {"grad_cam", "feature_maps"}
    assert all(each["reason"] for each in document["refused"])


def test_grey_networks_get_grey_images(images, tmp_path):
    net = nn.Sequential(nn.Conv2d(1, 4, 5), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))
    net(torch.zeros(1, 1, 32, 32))
    seen = see_module(
        net, images, tmp_path / "out", ViewsSettings(), size=32, mean=(0.5,), std=(0.5,)
    )
    with Image.open(tmp_path / "out" / seen.index.document["examples"][0]["image"]) as image:
        assert image.mode == "L"


def test_folders_that_cannot_serve(images, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    options = {"settings": ViewsSettings(), "size": 48}
    with pytest.raises(LayerscopeError, match="holds no image that can be read"):
        see_module(network(), tmp_path / "empty", tmp_path / "out", **options)
    with pytest.raises(LayerscopeError, match="there is no such folder"):
        see_module(network(), tmp_path / "absent", tmp_path / "out", **options)
    with pytest.raises(LayerscopeError, match="is there already and holds no views"):
        see_module(network(), images, tmp_path / "mine", **options)
    with pytest.raises(LayerscopeError, match="mean has 2 values"):
        see_module(network(), images, tmp_path / "out", mean=(0.5, 0.5), std=(1, 1), **options)


def test_seeing_again_replaces_the_views_and_nothing_else(images, tmp_path):
    options = {"size": 48, "mean": MEAN, "std": STD}
    see_module(network(), images, tmp_path / "out", ViewsSettings(), **options)
    (tmp_path / "out" / "notes.txt").write_text("mine")
    only = ViewsSettings(methods=("grad_cam",))
    seen = see_module(network(), images, tmp_path / "out", only, **options)
    files = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.npz")}
    assert files == {entry["file"] for entry in seen.index.document["views"]}
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"


class Fails(nn.Module):
    def forward(self, images):
        raise RuntimeError("first line\nthe reason")


@pytest.mark.parametrize(
    ("net", "told"),
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 2)), "RuntimeError: mat1 and mat2"),
        (nn.Sequential(nn.Conv2d(1, 4, 3)), "expected input"),
        (Fails(), "RuntimeError: the reason; see"),
    ],
    ids=["size", "channels", "fails"],
)
def test_a_network_that_fails_is_told_with_the_shape_of_its_input(net, told, images, tmp_path):
    with pytest.raises(LayerscopeError) as caught:
        see_module(net, images, tmp_path / "out", ViewsSettings(), size=48, mean=MEAN, std=STD)
    said = str(caught.value)
    assert said.startswith("the network failed on an input of shape (N, 3, 48, 48): ")
    assert told in said
    assert said.endswith("; see --size, --mean and --std")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("mean", "std"), [((float("nan"), 0, 0), STD), (MEAN, (1, 1, np.inf))])
def test_units_are_finite(mean, std, images, tmp_path):
    with pytest.raises(LayerscopeError, match="must be a finite number"):
        see_module(network(), images, tmp_path / "out", ViewsSettings(), mean=mean, std=std)


class TwoOutputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = network()

    def forward(self, images):
        logits = self.net(images)
        return {"features": logits * 2, "logits": -logits}


def test_one_of_several_outputs_is_picked(images, tmp_path):
    options = {"settings": ViewsSettings(methods=("grad_cam",)), "size": 48}
    with pytest.raises(LayerscopeError, match="pick one with output"):
        see_module(TwoOutputs(), images, tmp_path / "out", **options)
    said = {}
    for name in ("features", "logits"):
        seen = see_module(TwoOutputs(), images, tmp_path / name, output=name, **options)
        said[name] = [example["predicted"] for example in seen.index.document["examples"]]
    assert said["features"] != said["logits"]
