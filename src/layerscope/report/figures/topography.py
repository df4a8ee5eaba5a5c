"""Topographic maps: values of electrodes on a head seen from above, nose up."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from layerscope.brain.electrodes import INTERPOLATED_FROM
from layerscope.errors import LayerscopeError
from layerscope.report.figures.images import HEAT, SIGNED
from layerscope.report.figures.plots import name_bar
from layerscope.report.theme import LIGHT, Theme


def topographies(
    values: np.ndarray,
    positions: np.ndarray,
    channels: Sequence[str],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    signed: bool = True,
    each: bool = False,
    unit: str = "",
    theme: Theme = LIGHT,
) -> Figure:
    """Draw heads in rows and columns, on one colour scale, or (`each`) each on its own.

    With fewer than 10 electrodes nothing is known between them and nothing is drawn there: each
    electrode is a disc of its value. With more, MNE interpolates between them, and not beyond.

    `values` are `(row, column, channel)`, `positions` of the electrodes `(channel, 2)`, as
    `brain.electrodes.head_positions` gives them; their names are written into the first head.
    """
    values = np.asarray(values, float)
    if values.shape != (len(rows), len(columns), len(channels)):
        raise LayerscopeError(
            f"values of shape {values.shape} for {len(rows)} rows, {len(columns)} columns and "
            f"{len(channels)} channels"
        )
    size = (1.2 * len(columns) + 1.9, 1.42 * len(rows) + 0.7)
    figure = Figure(figsize=size, layout="constrained")
    figure.set_facecolor(theme.paper)
    heads = figure.subplots(len(rows), len(columns), squeeze=False)
    top = float(np.abs(np.nan_to_num(values)).max(initial=0)) or 1.0
    colours = SIGNED if signed else HEAT
    for (i, j), axes in np.ndenumerate(heads):
        if np.isnan(values[i, j]).all():  # no head here
            axes.axis("off")
            continue
        largest = float(np.abs(values[i, j]).max(initial=0)) or 1.0
        limit = largest if each else top
        named = channels if (i, j) == (0, 0) and len(channels) <= 12 else None
        _head(axes, values[i, j], positions, named, limit, colours, signed, theme)
        if i == 0:
            axes.set_title(columns[j], fontsize=8, color=theme.ink)
        if j == 0:
            axes.text(*(-1.75, 0, rows[i]), ha="right", va="center", fontsize=8.5, color=theme.ink)
    if not each:
        norm = {"vmin": -top if signed else 0, "vmax": top}
        drawn = heads[0, 0].scatter([], [], c=[], cmap=colours, **norm)
        shrink = min(1.0, 1.6 / len(rows) + 0.3)
        name_bar(figure.colorbar(drawn, ax=heads, pad=0.02, shrink=shrink), unit, theme, 8)
    return figure


def _head(
    axes: Axes,
    values: np.ndarray,
    positions: np.ndarray,
    names: Sequence[str] | None,
    limit: float,
    colours: Colormap,
    signed: bool,
    theme: Theme,
) -> None:
    """Draw one head: outline, and discs or an interpolated map."""
    if len(values) >= INTERPOLATED_FROM:
        _interpolated(axes, values, positions, limit, colours, signed)
    axes.add_patch(Circle((0, 0), 1, fill=False, color=theme.muted, linewidth=1.2, zorder=3))
    axes.plot([-0.12, 0, 0.12], [0.99, 1.14, 0.99], color=theme.muted, linewidth=1.2, zorder=3)
    for side in (-1, 1):
        ear = side * np.array([0.99, 1.07, 1.09, 1.07, 0.99])
        axes.plot(ear, [0.2, 0.16, 0, -0.16, -0.2], color=theme.muted, linewidth=1.2, zorder=3)
    if len(values) < INTERPOLATED_FROM:
        norm = {"cmap": colours, "vmin": -limit if signed else 0, "vmax": limit}
        discs: dict[str, Any] = {"s": 120, "edgecolors": theme.muted, "linewidths": 0.8} | norm
        axes.scatter(positions[:, 0], positions[:, 1], c=values, zorder=4, **discs)
    for name, (x, y) in zip(names or (), positions, strict=False):
        style: dict[str, Any] = {"ha": "center", "va": "top", "color": theme.ink}
        axes.annotate(name, (x, y), (0, -11), textcoords="offset points", fontsize=6.5, **style)
    axes.set_xlim(-1.5, 1.5)
    axes.set_ylim(-1.35, 1.35)
    axes.set_aspect("equal")
    axes.axis("off")


def _interpolated(
    axes: Axes,
    values: np.ndarray,
    positions: np.ndarray,
    limit: float,
    colours: Colormap,
    signed: bool,
) -> None:
    """Let MNE draw the map, without its own head."""
    from mne.viz import plot_topomap

    image, _ = plot_topomap(
        values,
        positions,
        axes=axes,
        outlines=None,
        sphere=1.0,
        extrapolate="local",
        contours=0,
        cmap=colours,
        vlim=(-limit if signed else 0, limit),
        sensors="k.",
        show=False,
    )
    rim = float(max(1.0, np.linalg.norm(positions, axis=1).max() + 0.06))
    image.set_clip_path(Circle((0, 0), rim, transform=axes.transData))
