"""Adebayo et al. 2018 on a real network: guided backprop keeps its picture without the weights."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from layerscope.nets import pretrained, pretrained_input
from layerscope.trust.maps import Examples, maps_of, on_another
from layerscope.trust.randomise import drawn_layers, randomised
from layerscope.trust.similarity import ssim
from layerscope.views import Scope

WEIGHTS = "pretrained_squeezenet/squeezenet1_0_deepcompression_imagenet.npz"
METHODS = ("guided_backprop", "saliency", "grad_cam")


def photographs(folder: Path, every: int) -> Examples:
    """Give photographs of ImageNet classes, evenly spaced, as the network takes them."""
    with (folder / "imagenet_samples/classes.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[::every]
    spec = pretrained_input("squeezenet1_0")
    pixels = []
    for row in rows:
        photo = Image.open(folder / "imagenet_samples/images" / row["file"]).convert("RGB")
        side = min(photo.size)
        left, top = ((size - side) // 2 for size in photo.size)
        cut = photo.crop((left, top, left + side, top + side)).resize(spec.shape[1:][::-1])
        pixels.append(np.asarray(cut))
    stored = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2)
    labels = np.array([int(row["index"]) for row in rows])
    return Examples(spec.to_model(stored), tuple(row["file"] for row in rows), labels)


@pytest.mark.slow
def test_guided_backprop_keeps_twice_the_picture_that_gradient_and_grad_cam_keep(
    real_data: Path,
) -> None:
    if not (real_data / WEIGHTS).is_file() or not (real_data / "imagenet_samples").is_dir():
        pytest.skip(f"{WEIGHTS} or imagenet_samples is not in {real_data}")
    net = pretrained("squeezenet1_0", weights=real_data / WEIGHTS)
    scope, given = Scope(net), photographs(real_data, 125)
    classes = scope.trace(given.images).predicted
    half = len(drawn_layers(net)) // 2
    drawing = randomised(net, "top-down", seed=1)
    twin = [next(drawing)[1] for _ in range(half)][-1]
    maps = maps_of(scope, given, METHODS, classes)
    drawn = maps_of(on_another(scope, twin), given, METHODS, classes)
    found = {name: float(ssim(maps[name], drawn[name], signed=False).mean()) for name in METHODS}
    assert found["guided_backprop"] >= 2 * found["saliency"], found
    assert found["guided_backprop"] >= 2 * found["grad_cam"], found
