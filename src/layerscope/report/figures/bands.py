"""What bands are worth: the cost of swapping each, layers by bands, and curves over frequency."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from layerscope.errors import LayerscopeError
from layerscope.report.figures.images import HEAT
from layerscope.report.figures.plots import name_bar, themed_axes
from layerscope.report.theme import LIGHT, Theme

#: Of framed cells: seen on every colour of the map.
FRAME = "#4fd2ff"


def band_costs(
    bands: Sequence[str],
    cost: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    untrained: np.ndarray,
    shuffled: np.ndarray,
    corrected: np.ndarray,
    *,
    theme: Theme = LIGHT,
) -> Figure:
    """Draw the balanced accuracy that swapping each band costs, beside its twins' costs.

    A bar with the middle 95 % of the draws for the network, a circle for each twin trained on
    shuffled labels, a diamond for the untrained one; above each bar its corrected p value.

    `cost`, `low`, `high`, `untrained` and `corrected` are `(band,)`, `shuffled` `(twin, band)`.

    >>> none = np.zeros(1)
    >>> figure = band_costs(["alpha"], none, none, none, none, np.zeros((0, 1)), none + 1)
    >>> [text.get_text() for text in figure.axes[0].get_xticklabels()]
    ['alpha']

    """
    figure = Figure(figsize=(max(5.2, 1.1 * len(bands) + 1.4), 3.6), layout="constrained")
    axes = themed_axes(figure, theme)
    place = np.arange(len(bands))
    axes.axhline(0, color=theme.muted, linewidth=0.8)
    axes.bar(place, cost, 0.5, color=theme.first, label="this network")
    sides = np.maximum(np.stack([cost - low, high - cost]), 0)
    axes.errorbar(place, cost, sides, fmt="none", ecolor=theme.ink, elinewidth=1.2, capsize=3)
    style: dict[str, Any] = {"s": 22, "zorder": 4, "facecolors": theme.paper}
    style["edgecolors"] = theme.second
    for number, row in enumerate(np.asarray(shuffled)):
        label = "trained on shuffled labels" if not number else None
        axes.scatter(place + 0.33, row, label=label, **style)
    axes.scatter(
        place + 0.42, untrained, s=26, marker="D", color=theme.third, zorder=4, label="untrained"
    )
    top = np.maximum(high, 0)
    for x, y, p in zip(place, top, corrected, strict=True):
        above(axes, _p(p), (float(x), float(y)), theme)
    axes.margins(y=0.14)
    axes.set_xticks(place, bands)
    axes.grid(visible=False, axis="x")
    axes.set_ylabel("balanced accuracy lost")
    axes.legend(frameon=False, labelcolor=theme.ink, fontsize=8, loc="best")
    return figure


def layer_bands(
    layers: Sequence[str],
    bands: Sequence[str],
    values: np.ndarray,
    corrected: np.ndarray,
    twins: np.ndarray,
    *,
    alpha: float = 0.05,
    unit: str = "",
    theme: Theme = LIGHT,
) -> Figure:
    """Draw what lies in each band at each layer as numbers on a heat map, layers down.

    Framed are cells below `alpha` that are larger than any twin's. Under each number stands the
    largest of its twins.

    `values` and their corrected p values are `(layer, band)`, `twins` `(twin, layer, band)`.
    """
    values, most = np.asarray(values, float), np.asarray(twins, float).max(axis=0)
    if values.shape != (len(layers), len(bands)):
        raise LayerscopeError(
            f"values of shape {values.shape} for {len(layers)} layers and {len(bands)} bands"
        )
    size = (max(4.6, 1.05 * len(bands) + 2.2), 0.62 * len(layers) + 1.3)
    figure = Figure(figsize=size, layout="constrained")
    axes = themed_axes(figure, theme)
    top = max(float(values.max(initial=0)), 1e-12)
    drawn = axes.imshow(values, cmap=HEAT, vmin=0, vmax=top, aspect="auto")
    for (i, j), value in np.ndenumerate(values):
        bright = float(np.array(HEAT(value / top)[:3]) @ (0.3, 0.59, 0.11)) > 0.5
        words, ink = f"{value:.2f}\n({most[i, j]:.2f})", "#000000" if bright else "#ffffff"
        axes.text(j, i, words, ha="center", va="center", fontsize=8, color=ink, linespacing=1.3)
        if corrected[i, j] < alpha and value > most[i, j]:
            frame = Rectangle((j - 0.47, i - 0.45), 0.94, 0.9, fill=False, edgecolor=FRAME)
            frame.set_linewidth(2.4)
            axes.add_patch(frame)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.set_xticks(range(len(bands)), bands)
    axes.set_yticks(range(len(layers)), layers)
    axes.set_xlim(-0.5, len(bands) - 0.5)
    axes.set_ylim(len(layers) - 0.5, -0.5)
    name_bar(figure.colorbar(drawn, ax=axes, pad=0.02), unit, theme)
    return figure


def frequency_curves(
    layers: Sequence[str],
    frequencies: np.ndarray,
    values: np.ndarray,
    limit: np.ndarray,
    twins: np.ndarray,
    *,
    unit: str = "",
    marks: Sequence[float] = (),
    theme: Theme = LIGHT,
) -> Figure:
    """Draw a curve over frequency for each layer, on one scale, above what its null reaches.

    `frequencies` in Hz; `values` and `limit`, which 95 % of permuted labels stay below,
    `(layer, frequency)`; `twins`, drawn thin, `(twin, layer, frequency)`; `marks` are ruled in.
    """
    figure = Figure(figsize=(7.6, 1.35 * len(layers) + 1.2), layout="constrained")
    first = None
    for number, layer in enumerate(layers):
        axes = themed_axes(figure, theme, (len(layers), 1, number + 1), share=first)
        first = first or axes
        for mark in marks:
            axes.axvline(mark, color=theme.line, linewidth=1)
        axes.fill_between(frequencies, 0, limit[number], color=theme.muted, alpha=0.3, linewidth=0)
        for each in twins[:, number]:
            axes.plot(frequencies, each, color=theme.second, linewidth=0.8, alpha=0.8)
        axes.plot(frequencies, values[number], color=theme.first, linewidth=1.8)
        axes.set_ylim(0, 1.08 * max(float(values.max()), float(limit.max()), 1e-12))
        axes.set_xlim(0, float(frequencies[-1]) + float(frequencies[0]))
        place: dict[str, Any] = {"transform": axes.transAxes, "ha": "right", "va": "top"}
        axes.text(0.99, 0.9, layer, color=theme.ink, fontweight="bold", **place)
        axes.tick_params(labelbottom=number == len(layers) - 1)
    figure.axes[-1].set_xlabel("frequency (Hz)")
    figure.supylabel(unit, color=theme.ink, fontsize=10)
    _name_curves(figure.axes[0], theme)
    return figure


def _name_curves(axes: Axes, theme: Theme) -> None:
    known = [
        Line2D([], [], color=theme.first, linewidth=1.8, label="this network"),
        Line2D([], [], color=theme.second, linewidth=0.8, label="its twins"),
        Line2D([], [], color=theme.muted, alpha=0.4, linewidth=7, label="95 % of permuted labels"),
    ]
    style: dict[str, Any] = {"frameon": False, "labelcolor": theme.ink, "fontsize": 8}
    axes.legend(handles=known, loc="upper left", **style)


def above(axes: Axes, words: str, place: tuple[float, float], theme: Theme) -> None:
    """Write small words above a point."""
    style: dict[str, Any] = {"ha": "center", "fontsize": 8, "color": theme.ink}
    axes.annotate(words, place, (0, 4), textcoords="offset points", **style)


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}"
