"""Figures of trust: maps against layers drawn anew, and scores against what is hidden."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from layerscope.report.figures.plots import name_layers, themed_axes
from layerscope.report.theme import LIGHT, Theme

Curves = Mapping[str, np.ndarray]
LEVELS = ("pass", "care", "fail", "baseline")
DASHES = {"pass": "-", "care": "-", "fail": "--", "baseline": ":"}


def similarity_by_depth(
    layers: Sequence[str], curves: Curves, levels: Mapping[str, str], *, theme: Theme = LIGHT
) -> Figure:
    """Plot how alike each method's maps stay while layers are drawn anew from the top, `(layer,)`.

    >>> drawn = similarity_by_depth(["fc", "conv1"], {"lrp": np.array([0.5, 0.1])}, {"lrp": "pass"})
    >>> drawn.axes[0].lines[0].get_ydata().tolist()
    [1.0, 0.5, 0.1]
    """
    figure = Figure(figsize=(8.2, 4.2), layout="constrained")
    axes = themed_axes(figure, theme)
    names = ["as trained", *layers]
    whole = {name: np.concatenate([[1.0], values]) for name, values in curves.items()}
    _lines(axes, np.arange(len(names)), whole, levels, theme)
    name_layers(axes, names)
    axes.axhline(0.5, color=theme.muted, linewidth=1, linestyle=(0, (1, 2)))
    axes.set_ylim(-0.05, 1.05)
    axes.set_xlabel("drawn anew, down to this layer")
    axes.set_ylabel("similarity to the map as trained")
    _label_ends(axes, len(names) - 1, whole, levels, theme)
    return figure


def deletion_curves(
    fractions: np.ndarray,
    ways: Mapping[str, Curves],
    levels: Mapping[str, str],
    *,
    theme: Theme = LIGHT,
) -> Figure:
    """Plot the score against the share of the input that is hidden, most relevant first.

    A panel for each way of hiding; the lower a line falls, the more its map knew.

    >>> ways = {"mean": {"lrp": np.array([0.9, 0.2])}, "blur": {"lrp": np.array([0.9, 0.4])}}
    >>> len(deletion_curves(np.array([0.0, 0.5]), ways, {"lrp": "pass"}).axes)
    2
    """
    figure = Figure(figsize=(8.2, 0.6 + 2.7 * -(-len(ways) // 2)), layout="constrained")
    first: Axes | None = None
    for number, (way, curves) in enumerate(ways.items()):
        axes = themed_axes(figure, theme, (-(-len(ways) // 2), 2, number + 1), share=first)
        first = axes if first is None else first
        _lines(axes, 100 * fractions, curves, levels, theme)
        axes.set_title(f"hidden by {way}", fontsize=10, color=theme.ink, loc="left")
        axes.set_ylim(bottom=0)
    if first is not None:
        figure.supylabel("probability of the class", fontsize=10, color=theme.ink)
        figure.supxlabel("hidden, % of the places", fontsize=10, color=theme.ink)
        handles = [
            first.plot([], [], color=_colour(level, theme), linestyle=DASHES[level])[0]
            for level in LEVELS
        ]
        words = ["can be believed", "with care", "not to be believed", "random, edges, centre"]
        figure.legend(
            handles,
            words,
            labelcolor=theme.ink,
            fontsize=9,
            loc="outside upper left",
            ncols=len(LEVELS),
            frameon=False,
        )
    return figure


def _lines(
    axes: Axes, x: np.ndarray, curves: Curves, levels: Mapping[str, str], theme: Theme
) -> None:
    for name, values in curves.items():
        level = levels.get(name, "care")
        axes.plot(x, values, color=_colour(level, theme), linestyle=DASHES[level], linewidth=1.5,
                  marker="o", markersize=3)  # fmt: skip


def _colour(level: str, theme: Theme) -> str:
    colours = {"pass": theme.third, "care": theme.first, "fail": theme.second}
    return colours.get(level, theme.muted)


def _label_ends(
    axes: Axes, x: int, curves: Curves, levels: Mapping[str, str], theme: Theme
) -> None:
    """Write each name at its line's end, moved apart where two would meet."""
    least = 0.062
    ends = sorted((float(values[-1]), name) for name, values in curves.items())
    places: list[float] = []
    for value, _ in ends:
        places.append(max(value, places[-1] + least) if places else max(value, -0.03))
    spare = max(0.0, places[-1] - 1.03) if places else 0.0
    for (_, name), place in zip(ends, places, strict=True):
        colour = _colour(levels.get(name, "care"), theme)
        axes.annotate(name, (x + 0.56, place - spare), color=colour, fontsize=8.5,
                      va="center", annotation_clip=False)  # fmt: skip
