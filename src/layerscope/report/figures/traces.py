"""Small pictures of sounds, for tables: lines of samples as coloured bands on nothing."""

import itertools
from collections.abc import Sequence

import numpy as np

from layerscope.report.figures.images import strong

GREY, ORANGE, BLUE = (128, 128, 128), (213, 94, 0), (0, 114, 178)
"""Readable on white and on black, and told apart by colour-blind eyes."""
THICK = 2.5  # pixels of a line
WIDE = 344  # pixels across, twice of what a table shows


def band(values: np.ndarray, top: float, tall: int = 64, wide: int = WIDE) -> np.ndarray:
    """Tell which pixels `(tall, wide)` a line of samples `(time,)` crosses; `top` is the edge.

    A column holds all samples that share it and joins on to its neighbour: no peak is lost.

    >>> band(np.array([0.0, 0.0]), 1.0, tall=7, wide=3).any(axis=1).astype(int).tolist()
    [0, 0, 1, 1, 1, 0, 0]
    """
    values = np.asarray(values, float)
    if len(values) < 2 * wide:  # few samples are joined by straight lines
        at = np.linspace(0, len(values) - 1, 2 * wide)
        values = np.interp(at, np.arange(len(values)), values)
    edges = np.linspace(0, len(values), wide + 1).astype(int)
    pieces = [values[a:b] for a, b in itertools.pairwise(edges)]
    low, high = (np.array([pick(piece) for piece in pieces]) for pick in (np.min, np.max))
    low[1:], high[1:] = np.minimum(low[1:], high[:-1]), np.maximum(high[1:], low[:-1])
    middle = (tall - 1) / 2
    scale = middle / (top or 1.0)
    upper, lower = middle - scale * high - THICK / 2, middle - scale * low + THICK / 2
    rows = np.arange(tall)[:, None]
    return (rows >= upper) & (rows <= lower)


def traced(lines: Sequence[tuple[np.ndarray, tuple[int, int, int]]], tall: int = 64) -> np.ndarray:
    """Draw lines `(time,)` of one length over one another, each scaled by itself: `(y, x, 4)`."""
    picture = np.zeros((tall, WIDE, 4), np.uint8)
    for values, colour in lines:
        picture[band(values, float(np.abs(values).max(initial=0)), tall)] = (*colour, 255)
    return picture


def weighed(samples: np.ndarray, values: np.ndarray, tall: int = 64) -> np.ndarray:
    """Draw a waveform coloured by a map `(time,)`, and the map about zero below it: `(y, x, 4)`.

    Orange is above zero and blue below, as full as the map is large; grey is zero.
    """
    edges = np.linspace(0, len(values), WIDE + 1).astype(int)
    pieces = [values[a : max(a + 1, b)] for a, b in itertools.pairwise(edges)]
    peaks = np.array([piece[np.abs(piece).argmax()] for piece in pieces])
    share = np.clip(peaks / (strong(peaks) or 1.0), -1, 1)[:, None]
    colour = np.where(share < 0, BLUE, ORANGE) * np.abs(share) + np.array(GREY) * (1 - abs(share))
    upper = np.zeros((tall, WIDE, 4), np.uint8)
    seen = band(samples, float(np.abs(samples).max(initial=0)), tall)
    upper[seen] = np.broadcast_to(np.c_[colour, np.full(WIDE, 255)], (*seen.shape, 4))[seen]
    lower = np.zeros_like(upper)
    top = float(np.abs(values).max(initial=0)) or 1.0
    rows = np.linspace(1, -1, tall)[:, None]
    heights = peaks[None] / top
    lower[(rows <= heights) & (rows >= 0)] = (*ORANGE, 255)
    lower[(rows >= heights) & (rows <= 0)] = (*BLUE, 255)
    lower[tall // 2] = (*GREY, 255)
    return np.concatenate([upper, np.zeros((8, WIDE, 4), np.uint8), lower])


def snippet_stack(patches: np.ndarray, projections: np.ndarray, tall: int = 40) -> np.ndarray:
    """Draw a unit's snippets `(rank, time)` above one another, grey, their projections over them.

    Each line is scaled by itself; the strongest is the uppermost.
    """
    drawn = [
        traced([(patch, GREY), (projection, ORANGE)], tall)
        for patch, projection in zip(patches, projections, strict=True)
        if patch.any()
    ]
    return np.concatenate(drawn or [np.zeros((tall, WIDE, 4), np.uint8)])
