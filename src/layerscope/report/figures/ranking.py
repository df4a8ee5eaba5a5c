"""Which units answer each class most: their numbers in a table, a row a class, a block a layer."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from layerscope.errors import LayerscopeError
from layerscope.report.figures.sheet import Sheet, Word, heading, heading_height, widest
from layerscope.report.theme import LIGHT, Theme

EDGE, LINE, CELL = 16.0, 20.0, 34.0  # pixels: of the sheet, of a line, of a number


def ranking(
    units: Sequence[np.ndarray],
    layers: Sequence[str],
    classes: Sequence[str],
    *,
    title: str = "",
    caption: str = "",
    theme: Theme = LIGHT,
) -> Figure:
    """Write unit numbers `(class, rank)` of each layer, the strongest first.

    A unit that stands in the rows of several classes is faint.

    >>> figure = ranking([np.array([[3, 1], [3, 0]])], ["conv1"], ["cat", "dog"])
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['conv1', 'cat', '3', '1', 'dog', '3', '0']

    """
    if not units or len(units) != len(layers) or {len(u) for u in units} != {len(classes)}:
        raise LayerscopeError(
            f"{len(units)} tables of {sorted({len(u) for u in units})} rows for {len(layers)} "
            f"layers and {len(classes)} classes: one table a layer, one row a class"
        )
    left = EDGE + widest(classes) + 12
    ranks = max(u.shape[1] for u in units)
    room = max(left + ranks * CELL - EDGE, 320.0)
    top, step = heading_height(title, caption, room), LINE * (len(classes) + 1.6)
    sheet = Sheet(room + 2 * EDGE, top + step * len(units) + 4)
    heading(sheet, title, caption, room)
    for number, (table, layer) in enumerate(zip(units, layers, strict=True)):
        y = top + step * number
        sheet.words.append(Word(layer, EDGE, y + 8, strong=True))
        found, counts = np.unique(table, return_counts=True)
        shared = set(found[counts > 1].tolist())
        for row, name in enumerate(classes):
            at = y + LINE * (row + 1) + 8
            sheet.words.append(Word(name, EDGE, at))
            for rank, unit in enumerate(table[row].tolist()):
                x = left + CELL * (rank + 1) - 6
                sheet.words.append(Word(str(unit), x, at, 12, "right", faint=unit in shared))
    return sheet.draw(theme)
