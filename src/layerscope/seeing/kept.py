"""What is stored of a view: all of it, or the part that a reader looks at."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from layerscope.seeing.ask import INPUT, Ask
from layerscope.seeing.settings import ViewsSettings
from layerscope.views import Scope, View

MADE = ("activation_maximization", "class_model", "deep_dream", "feature_inversion")
"""Methods that make inputs: what they made is kept as a picture's bytes too."""

Part = tuple[View, dict[str, Any]]


def parts(view: View, ask: Ask, settings: ViewsSettings, scope: Scope) -> Iterator[Part]:
    """Cut a view into what is stored, each part with what the index says of it besides.

    A rank has a part of its own; of feature maps the channels with the highest peaks are kept; of
    what every unit of a layer shows, the units that answer most; of relevance at a layer, the sum
    over its channels.
    """
    if view.axes[:2] == ("unit", "rank"):
        view = _strongest_units(view, settings.pictured)
    view = with_pixels(view, scope)
    if view.axes[0] == "rank":
        yield from _ranks(view)
    elif view.method == "feature_maps":
        chosen = strongest_channels(view.values, settings.channels)
        rows = np.arange(len(chosen))[:, None]
        part = replace(view, values=view.values[rows, chosen], quality={"channels": chosen})
        yield part, {"channels": chosen.tolist()}
    elif view.layer != INPUT and ask.sums and view.axes[:2] == ("batch", "channel"):
        axes = (view.axes[0], *view.axes[2:])
        yield replace(view, values=view.values.sum(axis=1), axes=axes), {"summed": "channel"}
    else:
        yield view, {}


def _ranks(view: View) -> Iterator[Part]:
    for rank, values in enumerate(view.values):
        quality = {name: array[rank] for name, array in view.quality.items()}
        unit = np.asarray(view.unit)[rank]
        part = replace(view, values=values, axes=view.axes[1:], unit=unit, quality=quality)
        told = [name for name in ("activation", "score") if name in quality]
        strength: dict[str, Any] = {name: quality[name].tolist() for name in told}
        yield part, {"rank": rank, **strength}


def strongest_channels(maps: np.ndarray, count: int) -> np.ndarray:
    """Give the channels with the highest peaks, int64 `(B, count)`, the highest first."""
    peaks = maps.reshape(*maps.shape[:2], -1).max(axis=2)
    return np.argsort(-peaks, axis=1, kind="stable")[:, :count]


def with_pixels(view: View, scope: Scope) -> View:
    """Add what a view holds of inputs as bytes: `quality` "patches", "pixels" of what was made.

    They have the view's axes, and are what a picture shows: 0 to 255, without the model's units.
    Sounds and recordings are no pictures: what is made of them keeps the model's units.
    """
    if scope.kind != "photo":
        return view
    quality = dict(view.quality)
    if view.method in MADE:
        quality["pixels"] = _pixels(view, view.values, scope)
    if "patches" in quality:
        quality["patches"] = _pixels(view, quality["patches"], scope)
    return replace(view, quality=quality)


def _strongest_units(view: View, count: int) -> View:
    """Keep the units that answer most."""
    activation = view.quality["activation"]
    kept = np.sort(np.argsort(-activation.max(axis=1), kind="stable")[:count])
    quality = {name: array[kept] for name, array in view.quality.items()}
    unit = kept if view.unit is None else np.asarray(view.unit)[kept]
    return replace(view, values=view.values[kept], unit=unit, quality=quality)


def _pixels(view: View, inputs: np.ndarray, scope: Scope) -> np.ndarray:
    """Undo the network's units of what has the view's axes: bytes from 0 to 255."""
    shape = (-1, *[1] * (len(view.axes) - view.axes.index("channel") - 1))
    mean, std = (
        np.asarray(given if given is not None else default, np.float32).reshape(shape)
        for given, default in ((scope.mean, [0.0]), (scope.std, [1.0]))
    )
    return np.clip(np.round((inputs * std + mean) * 255), 0, 255).astype(np.uint8)
