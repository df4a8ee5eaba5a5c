"""What units look for: their strongest patches beside their projections, and made pictures."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from layerscope.errors import LayerscopeError
from layerscope.report.figures.images import fit, rgb, signed, strong, tiles
from layerscope.report.figures.sheet import Sheet, Word, heading, heading_height, widest
from layerscope.report.theme import LIGHT, Theme

EDGE = 16.0


def zeiler_fergus(
    projections: Sequence[Sequence[np.ndarray]],
    patches: Sequence[Sequence[np.ndarray]],
    units: Sequence[int],
    activations: Sequence[Sequence[float]],
    *,
    title: str = "",
    caption: str = "",
    side: int = 40,
    width: int = 1440,
    theme: Theme = LIGHT,
) -> Figure:
    """Draw, for each unit, its strongest patches beside their projections (Zeiler, Fergus 2014).

    Of each unit two squares below its number and its strongest activation: projections, and the
    patches they come from; the strongest first, row by row. The projections of a unit share one
    scale: zero is neutral, the largest half percent of what is not zero has the full colour.

    Args:
        projections: `(unit, rank)` arrays `(channel, y, x)`, signed.
        patches: `(unit, rank)` pictures `(y, x, 3)` or `(y, x)` of bytes, of the same sizes.
        units: the units' numbers.
        activations: of each patch, the strongest first.
        title: what the sheet shows.
        caption: what must be known to read it.
        side: pixels of one patch, about.
        width: pixels of the sheet, at most.
        theme: the colours of paper and words.

    """
    counts = {len(part) for part in (projections, patches, units, activations)}
    if len(counts) != 1 or not units:
        raise LayerscopeError(
            f"{len(units)} units, {len(projections)} of projections, {len(patches)} of patches, "
            f"{len(activations)} of activations: one for each, at least one"
        )
    blocks = [pair(*both, side) for both in zip(projections, patches, strict=True)]
    words = [
        f"unit {unit} · {max(strengths, default=0.0):.3g}"
        for unit, strengths in zip(units, activations, strict=True)
    ]
    return _blocks(blocks, words, title, caption, width, theme)


def synthesised(
    pictures: Sequence[np.ndarray],
    words: Sequence[str],
    *,
    title: str = "",
    caption: str = "",
    side: int = 112,
    width: int = 1440,
    theme: Theme = LIGHT,
) -> Figure:
    """Draw pictures `(y, x, 3)` of bytes, each below its words: made for units, or for classes.

    >>> figure = synthesised([np.zeros((8, 8, 3), np.uint8)] * 2, ["3", "17"])
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['3', '17']

    """
    if not pictures or len(pictures) != len(words):
        raise LayerscopeError(f"{len(pictures)} pictures and {len(words)} words: one for each")
    fitted = [fit(rgb(picture), side) for picture in pictures]
    return _blocks(fitted, words, title, caption, width, theme)


def pair(projections: Sequence[np.ndarray], patches: Sequence[np.ndarray], side: int) -> np.ndarray:
    """Lay the projections of one unit beside their patches, each as a square of small pictures."""
    reduced = [averaged(np.asarray(each), side) for each in projections]
    top = strong(np.concatenate([each.ravel() for each in reduced])) if reduced else 0.0
    seen = [fit(signed(each, top), side) for each in reduced]
    shown = [fit(rgb(each), side) for each in patches]
    columns = max(1, round(len(seen) ** 0.5))
    return tiles([tiles(_level(part), columns, 1) for part in (seen, shown)], 2, 4)


def averaged(values: np.ndarray, side: int) -> np.ndarray:
    """Average signed values `(channel, y, x)` over squares, as `fit` does with pixels.

    Averages are coloured on a scale of their own: fine lines, red beside blue, leave little.

    >>> averaged(np.ones((1, 6, 6)), 3).shape
    (1, 3, 3)
    """
    channels, height, width = values.shape
    step = max(1, round(max(height, width) / side))
    rows, columns = -(-height // step), -(-width // step)
    padded = np.pad(
        values, ((0, 0), (0, rows * step - height), (0, columns * step - width)), mode="edge"
    )
    return padded.reshape(channels, rows, step, columns, step).mean((2, 4))


def _level(pictures: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Put pictures of several sizes into the middle of places of one size."""
    height, width = (max(picture.shape[axis] for picture in pictures) for axis in (0, 1))
    placed = []
    for picture in pictures:
        place = np.full((height, width, 3), 247, np.uint8)
        y, x = (height - picture.shape[0]) // 2, (width - picture.shape[1]) // 2
        place[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
        placed.append(place)
    return placed


def _blocks(
    blocks: Sequence[np.ndarray],
    words: Sequence[str],
    title: str,
    caption: str,
    width: float,
    theme: Theme,
) -> Figure:
    """Lay blocks of one size out in rows, each below its words."""
    tall = max(block.shape[0] for block in blocks)
    wide = round(max(widest(words, 11.5), *(block.shape[1] for block in blocks)))
    gap = 14
    columns = max(1, min(len(blocks), int((width - 2 * EDGE + gap) // (wide + gap))))
    room = max(columns * (wide + gap) - gap, 420)
    top, step = heading_height(title, caption, room), tall + 28
    sheet = Sheet(room + 2 * EDGE, top + step * -(-len(blocks) // columns) + 8)
    heading(sheet, title, caption, room)
    for number, (block, word) in enumerate(zip(blocks, words, strict=True)):
        x, y = EDGE + number % columns * (wide + gap), top + number // columns * step
        sheet.words.append(Word(word, x, y + 8, 11.5))
        sheet.pictures.append((x, y + 18, block))
    return sheet.draw(theme)
