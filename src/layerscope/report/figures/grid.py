"""Grids of pictures with their rows and columns named: class by layer by method."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from layerscope.errors import LayerscopeError
from layerscope.report.figures.images import fit
from layerscope.report.figures.sheet import (
    Legend,
    Sheet,
    Word,
    heading,
    heading_height,
    legend_rows,
    put_legends,
    widest,
    width_of,
    wrapped,
)
from layerscope.report.theme import LIGHT, Theme

EDGE, GAP, APART = 16.0, 6.0, 18.0  # pixels: of the sheet, between pictures, between groups
Cell = np.ndarray | None


def grid(
    cells: Sequence[Sequence[Cell]],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    groups: Sequence[tuple[str, int]] = (),
    notes: Sequence[Sequence[str]] = (),
    legends: Sequence[Legend] = (),
    title: str = "",
    caption: str = "",
    side: int = 112,
    theme: Theme = LIGHT,
) -> Figure:
    """Draw pictures `(y, x, 3)` of bytes in named rows and columns.

    Args:
        cells: a list of pictures a row; None where there is none.
        rows: their names, such as the classes.
        columns: their names, such as the layers.
        groups: `(name, columns)` from the left, such as the methods.
        notes: a few words below each picture.
        legends: what the colours mean, one for each method.
        title: what the sheet shows.
        caption: what must be known to read it.
        side: pixels of a picture's longer side, about.
        theme: colours of paper and words.

    >>> [text.get_text() for text in grid([[None]], ["cat"], ["conv1"]).axes[0].texts]
    ['conv1', 'cat', '–']

    """
    _check(cells, rows, columns, groups)
    pictures = [[None if x is None else fit(x, side) for x in row] for row in cells]
    height, width = _size(pictures, columns, groups, side)
    left = EDGE + (widest(rows) + 14 if any(rows) else 0)
    xs = [left + x for x in _places(len(columns), groups, width)]
    room = max(xs[-1] + width - EDGE, 420.0)
    keys, told = legend_rows(legends, room), notes or [[""] * len(columns)] * len(rows)
    names = [wrapped(name, width + GAP, 12) for name in columns]
    heads = 24 * bool(groups) + 16 * max(map(len, names)) + 6 * any(columns)
    top = heads + heading_height(title, caption, room)
    step = height + GAP + 18 * any(map(any, notes))
    end = top + step * len(rows)
    sheet = Sheet(room + 2 * EDGE, end + 26 * len(keys) + 12)
    _put_heads(sheet, names, groups, xs, width, heading(sheet, title, caption, room))
    for r, y in enumerate(top + step * place for place in range(len(rows))):
        sheet.words.append(Word(rows[r], left - 10, y + height / 2, align="right", strong=True))
        _put_row(sheet, pictures[r], told[r], xs, y, (width, height))
    put_legends(sheet, keys, EDGE, end + 4)
    return sheet.draw(theme)


def _put_row(
    sheet: Sheet,
    row: Sequence[Cell],
    notes: Sequence[str],
    xs: Sequence[float],
    y: float,
    size: tuple[float, float],
) -> None:
    """Put the pictures of one row beside each other."""
    for x, picture, note in zip(xs, row, notes, strict=True):
        _put(sheet, picture, note, x, y, *size)


def _check(
    cells: Sequence[Sequence[Cell]],
    rows: Sequence[str],
    columns: Sequence[str],
    groups: Sequence[tuple[str, int]],
) -> None:
    lengths = {len(row) for row in cells}
    grouped = sum(count for _, count in groups)
    if not rows or len(cells) != len(rows) or lengths != {len(columns)}:
        raise LayerscopeError(
            f"{len(cells)} rows of {sorted(lengths)} pictures for {len(rows)} names of rows and "
            f"{len(columns)} of columns: give one name for each"
        )
    if groups and grouped != len(columns):
        raise LayerscopeError(f"groups of {grouped} columns in all; there are {len(columns)}")


def _size(
    pictures: Sequence[Sequence[Cell]],
    columns: Sequence[str],
    groups: Sequence[tuple[str, int]],
    side: int,
) -> tuple[float, float]:
    """Give the height and width of a place: of the largest picture, or of the names above it."""
    shapes = [each.shape for row in pictures for each in row if each is not None] or [(side, side)]
    words = [word for name in columns for word in name.split()]
    named = [widest(words, 12), *(width_of(name) / count for name, count in groups)]
    return max(shape[0] for shape in shapes), round(max(*named, *(s[1] for s in shapes)))


def _places(count: int, groups: Sequence[tuple[str, int]], width: float) -> list[float]:
    """Give the left edges of the columns, from 0 on; groups stand apart."""
    number = [i for i, (_, size) in enumerate(groups) for _ in range(size)] or [0] * count
    return [c * (width + GAP) + number[c] * (APART - GAP) for c in range(count)]


def _put_heads(
    sheet: Sheet,
    columns: Sequence[Sequence[str]],
    groups: Sequence[tuple[str, int]],
    xs: Sequence[float],
    width: float,
    y: float,
) -> None:
    """Put the names of groups, with a line below each, and of columns."""
    first = 0
    for name, count in groups:
        start, end = xs[first], xs[first + count - 1] + width
        sheet.words.append(Word(name, (start + end) / 2, y + 8, align="center", strong=True))
        sheet.lines.append((start, end, y + 20))
        first += count
    last = max(map(len, columns))
    for x, lines in zip(xs, columns, strict=True):
        for number, line in enumerate(lines):
            at = y + 24 * bool(groups) + 16 * (last - len(lines) + number) + 9
            sheet.words.append(Word(line, x + width / 2, at, 12, "center"))


def _put(
    sheet: Sheet, picture: Cell, note: str, x: float, y: float, width: float, height: float
) -> None:
    """Put a picture, or a dash for none, into the middle of its place, and the words below it."""
    if picture is None:
        sheet.words.append(Word("–", x + width / 2, y + height / 2, align="center", faint=True))
    else:
        h, w = picture.shape[:2]
        sheet.pictures.append((x + (width - w) // 2, y + (height - h) // 2, picture))
    if note:
        line = wrapped(note, width + GAP, 10.5)[0]
        sheet.words.append(Word(line, x + width / 2, y + height + 8, 10.5, "center", faint=True))
