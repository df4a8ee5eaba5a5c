"""Look into a network of your own: the strongest units of every convolution, down to the pixels."""

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_sample_images
from torch import nn

import layerscope as ls
from layerscope.report import figures

OUT = Path(__file__).with_name("out")


def my_network() -> nn.Module:
    """Build any module: here two convolutions with rectifiers, strided, with edges as filters."""
    net = nn.Sequential(
        nn.Conv2d(3, 16, 7, stride=2, padding=3),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, stride=2, ceil_mode=True),
        nn.Conv2d(16, 32, 5, padding=2),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(32, 2),
    )
    torch.manual_seed(0)
    for layer in net:
        if isinstance(layer, nn.Conv2d):
            nn.init.orthogonal_(layer.weight)
    return net


def main(quick: bool) -> None:
    """Trace scikit-learn's two photographs once and draw what the layers see of them."""
    size = 96 if quick else 224
    photos = np.stack(
        [
            np.asarray(Image.fromarray(photo[:, 106:-107]).resize((size, size)))
            for photo in load_sample_images().images
        ]
    )
    images = torch.from_numpy(photos).permute(0, 3, 1, 2) / 255 - 0.5  # (B, 3, y, x)
    scope = ls.Scope(my_network(), kind="photo", classes=["temple", "flower"])
    trace = scope.trace(images, examples=["china.jpg", "flower.jpg"])
    seen = trace.view("deconvnet", layers="conv")
    cams = trace.view("grad_cam", layers="conv", target="flower")
    rows = []
    for place, photo in enumerate(photos):
        row = [photo, *(figures.signed(view.values[place]) for view in seen.values())]
        row += [figures.overlay(photo, view.over_input().values[place]) for view in cams.values()]
        rows += row
    OUT.mkdir(exist_ok=True)
    Image.fromarray(figures.tiles(rows, columns=5)).save(OUT / "own_module.png")
    print(OUT / "own_module.png", *seen, sep="\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller, for a check that it runs")
    main(parser.parse_args().quick)
