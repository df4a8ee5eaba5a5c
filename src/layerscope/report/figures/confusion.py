"""The confusion matrix as a picture: a row for each true class, coloured by its shares."""

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import to_rgb

from layerscope.report.figures import svg
from layerscope.report.theme import LIGHT, Theme

WRITTEN = 16  # classes; the cells of a larger matrix are too small to write in


def confusion_svg(confusion: np.ndarray, classes: Sequence[str], *, theme: Theme = LIGHT) -> str:
    """Draw counts `(true, predicted)`; a cell's colour is its share of its row.

    Each cell holds its count and share, in black or white, whichever is better to read.

    >>> "true class" in confusion_svg(np.eye(2, dtype=int), ["cat", "dog"])
    True
    """
    k = len(classes)
    cell = 62.0 if k <= 8 else 48.0 if k <= WRITTEN else max(480 / k, 4.0)
    letters = min(max(map(len, classes)), 16)
    left, top = 44 + 7.6 * letters, 40 + (22 if _fits(letters, cell) else 5.6 * letters + 14)
    middle = top + k * cell / 2
    parts = [
        svg.text("predicted class", left + k * cell / 2, 18, **_title(theme)),
        svg.text(
            "true class", 16, middle, transform=f"rotate(-90 16 {middle:.1f})", **_title(theme)
        ),
    ]
    if cell >= 12:
        parts += _labels(classes, left, top, cell, letters, theme)
    totals = confusion.sum(axis=1)
    for i, j in np.ndindex(k, k):
        share = confusion[i, j] / totals[i] if totals[i] else 0.0
        parts.append(
            _cell(int(confusion[i, j]), share, left + j * cell, top + i * cell, cell, k, theme)
        )
    overhang = 8 if _fits(letters, cell) else 5.6 * letters  # of the last name, turned
    return svg.document(parts, left + k * cell + overhang, top + k * cell + 8)


def cell_colours(share: float, theme: Theme) -> tuple[str, str]:
    """Give the colours of a cell and of the writing in it, whose contrast is at least 4.5 to 1.

    >>> cell_colours(0.0, LIGHT), cell_colours(1.0, LIGHT)
    (('#ffffff', '#000000'), ('#0b3c6d', '#ffffff'))
    """
    empty, full = np.array(to_rgb(theme.paper)), np.array(to_rgb(theme.full))
    colour = np.round(255 * (empty + (full - empty) * share)) / 255
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    bright = float(linear @ [0.2126, 0.7152, 0.0722]) > 0.179
    hexadecimal = "#" + "".join(f"{round(255 * part):02x}" for part in colour)
    return hexadecimal, "#000000" if bright else "#ffffff"


def _cell(count: int, share: float, x: float, y: float, side: float, k: int, theme: Theme) -> str:
    fill, ink = cell_colours(share, theme)
    edge = {"stroke": theme.line, "stroke_width": 1 if k <= WRITTEN else 0.25}
    square = svg.element("rect", x=x, y=y, width=side, height=side, fill=fill, **edge)
    if k > WRITTEN:
        return square
    middle, style = x + side / 2, {"text_anchor": "middle", "fill": ink}
    if count == 0:
        return square + svg.text("0", middle, y + side / 2 + 5, **style | {"fill": theme.muted})
    large, small = (16, 11.5) if k <= 8 else (13, 10)
    told = f"{100 * share:.0f} %" if share >= 0.0995 else f"{100 * share:.1f} %"
    heavy = {"font_size": large, "font_weight": 600}
    return (
        square
        + svg.text(f"{count:,}", middle, y + side / 2, **style, **heavy)
        + svg.text(told, middle, y + side / 2 + large, **style, font_size=small)
    )


def _labels(
    classes: Sequence[str], left: float, top: float, cell: float, letters: int, theme: Theme
) -> list[str]:
    parts = []
    size = min(14.0, max(cell - 2, 8.0))
    for i, name in enumerate(classes):
        middle, name = (i + 0.5) * cell, svg.shortened(name, 16)
        style = {"fill": theme.ink, "font_size": size}
        parts.append(svg.text(name, left - 8, top + middle + 5, text_anchor="end", **style))
        x, y = left + middle, top - 8
        if _fits(letters, cell):
            parts.append(svg.text(name, x, y, text_anchor="middle", **style))
        else:
            turned = {"transform": f"rotate(-45 {x:.1f} {y:.1f})"}
            parts.append(svg.text(name, x, y, text_anchor="start", **turned, **style))
    return parts


def _fits(letters: int, cell: float) -> bool:
    """Tell whether names fit above their columns without being turned."""
    return letters * 7.6 <= cell - 4


def _title(theme: Theme) -> dict[str, str | float]:
    return {
        "fill": theme.ink,
        "font_size": 14,
        "font_weight": 600,
        "text_anchor": "middle",
    }
