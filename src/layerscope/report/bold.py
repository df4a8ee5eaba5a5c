"""The pictures and the page of fMRI by itself, made only of what its folder holds."""

import base64
import json
from pathlib import Path

import jinja2
import numpy as np
from matplotlib.figure import Figure

from layerscope.report.figures.plots import tell
from layerscope.report.figures.sheet import save_png
from layerscope.report.figures.similarity import table_picture
from layerscope.report.theme import DARK, LIGHT
from layerscope.storage import write_text

DPI = 110


def bold_page(folder: Path) -> Path:
    """Draw the pictures of an fMRI folder and write its index.html; gives its path."""
    document = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
    with np.load(folder / "arrays.npz", allow_pickle=False) as held:
        arrays = {name: held[name] for name in held.files}
    names, runs = document["categories"], document["runs"]
    counts = np.array(document["decoding"]["confusion"], dtype=float)
    pictures: list[tuple[str, str, Figure]] = [
        (
            "confusion",
            "What was told of each category in runs that were held out.",
            table_picture(
                100 * counts / counts.sum(1, keepdims=True), names, names, "% of the category",
                title="Decoding, each run held out", axes_names=("seen", "told"), top=100,
            ),
        ),
        (
            "crossnobis",
            "Crossnobis distances of the categories: 0 is no difference.",
            table_picture(
                _square(arrays["crossnobis"], len(names)), names, names, "crossnobis distance",
                title=f"Crossnobis RDM over {runs} runs", digits=2,
            ),
        ),
    ]  # fmt: skip
    if "mask" in arrays:
        words = "How well the category model tells each voxel, runs held out."
        pictures.append(("voxels", words, _slice(arrays["mask"], arrays["r"])))
    shown = []
    for name, words, figure in pictures:
        path = save_png(figure, folder / f"{name}.png", DPI)
        uri = "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
        shown.append({"words": words, "uri": uri})
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("layerscope.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("bold.html.j2")
    text = template.render(light=LIGHT.css(), dark=DARK.css(), document=document, pictures=shown)
    write_text(folder / "index.html", text)
    return folder / "index.html"


def _slice(mask: np.ndarray, values: np.ndarray) -> Figure:
    """Lay voxels out in their slice; outside the mask is paper."""
    figure = Figure(figsize=(4.6, 6.0), layout="constrained")
    axes = figure.add_subplot()
    laid = np.full(mask.shape, np.nan)
    laid[mask] = values
    top = max(float(np.abs(values).max()), 1e-9)
    picture = axes.imshow(laid, cmap="PuOr_r", vmin=-top, vmax=top, interpolation="nearest")
    axes.set_axis_off()
    bar = figure.colorbar(picture, ax=axes, shrink=0.7)
    bar.set_label("r on a held-out run, mean of runs", color=LIGHT.ink)
    tell(figure, "Category model of each voxel", "Voxels of the slice's mask.", LIGHT)
    return figure


def _square(pairs: np.ndarray, count: int) -> np.ndarray:
    square = np.zeros((count, count))
    square[np.triu_indices(count, 1)] = pairs
    return square + square.T
