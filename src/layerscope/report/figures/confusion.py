"""The confusion matrix as a picture: a row for each true class, coloured by its shares."""

import base64
import io
from collections.abc import Sequence

import numpy as np
from matplotlib.colors import to_rgb
from PIL import Image
from rich.cells import cell_len

from layerscope.report.figures import svg
from layerscope.report.theme import LIGHT, Theme

WRITTEN = 16  # classes; the cells of a larger matrix are too small to write in


def confusion_svg(confusion: np.ndarray, classes: Sequence[str], *, theme: Theme = LIGHT) -> str:
    """Draw counts `(true, predicted)`; a cell's colour is its share of its row.

    Each cell holds its count and share, in black or white, whichever is better to read; the cells
    of more than 16 classes are colour alone.

    >>> "true class" in confusion_svg(np.eye(2, dtype=int), ["cat", "dog"])
    True
    """
    k = len(classes)
    cell = 62.0 if k <= 8 else 48.0 if k <= WRITTEN else 480 / k
    letters = min(max(map(cell_len, classes)), 16)
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
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    if k > WRITTEN:
        parts.append(_field(shares, left, top, k * cell, theme))
    else:
        parts += [
            _cell(int(confusion[i, j]), shares[i, j], left + j * cell, top + i * cell, cell, theme)
            for i, j in np.ndindex(k, k)
        ]
    overhang = 8 if _fits(letters, cell) else 5.6 * letters  # of the last name, turned
    return svg.document(parts, left + k * cell + overhang, top + k * cell + 8)


def cell_colours(share: float, theme: Theme) -> tuple[str, str]:
    """Give the colours of a cell and of the writing in it, whose contrast is at least 4.5 to 1.

    >>> cell_colours(0.0, LIGHT), cell_colours(1.0, LIGHT)
    (('#ffffff', '#000000'), ('#0b3c6d', '#ffffff'))
    """
    colour = _colours(np.array(share), theme) / 255
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    bright = float(linear @ [0.2126, 0.7152, 0.0722]) > 0.179
    hexadecimal = "#" + "".join(f"{round(255 * part):02x}" for part in colour)
    return hexadecimal, "#000000" if bright else "#ffffff"


def _colours(shares: np.ndarray, theme: Theme) -> np.ndarray:
    """Mix the colours of an empty and of a full cell, bytes `(..., 3)`."""
    empty, full = np.array(to_rgb(theme.paper)), np.array(to_rgb(theme.full))
    return np.round(255 * (empty + (full - empty) * shares[..., None])).astype(np.uint8)


def _field(shares: np.ndarray, left: float, top: float, side: float, theme: Theme) -> str:
    """Draw all cells as one image, a pixel each."""
    out = io.BytesIO()
    Image.fromarray(_colours(shares, theme)).save(out, "PNG")
    place = {"x": left, "y": top, "width": side, "height": side}
    return svg.element(
        "image",
        href="data:image/png;base64," + base64.b64encode(out.getvalue()).decode(),
        style="image-rendering: pixelated",
        **place,
    ) + svg.element("rect", fill="none", stroke=theme.line, **place)


def _cell(count: int, share: float, x: float, y: float, side: float, theme: Theme) -> str:
    fill, ink = cell_colours(share, theme)
    square = svg.element("rect", x=x, y=y, width=side, height=side, fill=fill, stroke=theme.line)
    middle, style = x + side / 2, {"text_anchor": "middle", "fill": ink}
    if count == 0:
        return square + svg.text("0", middle, y + side / 2 + 5, **style | {"fill": theme.muted})
    large, small = (16, 11.5) if side > 50 else (13, 10)
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
