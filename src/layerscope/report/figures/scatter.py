"""Examples as points of a plane, their classes told apart by colour and by shape."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from layerscope.errors import LayerscopeError
from layerscope.report.figures.plots import tell
from layerscope.report.theme import LIGHT, Theme

#: Okabe and Ito's colours for colour-blind eyes, and two greys; the markers differ as well.
COLOURS = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#8a8200", "#5b3b8c"),
    *("#6b6b6b", "#1a1a1a"),
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")


def embedding(
    planes: Sequence[np.ndarray],
    names: Sequence[str],
    labels: np.ndarray,
    classes: Sequence[str],
    *,
    title: str = "",
    caption: str = "",
    theme: Theme = LIGHT,
) -> Figure:
    """Draw one panel a layer: each example a point `(x, y)`, coloured and shaped by its class.

    Axes have no unit: only which points lie close together is read. All classes share one legend.

    Args:
        planes: `(example, 2)`, one for each panel.
        names: the panels' names, such as the layers.
        labels: `(example,)` class indices.
        classes: their names.
        title: what is shown.
        caption: what must be known to read it.
        theme: the colours of paper and words.

    """
    if not planes or len(planes) != len(names):
        raise LayerscopeError(f"{len(planes)} planes and {len(names)} names: one for each")
    columns = min(len(planes), 3)
    rows = -(-len(planes) // columns)
    figure = Figure(figsize=(3.3 * columns + 1.6, 3.3 * rows + 0.9), layout="constrained")
    figure.set_facecolor(theme.paper)
    grid = figure.add_gridspec(rows, columns)
    size = float(np.clip(4000 / max(len(labels), 1), 5, 28))
    for place, (points, name) in enumerate(zip(planes, names, strict=True)):
        axes = figure.add_subplot(grid[place])
        axes.set_facecolor(theme.paper)
        for k in range(len(classes)):
            x, y = points[labels == k].T
            marker, colour = MARKERS[(k + k // 10) % 10], COLOURS[k % 10]
            axes.scatter(x, y, size, color=colour, marker=marker, alpha=0.75, linewidths=0)
        axes.set_title(name, fontsize=11, color=theme.ink)
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set_color(theme.line)
    _legend(figure, classes, theme)
    tell(figure, title, caption, theme)
    return figure


def _legend(figure: Figure, classes: Sequence[str], theme: Theme) -> None:
    from matplotlib.lines import Line2D

    keys = [
        Line2D([], [], linestyle="", color=COLOURS[k % 10], marker=MARKERS[(k + k // 10) % 10])
        for k in range(len(classes))
    ]
    figure.legend(
        keys, classes, loc="outside right center", frameon=False, labelcolor=theme.ink, fontsize=10
    )
