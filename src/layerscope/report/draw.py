"""Any view as pictures, by its axes: of an example, of a unit or a class, or one plot of layers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from layerscope.report import figures
from layerscope.report.theme import LIGHT, Theme
from layerscope.views import View

INPUT = "input"
SIDE = 172  # pixels of a picture, about
COLOURED = ("deconvnet", "guided_backprop", "guided_grad_cam")
"""Methods whose values at the input are drawn in its own colours, about mid grey."""


FROM_LEAST = ("rise",)
"""Methods of which no value is nothing: drawn from each map's least value, not from 0."""


@dataclass(frozen=True)
class Picture:
    """Bytes `(y, x, 3)` or `(y, x, 4)`, a few words to stand below, and words in its place.

    `sharp` is true of enlarged pixels and fine lines, which a lossy code would spoil.
    """

    pixels: np.ndarray
    caption: str = ""
    alt: str = ""
    sharp: bool = False


# -- of an example -------------------------------------------------------------------------------


def example(
    view: View, row: int, photo: np.ndarray, entry: Mapping[str, Any], predicted: str = ""
) -> Picture | None:
    """Draw what a view shows of one of its examples; None where its axes are not known here.

    Args:
        view: whose first axis is "batch".
        row: which of its examples.
        photo: the example's picture, bytes.
        entry: what the index says of the view: channels, units, activation, target.
        predicted: the class that goes without saying.

    """
    if view.axes[0] != "batch":
        return None
    values, space = view.values[row], view.axes[1:]
    if "pixels" in view.quality and space == ("channel", "y", "x"):
        return Picture(figures.rgb(np.moveaxis(view.quality["pixels"][row], 0, -1)))
    if space == ("y", "x"):
        caption, alt = _about(entry, row, values, predicted)
        if view.moved:
            picture = figures.signed(values) if view.signed else figures.rectified(values)
            return Picture(figures.fit(picture, SIDE), caption, alt, sharp=True)
        laid = view.over_input().values[row]
        if view.method in FROM_LEAST and not view.signed:
            laid = laid - laid.min()
        picture = figures.overlay(photo, laid, signed=view.signed)
        return Picture(picture, caption, f"{alt}, over the picture".removeprefix(", "))
    if space == ("channel", "y", "x"):
        if "channels" in entry or (view.layer != INPUT and values.shape[1:] != view.input_size):
            fine = values.shape[-1] <= SIDE // 3
            shown = entry["channels"][row] if "channels" in entry else range(len(values))
            alt = f"channels {', '.join(map(str, shown))}"
            return Picture(figures.feature_grid(values), alt=alt, sharp=fine)
        if "units" in entry or entry.get("unit") is not None:
            caption = _unit(entry, row, values)
            alt = f"{caption}: projection and picture"
            return Picture(figures.projection(values, photo, SIDE), caption, alt)
        caption, alt = _about(entry, row, values, predicted)
        picture = at_input(view.method, values, signed=view.signed)
        return Picture(picture, caption, alt, sharp=True)
    if space and space[-1] == "time":
        rows = values.reshape(-1, values.shape[-1])
        return Picture(figures.strip(rows, signed=view.signed), sharp=True)
    return None


def told(view: View) -> dict[str, Any]:
    """Say of a view what an index would: its units, their strength, what is explained."""
    entry: dict[str, Any] = {"target": list(view.about)}
    if isinstance(view.unit, np.ndarray):
        entry["units"] = view.unit.tolist()
    elif view.unit is not None:
        entry["unit"] = view.unit
    strength = {
        name: view.quality[name] for name in ("activation", "score") if name in view.quality
    }
    return entry | strength


def at_input(method: str, values: np.ndarray, *, signed: bool) -> np.ndarray:
    """Colour values `(channel, y, x)` at the input: in its colours, their sum, or their largest.

    Of the values that are not zero, the largest half percent have the full colour.
    """
    if method in COLOURED and len(values) in (1, 3):
        return figures.signed(values, figures.strong(values))
    if signed:
        return figures.attribution(values)
    largest = values.max(axis=0)
    return figures.rectified(largest, figures.strong(largest))


def _about(
    entry: Mapping[str, Any], row: int, values: np.ndarray, predicted: str
) -> tuple[str, str]:
    """Say for what a view is and whether it is empty: below the picture, and in its place."""
    target = (entry.get("target") or [""] * (row + 1))[row]
    whose, empty = f"for {target}" if target else "", "" if values.any() else "zero everywhere"
    below = [whose] if target != predicted else []
    return ", ".join(filter(None, [*below, empty])), ", ".join(filter(None, [whose, empty]))


def _unit(entry: Mapping[str, Any], row: int, values: np.ndarray) -> str:
    unit = entry["units"][row] if "units" in entry else entry["unit"]
    strength = entry.get("activation", entry.get("score"))
    caption = f"unit {unit}" + (f" · {strength[row]:.3g}" if strength is not None else "")
    return caption if values.any() else f"{caption} · silent"


# -- of the network or of a data set -------------------------------------------------------------


def blocks(view: View) -> list[Picture]:
    """Draw a view of units or of classes: one picture for each, or one of all (filters)."""
    if view.axes[:2] == ("unit", "rank"):
        patches = np.moveaxis(view.quality["patches"], 2, -1)
        return [
            Picture(figures.pair(list(view.values[k]), list(patches[k]), 56), caption, sharp=True)
            for k, caption in enumerate(_strengths(view))
        ]
    if "pixels" in view.quality and view.axes[1:] == ("channel", "y", "x"):
        made = np.moveaxis(view.quality["pixels"], 1, -1)
        named = _strengths(view) if view.axes[0] == "unit" else list(view.about)
        return [
            Picture(figures.fit(figures.rgb(each), SIDE), caption)
            for each, caption in zip(made, named, strict=True)
        ]
    if view.axes == ("unit", "channel", "y", "x") and view.signed:
        return [Picture(figures.filter_grid(view.values), sharp=True)]
    if view.axes == ("class", "y", "x"):
        laid = view.values if view.moved else view.over_input().values
        top = [None] * len(laid) if view.signed else [float(each.max(initial=0)) for each in laid]
        return [
            Picture(figures.signed(each) if view.signed else figures.rectified(each, high), name)
            for each, high, name in zip(laid, top, _classes(view), strict=True)
        ]
    return []


def _strengths(view: View) -> list[str]:
    units = range(len(view.values)) if view.unit is None else np.atleast_1d(view.unit)
    named = [about.removesuffix(f" of {view.layer}") for about in view.about]
    peaks = view.quality["activation"].reshape(len(view.values), -1).max(axis=1)
    names = named or [f"unit {unit}" for unit in units]
    return [f"{name} · {peak:.3g}" for name, peak in zip(names, peaks, strict=True)]


def _classes(view: View) -> list[str]:
    return [str(name) for name in view.quality["classes"]]


def plots(view: View) -> bool:
    """Tell whether all layers of a method are one plot, by the axes of one of them."""
    return view.axes in (("class",), ("unit",), ("example", "component"), ("class", "rank"))


def plot(
    views: Sequence[View], theme: Theme = LIGHT, *, title: str = "", caption: str = ""
) -> Figure:
    """Plot all layers of a method that `plots` together, front to back."""
    told = {"title": title, "caption": caption}
    first, layers = views[0], [view.layer for view in views]
    quality = [view.quality for view in views]
    if first.axes == ("class",):
        low, high = np.transpose([q["interval"] for q in quality])
        return figures.layer_curve(
            layers,
            [float(q["balanced_accuracy"]) for q in quality],
            "balanced accuracy",
            low=low,
            high=high,
            levels={
                "chance": float(quality[0]["chance"]),
                "labels shuffled": [float(np.mean(q["null"])) for q in quality],
            },
            share=True,
            theme=theme,
            **told,
        )
    if first.axes == ("unit",):
        values = [view.values for view in views]
        return figures.distributions(layers, values, "class selectivity", theme=theme, **told)
    if first.axes == ("example", "component"):
        planes = [view.values for view in views]
        classes = _classes(first) if "class" in first.quality else ["examples"]
        labels = first.quality.get("class", np.zeros(len(planes[0]), int))
        return figures.embedding(planes, layers, labels, classes, theme=theme, **told)
    units = [np.asarray(view.unit) for view in views]
    return figures.ranking(units, layers, _classes(first), theme=theme, **told)
