"""Plots of a training, of its calibration and of figures a layer, as Matplotlib figures."""

import base64
import io
import textwrap
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from layerscope.evaluation.calibration import Bin
from layerscope.report.theme import LIGHT, Theme

SIZE = (5.2, 3.4)  # inches
Series = Sequence[tuple[int, float]]


def curves(
    series: dict[str, Series],
    ylabel: str,
    *,
    best: int | None = None,
    share: bool = False,
    theme: Theme = LIGHT,
) -> Figure:
    """Plot named series of (epoch, value), the best epoch marked; `share` is shown in percent.

    >>> figure = curves({"val": [(1, 0.5), (2, 0.7)]}, "accuracy", best=2, share=True)
    >>> figure.axes[0].get_xlabel()
    'epoch'
    """
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = themed_axes(figure, theme)
    colours = (theme.first, theme.second, theme.third, theme.muted)
    dashes = ("-", "--", "-.", ":")
    for number, (name, points) in enumerate(series.items()):
        epochs, values = [p[0] for p in points], [p[1] for p in points]
        axes.plot(
            epochs,
            values,
            label=name,
            linewidth=1.8,
            marker="o" if len(points) < 3 else "",
            color=colours[number % 4],
            linestyle=dashes[number % 4],
        )
    if best is not None:
        axes.axvline(best, color=theme.muted, linewidth=1, linestyle=(0, (1, 2)))
        axes.text(
            best,
            1.01,
            f"best: {best}",
            transform=axes.get_xaxis_transform(),
            ha="center",
            va="bottom",
            color=theme.muted,
        )
    axes.set_xlabel("epoch")
    axes.set_ylabel(ylabel)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if share:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    axes.legend(frameon=False, labelcolor=theme.ink, loc="best")
    return figure


def reliability(bins: Sequence[Bin], *, theme: Theme = LIGHT) -> Figure:
    """Plot accuracy against confidence, and below it how many examples have that confidence.

    >>> len(reliability([Bin(0.5, 1.0, 4, 0.8, 0.75)]).axes)
    2
    """
    figure = Figure(figsize=SIZE, layout="constrained")
    grid = figure.add_gridspec(2, 1, height_ratios=(3, 1))
    upper, lower = themed_axes(figure, theme, grid[0]), themed_axes(figure, theme, grid[1])
    upper.plot([0, 1], [0, 1], color=theme.muted, linewidth=1, linestyle=(0, (4, 3)))
    upper.plot(
        [part.confidence for part in bins if part.confidence is not None],
        [part.accuracy for part in bins if part.accuracy is not None],
        color=theme.first,
        marker="o",
        markersize=5,
        linewidth=1.8,
    )
    middles = [(part.low + part.high) / 2 for part in bins]
    widths = [0.9 * (part.high - part.low) for part in bins]
    lower.bar(middles, [part.count for part in bins], widths, color=theme.first)
    upper.set_ylabel("accuracy")
    upper.set_ylim(0, 1.03)
    upper.tick_params(labelbottom=False)
    lower.set_ylabel("examples")
    lower.set_xlabel("confidence of the predicted class")
    lower.yaxis.set_major_locator(MaxNLocator(2, integer=True))
    for axes in (upper, lower):
        axes.set_xlim(0, 1.01)
    figure.align_ylabels()
    return figure


def layer_curve(
    layers: Sequence[str],
    values: Sequence[float],
    ylabel: str,
    *,
    low: Sequence[float] | None = None,
    high: Sequence[float] | None = None,
    levels: dict[str, float | Sequence[float]] | None = None,
    share: bool = False,
    title: str = "",
    caption: str = "",
    theme: Theme = LIGHT,
) -> Figure:
    """Plot one figure a layer, front to back, with its interval and levels to compare it with.

    `levels` are named numbers, or one for each layer, such as chance and what shuffled labels give.

    >>> figure = layer_curve(["conv1", "conv2"], [0.4, 0.8], "accuracy", levels={"chance": 0.25})
    >>> [line.get_label() for line in figure.axes[0].lines]
    ['_child0', 'chance']
    """
    figure = Figure(figsize=(max(SIZE[0], 0.55 * len(layers) + 1.6), SIZE[1]), layout="constrained")
    axes = themed_axes(figure, theme)
    x = range(len(layers))
    axes.plot(x, values, color=theme.first, marker="o", markersize=5, linewidth=1.8)
    if low is not None and high is not None:
        axes.fill_between(x, low, high, color=theme.first, alpha=0.2, linewidth=0)
    styles = (("--", theme.muted), (":", theme.second), ("-.", theme.third))
    for (name, level), (dash, colour) in zip((levels or {}).items(), styles, strict=False):
        each = [level] * len(layers) if isinstance(level, float | int) else level
        axes.plot(x, each, color=colour, linestyle=dash, linewidth=1.6, label=name)
    name_layers(axes, layers)
    axes.set_ylabel(ylabel)
    tell(figure, title, caption, theme)
    if share:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    if levels:
        axes.legend(frameon=False, labelcolor=theme.ink, loc="best")
    return figure


def distributions(
    layers: Sequence[str],
    values: Sequence[np.ndarray],
    ylabel: str,
    *,
    title: str = "",
    caption: str = "",
    theme: Theme = LIGHT,
) -> Figure:
    """Plot each layer's values, one a unit, as dots beside a bar for their middle half.

    >>> figure = distributions(["conv1"], [[0.1, 0.2, 0.9]], "class selectivity")
    >>> figure.axes[0].get_ylabel()
    'class selectivity'
    """
    figure = Figure(figsize=(max(SIZE[0], 0.7 * len(layers) + 1.6), SIZE[1]), layout="constrained")
    axes = themed_axes(figure, theme)
    for place, units in enumerate(values):
        ordered = np.sort(np.asarray(units, dtype=float))
        spread = 0.3 * (((np.arange(len(ordered)) * 0.618) % 1) - 0.5)  # even, and always the same
        axes.scatter(place + spread, ordered, s=7, color=theme.first, alpha=0.55, linewidths=0)
        if len(ordered):
            lower, middle, upper = np.quantile(ordered, (0.25, 0.5, 0.75))
            axes.plot([place + 0.3] * 2, [lower, upper], color=theme.ink, linewidth=2)
            axes.plot(place + 0.3, middle, "o", color=theme.paper, markeredgecolor=theme.ink)
    name_layers(axes, layers)
    axes.set_ylabel(ylabel)
    tell(figure, title, caption, theme)
    return figure


def tell(figure: Figure, title: str, caption: str, theme: Theme) -> None:
    """Put a title and a caption above, in lines that fit the figure's width."""
    letters = round(12 * figure.get_size_inches()[0])
    lines = [line for text in (title, caption) for line in textwrap.wrap(text, letters)]
    if lines:
        style = {"fontsize": 10, "color": theme.ink, "x": 0.01, "ha": "left"}
        figure.suptitle("\n".join(lines), **style)


def name_layers(axes: Axes, layers: Sequence[str]) -> None:
    """Name the layers below the axes, turned where there are many or their names are long."""
    crowded = len(layers) * max(map(len, layers)) > 60
    axes.set_xticks(range(len(layers)), layers, rotation=90 if crowded else 0)
    axes.set_xlim(-0.5, len(layers) - 0.5)


def name_bar(bar: Colorbar, unit: str, theme: Theme, size: float = 10) -> None:
    """Give a colour bar its unit and the theme's colours."""
    bar.set_label(unit, color=theme.ink, fontsize=size)
    bar.ax.tick_params(colors=theme.muted, labelcolor=theme.ink, labelsize=size)
    bar.outline.set_visible(False)


def svg_uri(figure: Figure) -> str:
    """Draw a figure as SVG in a data URI; the same figure always gives the same bytes."""
    out = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "layerscope"}):
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(out.getvalue()).decode()


def themed_axes(
    figure: Figure, theme: Theme, place: Any = 111, *, share: Axes | None = None
) -> Axes:
    """Add axes in the theme's colours, without a frame above and to the right.

    `place` is as matplotlib takes it; `share` are axes with which both scales are shared.
    """
    places = place if isinstance(place, tuple) else (place,)
    axes = figure.add_subplot(*places, sharex=share, sharey=share)
    axes.set_facecolor("none")
    axes.grid(visible=True, color=theme.line, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(colors=theme.muted, labelcolor=theme.ink, length=3)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(theme.muted)
    axes.xaxis.label.set_color(theme.ink)
    axes.yaxis.label.set_color(theme.ink)
    return axes
