"""The pictures and the page of fMRI by itself, made only of what its folder holds."""

import json
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from layerscope.report.document import picture_page
from layerscope.report.figures.plots import tell
from layerscope.report.figures.similarity import table_picture
from layerscope.report.theme import LIGHT


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
    return picture_page(folder, "bold.html.j2", pictures, document=document)


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
