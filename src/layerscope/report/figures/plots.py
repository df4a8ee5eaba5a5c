"""Plots of a training and of its calibration, as Matplotlib figures."""

import base64
import io
from collections.abc import Sequence
from typing import Any

import matplotlib
from matplotlib.axes import Axes
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
    axes = _axes(figure, theme)
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
    upper, lower = _axes(figure, theme, grid[0]), _axes(figure, theme, grid[1])
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


def svg_uri(figure: Figure) -> str:
    """Draw a figure as SVG in a data URI; the same figure always gives the same bytes."""
    out = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "layerscope"}):
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(out.getvalue()).decode()


def _axes(figure: Figure, theme: Theme, place: Any = 111) -> Axes:
    """Add axes in the theme's colours, without a frame above and to the right."""
    axes = figure.add_subplot(place)
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
