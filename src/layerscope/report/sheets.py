"""Views as labelled sheets: examples by layer by method, methods at the input, units, classes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from layerscope.errors import LayerscopeError
from layerscope.report import draw, figures
from layerscope.report.draw import COLOURED, FROM_LEAST, INPUT
from layerscope.report.figures.grid import Cell
from layerscope.report.words import words
from layerscope.views import View

GREY = "grey is zero; of the rest, the largest half percent has full colour"


def by_layer(
    methods: Sequence[Mapping[str, View]],
    photos: Sequence[np.ndarray],
    rows: Sequence[str],
    *,
    title: str,
    caption: str,
    side: int = 86,
) -> Figure:
    """Draw examples down, and across the layers of one method after the other.

    Args:
        methods: `{layer: View}` of each, as `Trace.view` gives them, of the same examples.
        photos: the examples' pictures, bytes.
        rows: their names, such as their classes.
        title: what the sheet shows.
        caption: what must be known to read it.
        side: pixels of a picture, about.

    """
    views = [view for each in methods for view in each.values()]
    cells = _cells(views, photos)
    groups = [("", 1)] + [(_title(each), len(each)) for each in methods]
    legends = _legends([next(iter(each.values())) for each in methods])
    return figures.grid(
        cells,
        rows,
        ["picture", *(view.layer for view in views)],
        groups=groups,
        legends=legends,
        title=title,
        caption=caption,
        side=side,
    )


def at_input(
    views: Sequence[View],
    photos: Sequence[np.ndarray],
    rows: Sequence[str],
    *,
    title: str,
    caption: str,
    side: int = 172,
) -> Figure:
    """Draw examples down, and across what each method shows of them at the input.

    Arguments are those of `by_layer`; legends that say the same stand once.
    """
    cells = _cells(views, photos)
    return figures.grid(
        cells,
        rows,
        ["picture", *map(_name, views)],
        legends=_legends(views),
        title=title,
        caption=caption,
        side=side,
    )


def of_units(view: View, *, title: str, caption: str, most: int | None = None) -> Figure:
    """Draw a view of units or classes: Zeiler and Fergus's figure, filters, or made pictures.

    Args:
        view: axes "unit rank channel y x" with bytes as `quality["patches"]`, "unit channel y x"
            (filters, or made pictures with bytes as `quality["pixels"]`), or of classes.
        title: what the sheet shows.
        caption: what must be known to read it.
        most: how many units, at most: those that answer most.

    """
    chosen = np.arange(len(view.values))
    if most is not None and len(chosen) > most:
        peaks = view.quality["activation"].reshape(len(chosen), -1).max(axis=1)
        chosen = np.sort(np.argsort(-peaks, kind="stable")[:most])
    if view.axes[:2] == ("unit", "rank"):
        units = chosen if view.unit is None else np.asarray(view.unit)[chosen]
        patches = np.moveaxis(view.quality["patches"], 2, -1)
        return figures.zeiler_fergus(
            list(view.values[chosen]),
            list(patches[chosen]),
            units.tolist(),
            view.quality["activation"][chosen].tolist(),
            title=title,
            caption=caption,
            side=40 if view.values.shape[-1] < 100 else 60,
        )
    if view.method == "filters":
        top = float(np.abs(view.values).max(initial=0))
        shown = [figures.fit(figures.signed(each, top), 60) for each in view.values]
        names = [str(unit) for unit in chosen]
        return figures.synthesised(shown, names, title=title, caption=caption, side=60, width=720)
    pictures = draw.blocks(view)
    if not pictures:
        raise LayerscopeError(
            f"{view.method} has the axes {' '.join(view.axes)}: no sheet of units"
        )
    if len(pictures) > 1:
        pictures = [pictures[k] for k in chosen]
    shown = [picture.pixels for picture in pictures]
    return figures.synthesised(
        shown, [picture.caption for picture in pictures], title=title, caption=caption, side=140
    )


def _cells(views: Sequence[View], photos: Sequence[np.ndarray]) -> list[list[Cell]]:
    """Draw a row for each photograph: itself, and what each view shows of it."""
    return [
        [figures.rgb(photo), *(_cell(view, row, photo) for view in views)]
        for row, photo in enumerate(photos)
    ]


def _cell(view: View, row: int, photo: np.ndarray) -> Cell:
    found = draw.example(view, row, photo, draw.told(view))
    return None if found is None else found.pixels[..., :3]


def _name(view: View) -> str:
    return words(view.method).title


def _title(each: Mapping[str, View]) -> str:
    return _name(next(iter(each.values())))


def _legends(views: Sequence[View]) -> list[figures.Legend]:
    """Say what colours mean; methods of which the same is to be said share a legend."""
    said: dict[tuple[Any, ...], list[str]] = {}
    for view in views:
        legend = _legend(view)
        said.setdefault((legend.scale, legend.high, legend.low), []).append(_name(view))
    return [
        figures.Legend(scale, high, low, ", ".join(names))
        for (scale, high, low), names in said.items()
    ]


def _legend(view: View) -> figures.Legend:
    """Say what the colours of a method's pictures mean."""
    name, space = _name(view), view.axes[1:]
    if space and space[0] != "channel":
        least = "each map’s least" if view.method in FROM_LEAST else "0"
        against = "against" if view.signed else least
        end = "for, each map’s largest" if view.signed else "each map’s largest"
        return figures.Legend("signed over" if view.signed else "over", end, against, name)
    if "pixels" in view.quality:
        return figures.Legend("colours", "pictures, as they were made", name=name)
    if view.method in COLOURED or view.unit is not None:
        grey = view.values.shape[1] == 1
        high, low = "above zero, the largest half percent", "below"
        plain = figures.Legend("signed", high, low, name)
        return plain if grey else figures.Legend("colours", GREY, name=name)
    if view.layer == INPUT and view.signed:
        return figures.Legend("signed", "for, the largest half percent", "against", name)
    if view.layer == INPUT:
        return figures.Legend("rectified", "the largest half percent", "0", name)
    return figures.Legend("rectified", "the largest of the maps shown", "0", name)
