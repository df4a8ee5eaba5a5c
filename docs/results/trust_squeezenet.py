"""The verdict on SqueezeNet with ImageNet weights: python docs/results/trust_squeezenet.py OUT."""

import csv
import os
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from layerscope.nets import pretrained, pretrained_input
from layerscope.trust.judge import Amount, Case
from layerscope.trust.maps import DEFAULTS, Examples
from layerscope.trust.of_run import judge
from layerscope.trust.parts import Parts
from layerscope.views import Scope

WEIGHTS = "pretrained_squeezenet/squeezenet1_0_deepcompression_imagenet.npz"
AMOUNT = Amount(examples=12, randomised=4, other_orders=0, inner=0, steady=3, samples=2,
                mosaics=8, imputed=4)  # fmt: skip


def main(out: Path) -> None:
    """Judge ten methods on twelve photographs of as many classes."""
    data = Path(os.environ["LAYERSCOPE_DATA"])
    spec = pretrained_input("squeezenet1_0")
    with (data / "imagenet_samples/classes.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[40::80][: AMOUNT.examples]
    pixels = []
    for row in rows:
        photo = Image.open(data / "imagenet_samples/images" / row["file"]).convert("RGB")
        side = min(photo.size)
        left, top = ((size - side) // 2 for size in photo.size)
        square = photo.crop((left, top, left + side, top + side))
        pixels.append(np.asarray(square.resize(spec.shape[1:])))
    images = spec.to_model(torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2))
    labels = np.array([int(row["index"]) for row in rows])
    given = Examples(images, tuple(row["file"] for row in rows), labels)
    scope = Scope(pretrained("squeezenet1_0", weights=data / WEIGHTS), bounds=spec.bounds)
    parts = Parts.open(out / "parts", {"weights": WEIGHTS, "examples": list(given.ids)})
    found = judge(Case(scope, given, DEFAULTS, AMOUNT), parts, out)
    for row in found["rows"]:
        print(f"{row['method']:22} {row['reading']}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
