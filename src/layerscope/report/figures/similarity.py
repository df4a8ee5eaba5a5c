"""Layers against brains: similarity along the layers beside its references, and matrices."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from layerscope.report.figures.plots import name_bar, name_layers, tell, themed_axes
from layerscope.report.theme import LIGHT, Theme

Interval = tuple[Sequence[float], Sequence[float], Sequence[float]]
"""Values, and the low and high ends of their intervals."""


def similarity_curve(
    layers: Sequence[str],
    trained: Interval,
    untrained: Interval,
    references: Mapping[str, float],
    ylabel: str,
    *,
    ceiling: tuple[float, float] | None = None,
    title: str = "",
    caption: str = "",
    theme: Theme = LIGHT,
) -> Figure:
    """Plot layers, front to back, beside the untrained twin, named levels and the noise ceiling.

    >>> figure = similarity_curve(["conv1"], ([0.2], [0.1], [0.3]), ([0.1], [0], [0.2]),
    ...     {"pixels": 0.1}, "Spearman", ceiling=(0.4, 0.6))
    >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    ['trained', 'untrained twin', 'pixels', 'noise ceiling']
    """
    width = max(6.6, 0.34 * len(layers) + 2.6)
    figure = Figure(figsize=(width, 4.6 if len(layers) < 12 else 5.4), layout="constrained")
    axes = themed_axes(figure, theme)
    _line(axes, trained, "trained", theme.first, "-", "o")
    _line(axes, untrained, "untrained twin", theme.second, "--", "s")
    styles = (
        ((0, (1, 1.5)), theme.muted),
        ("-.", theme.third),
        ((0, (5, 1, 1, 1, 1, 1)), theme.ink),
    )
    for number, (name, level) in enumerate(references.items()):
        dash, colour = styles[min(number, 2)]
        axes.axhline(level, color=colour, linestyle=dash, linewidth=1.6, label=name)
    if ceiling:
        axes.axhspan(*ceiling, color=theme.muted, alpha=0.22, linewidth=0, label="noise ceiling")
    axes.axhline(0, color=theme.muted, linewidth=0.8)
    name_layers(axes, layers)
    axes.set_ylabel(ylabel)
    tell(figure, title, caption, theme)
    axes.legend(frameon=False, labelcolor=theme.ink, loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure


def matrix(
    values: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    label: str,
    *,
    axes_names: tuple[str, str] = ("", ""),
    title: str = "",
    caption: str = "",
    theme: Theme = LIGHT,
) -> Figure:
    """Draw how alike each row's layer is to each column's, from 0 (dark) to 1 (light).

    >>> matrix(np.eye(2), ["a", "b"], ["a", "b"], "CKA").axes[0].get_xticks().tolist()
    [0, 1]
    """
    cell = 0.23 if max(len(rows), len(columns)) > 8 else 0.55
    size = (max(4.6, cell * len(columns) + 3.2), max(3.6, cell * len(rows) + 2.6))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    picture = axes.imshow(values, cmap="cividis", vmin=0, vmax=1, interpolation="nearest")
    axes.set_xticks(range(len(columns)), columns, rotation=90)
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(colors=theme.muted, labelcolor=theme.ink, length=0)
    axes.set_ylabel(axes_names[0], color=theme.ink)
    axes.set_xlabel(axes_names[1], color=theme.ink)
    for spine in axes.spines.values():
        spine.set_visible(False)
    _bar(figure, picture, [axes], label, theme)
    tell(figure, title, caption, theme)
    return figure


def table_picture(
    values: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    label: str,
    *,
    axes_names: tuple[str, str] = ("", ""),
    top: float | None = None,
    digits: int = 0,
    title: str = "",
    theme: Theme = LIGHT,
) -> Figure:
    """Draw a small table of numbers of 0 and more, coloured by their size.

    >>> figure = table_picture(np.eye(2), ["a", "b"], ["a", "b"], "share", digits=1)
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['1.0', '0.0', '0.0', '1.0']
    """
    figure = Figure(figsize=(0.62 * len(columns) + 3, 0.52 * len(rows) + 2), layout="constrained")
    axes = figure.add_subplot()
    most = float(values.max()) if top is None else top
    picture = axes.imshow(values, cmap="cividis", vmin=0, vmax=most, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        ink = theme.paper if value < 0.55 * most else theme.ink
        axes.text(
            column, row, f"{value:.{digits}f}", ha="center", va="center", color=ink, fontsize=9
        )
    axes.set_xticks(range(len(columns)), columns, rotation=90)
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(colors=theme.muted, labelcolor=theme.ink, length=0)
    axes.set_ylabel(axes_names[0], color=theme.ink)
    axes.set_xlabel(axes_names[1], color=theme.ink)
    _bar(figure, picture, [axes], label, theme)
    tell(figure, title, "", theme)
    return figure


def rdm_sheet(
    matrices: Mapping[str, np.ndarray],
    *,
    blocks: Sequence[str] = (),
    title: str = "",
    caption: str = "",
    theme: Theme = LIGHT,
) -> Figure:
    """Draw square RDMs side by side, each as the percentile of its values.

    `blocks` names the category of each stimulus; where these stand together, their borders are
    marked.

    >>> sheet = rdm_sheet({"conv1": np.ones((3, 3)) - np.eye(3)})
    >>> sheet.axes[0].get_title()
    'conv1'
    """
    across = min(4, len(matrices))
    down = -(-len(matrices) // across)
    figure = Figure(figsize=(2.5 * across + 0.9, 2.75 * down + 0.8), layout="constrained")
    picture = None
    for number, (name, values) in enumerate(matrices.items()):
        axes = figure.add_subplot(down, across, number + 1)
        picture = axes.imshow(percentiles(values), cmap="cividis", vmin=0, vmax=100)
        axes.set_title(name, fontsize=9, color=theme.ink)
        axes.set_xticks([])
        axes.set_yticks([])
        for border in borders(blocks):
            axes.axhline(border - 0.5, color=theme.paper, linewidth=0.7)
            axes.axvline(border - 0.5, color=theme.paper, linewidth=0.7)
        for spine in axes.spines.values():
            spine.set_visible(False)
    if picture is not None:
        _bar(figure, picture, list(figure.axes), "dissimilarity, percentile", theme)
    tell(figure, title, caption, theme)
    return figure


def movie_curves(
    times: Sequence[float],
    curves: Mapping[str, Interval],
    ylabel: str,
    *,
    title: str = "",
    caption: str = "",
    theme: Theme = LIGHT,
) -> Figure:
    """Plot similarity over time, in seconds, of a few models with their intervals.

    >>> movie_curves([0, 0.1], {"pixels": ([0, 1], [0, 0], [1, 1])}, "r").axes[0].get_xlabel()
    'time (s)'
    """
    figure = Figure(figsize=(7.4, 4.0), layout="constrained")
    axes = themed_axes(figure, theme)
    colours = (theme.first, theme.second, theme.third, theme.muted, theme.ink)
    dashes = ("-", "--", "-.", ":", (0, (5, 1, 1, 1)))
    for number, (name, (values, low, high)) in enumerate(curves.items()):
        colour = colours[number % 5]
        axes.plot(times, values, color=colour, linestyle=dashes[number % 5], label=name)
        axes.fill_between(times, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.axhline(0, color=theme.muted, linewidth=0.8)
    axes.set_xlabel("time (s)")
    axes.set_ylabel(ylabel)
    tell(figure, title, caption, theme)
    axes.legend(frameon=False, labelcolor=theme.ink, loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure


def percentiles(values: np.ndarray) -> np.ndarray:
    """Replace the values off the diagonal by their percentile, ties at their mean.

    >>> percentiles(np.array([[0, 5], [5, 0]])).tolist()
    [[0.0, 50.0], [50.0, 0.0]]
    """
    off = ~np.eye(len(values), dtype=bool)
    given = values[off]
    ordered = np.sort(given)
    below, upto = (np.searchsorted(ordered, given, side) for side in ("left", "right"))
    found = np.zeros(values.shape)
    found[off] = 100 * (below + upto) / (2 * len(given))
    return found


def borders(blocks: Sequence[Any]) -> list[int]:
    """Give where one category ends and the next begins, if each stands together.

    >>> borders(["face", "face", "house"]), borders(["face", "house", "face"])
    ([2], [])
    """
    changes = [n for n in range(1, len(blocks)) if blocks[n] != blocks[n - 1]]
    return changes if len(changes) + 1 == len(set(blocks)) else []


def _line(axes: Axes, interval: Interval, name: str, colour: str, dash: str, marker: str) -> None:
    """Plot values and their interval, a place for each layer."""
    values, low, high = interval
    x = range(len(values))
    axes.plot(x, values, dash, color=colour, marker=marker, markersize=4, linewidth=1.7, label=name)
    axes.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)


def _bar(figure: Figure, picture: AxesImage, places: list[Axes], label: str, theme: Theme) -> None:
    """Put a colour bar beside axes."""
    name_bar(figure.colorbar(picture, ax=places, shrink=0.7, pad=0.02), label, theme)
