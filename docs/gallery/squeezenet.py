"""An atlas of SqueezeNet on ImageNet photographs: its layers, its evidence, its units.

The full form reads `imagenet_samples` and `pretrained_squeezenet` in $LAYERSCOPE_DATA.
"""

import argparse
import csv
import os
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image
from sklearn.datasets import load_sample_images

import layerscope as ls
from layerscope.report import figures
from layerscope.report.words import words

OUT = Path(__file__).with_name("out")
WEIGHTS = "pretrained_squeezenet/squeezenet1_0_deepcompression_imagenet.npz"
WANTED = ["golden_retriever", "Egyptian_cat", "goldfinch", "zebra", "airliner", "teapot"]
WANTED += ["tiger_cat"]  # taken for a macaque
FIRES = ["features.3", "features.5", "features.8", "features.12"]
CONVOLUTIONS = ["features.0", *(f"{fire}.expand3x3" for fire in FIRES[1:])]
Atlas = tuple[ls.Trace, np.ndarray, list[str]]  # the photographs as bytes (B, y, x, 3), their names


def square(photo: Image.Image, size: int) -> np.ndarray:
    """Cut the central square and scale it to the network's size."""
    side = min(photo.size)
    left, top = (photo.width - side) // 2, (photo.height - side) // 2
    cut = photo.convert("RGB").crop((left, top, left + side, top + side))
    return np.asarray(cut.resize((size, size), Image.Resampling.BICUBIC))


def traced(net: torch.nn.Module, photos: list[Image.Image], names: list[str], **known) -> Atlas:
    """Record one pass over the photographs, in the units that the network takes."""
    spec = ls.nets.pretrained_input("squeezenet1_0")
    size = spec.shape[1] if "classes" in known else 95
    pixels = np.stack([square(photo, size) for photo in photos])
    images = spec.to_model(torch.from_numpy(pixels).permute(0, 3, 1, 2))  # (B, 3, y, x)
    scope = ls.Scope(net, mean=spec.mean, std=spec.std, bounds=spec.bounds, **known)
    return scope.trace(images, examples=names), pixels, names


def real(data: Path) -> Atlas:
    """Trace the trained network on one photograph of each wanted class."""
    with (data / "imagenet_samples/classes.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    classes = [row["name"].replace(" ", "_") for row in rows]
    files = [rows[classes.index(name)]["file"] for name in WANTED]
    photos = [Image.open(data / "imagenet_samples/images" / name) for name in files]
    net = ls.nets.pretrained("squeezenet1_0", weights=data / WEIGHTS)
    return traced(net, photos, [name.replace("_", " ") for name in WANTED], classes=classes)


def stand_in() -> Atlas:
    """Trace random weights on scikit-learn's two photographs: a check that all of it runs."""
    torch.manual_seed(0)
    photos = [Image.fromarray(photo) for photo in load_sample_images().images]
    return traced(ls.nets.SqueezeNet(classes=10), photos, ["temple", "flower"])


def layers(trace: ls.Trace, pixels: np.ndarray, names: list[str]) -> Figure:
    """Draw where each layer holds evidence, and what its strongest unit saw."""
    cells = [[photo] for photo in pixels]
    groups = [("", 1)]
    for title, method, asked in (
        ("Grad-CAM", "grad_cam", FIRES),
        ("LayerCAM", "layer_cam", FIRES),
        ("deconvnet, map of the strongest unit", "deconvnet", CONVOLUTIONS),
    ):
        whole = {"whole": True} if method == "deconvnet" else {}
        views = trace.view(method, layers=asked, **whole)
        groups.append((title, len(views)))
        for view in views.values():
            for place, row in enumerate(cells):
                if method == "deconvnet":
                    values = view.values[place]
                    row.append(figures.signed(values, figures.strong(values)))
                else:
                    row.append(figures.overlay(pixels[place], view.over_input().values[place]))
    short = [name.removesuffix(".expand3x3") for name in (*FIRES, *FIRES, *CONVOLUTIONS)]
    return figures.grid(
        cells,
        names,
        ["photograph", *short],
        groups=groups,
        notes=answered(trace, len(cells[0])),
        legends=[
            figures.Legend("over", "largest of its map", name="class activation maps"),
            figures.Legend("colours", "colours about mid grey, which is 0", name="deconvnet"),
        ],
        title="SqueezeNet, layer by layer",
        caption="Class activation maps are of the class that the network answers, told below each "
        "photograph. Each map has its own scale. Of a fire module the deconvnet goes down from "
        "the map of 3x3 filters that answers most; a frame is a map that answers to the zeros "
        "beyond the edge.",
        side=114,
    )


def evidence(trace: ls.Trace, pixels: np.ndarray, names: list[str], quick: bool) -> Figure:
    """Draw what methods that read the input say of the class that the network answers."""
    asked = {
        "gradients": ["saliency", "guided_backprop", "smooth_grad"],
        "shares of the score": ["lrp", "deep_lift", "integrated_gradients"],
        "covered windows": ["occlusion"],
    }
    options = {
        "occlusion": {"window": 32, "stride": 16},
        "smooth_grad": {"samples": 4 if quick else 32},
    }
    cells = [[photo] for photo in pixels]
    for method in (name for group in asked.values() for name in group):
        (view,) = trace.view(method, **options.get(method, {})).values()
        for place, row in enumerate(cells):
            row.append(picture(view, place, pixels[place]))
    return figures.grid(
        cells,
        names,
        ["photograph", *(words(name).title for group in asked.values() for name in group)],
        groups=[("", 1), *((title, len(group)) for title, group in asked.items())],
        notes=answered(trace, len(cells[0])),
        legends=[
            figures.Legend("rectified", "strongest", name="saliency"),
            figures.Legend("colours", "colours about mid grey", name="guided backprop"),
            figures.Legend("signed", "for the class", "against it", name="SmoothGrad, shares"),
            figures.Legend("signed over", "for the class", "against it", name="occlusion"),
        ],
        title="SqueezeNet, evidence in the photograph",
        caption="Of the class that the network answers, told below each photograph. Each map has "
        "its own scale.",
        side=114,
    )


def picture(view: ls.View, place: int, photo: np.ndarray) -> np.ndarray:
    """Colour one example's map as its kind asks."""
    if view.method == "occlusion":
        return figures.overlay(photo, view.over_input().values[place], signed=True)
    values = view.values[place]
    if view.method == "saliency":
        strongest = values.max(axis=0)
        return figures.rectified(strongest, figures.strong(strongest))
    if view.method == "guided_backprop":
        return figures.signed(values, figures.strong(values))
    return figures.attribution(values)


def answered(trace: ls.Trace, columns: int) -> list[list[str]]:
    """Tell below each photograph, in the first column, the class that the network answers."""
    classes = trace.scope.classes or [f"class {i}" for i in range(trace.logits.shape[1])]
    return [[classes[i].replace("_", " "), *[""] * (columns - 1)] for i in trace.predicted]


def units(trace: ls.Trace, quick: bool) -> Figure:
    """Draw pictures made for the units that the photographs excite most, layer by layer."""
    views = trace.view(
        "activation_maximization", layers=CONVOLUTIONS, top=6, steps=4 if quick else 64
    )
    mean, std = (np.reshape(values, (3, 1, 1)) for values in (trace.scope.mean, trace.scope.std))
    cells = [
        [
            Image.fromarray(
                (np.clip(each * std + mean, 0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)
            )
            for each in view.values
        ]
        for view in views.values()
    ]
    level = Image.Resampling.BICUBIC
    cells = [[np.asarray(each.resize((114, 114), level)) for each in row] for row in cells]
    return figures.grid(
        cells,
        [name.removesuffix(".expand3x3") for name in views],
        [""] * 6,
        notes=[[f"unit {unit}" for unit in view.unit] for view in views.values()],
        title="SqueezeNet, what units look for",
        caption="Pictures of a unit's receptive field, made to excite it, at one size; the "
        "units are those that answered most to the photographs.",
        side=114,
    )


def first_filters(trace: ls.Trace) -> Figure:
    """Draw the filters of the first convolution, on one scale."""
    values = trace.view("filters")["features.0"].values
    picture = figures.filter_grid(values, columns=16)
    return figures.grid(
        [[picture]],
        [""],
        [""],
        legends=[figures.Legend("colours", "colours about mid grey, which is 0", name="weights")],
        title="SqueezeNet, the filters of features.0",
        caption="All 96, 7 x 7 pixels each, on one scale.",
        side=max(picture.shape),
    )


def main(quick: bool) -> None:
    """Draw the atlas; without the data, only its quick form."""
    data = os.environ.get("LAYERSCOPE_DATA")
    if not quick and not data:
        print("LAYERSCOPE_DATA is not set: no atlas of SqueezeNet")
        return
    trace, pixels, names = stand_in() if quick else real(Path(data).expanduser())
    out = OUT / "quick" if quick else OUT
    out.mkdir(parents=True, exist_ok=True)
    figures.save_png(first_filters(trace), out / "squeezenet_filters.png")
    figures.save_png(units(trace, quick), out / "squeezenet_units.png")
    figures.save_png(layers(trace, pixels, names), out / "squeezenet_layers.png")
    figures.save_png(evidence(trace, pixels, names, quick), out / "squeezenet_evidence.png")
    print(*sorted(out.glob("squeezenet_*.png")), sep="\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="random weights, two photographs")
    main(parser.parse_args().quick)
