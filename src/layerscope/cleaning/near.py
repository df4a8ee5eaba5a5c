"""Nearly the same photographs: recompressed, resized, mirrored, brighter, darker or cropped."""

from typing import NamedTuple

import numpy as np
import torch

from layerscope.cleaning.alignment import agreement
from layerscope.cleaning.fingerprints import WINDOWS, Fingerprints, fingerprints, grey
from layerscope.cleaning.lookup import Candidates, candidates
from layerscope.cleaning.pool import Pool
from layerscope.progress import bar

LEAST = 0.6  # correlation of fine detail from which two photographs are taken for one
_BATCH = 64


class Pairs(NamedTuple):
    """Pairs of examples, by position, and how well they agree, from 0 to 1; and if in a mirror."""

    first: np.ndarray
    second: np.ndarray
    score: np.ndarray
    mirrored: np.ndarray


def is_photographs(pool: Pool) -> bool:
    """Tell pictures of 64 pixels and more; of digits many look alike."""
    return len(pool.values.shape) == 4 and min(pool.values.shape[1:3]) >= 64


def near_pairs(pool: Pool, least: float = LEAST) -> Pairs:
    """Find pairs of photographs uint8 "y x channel" that are one photograph, each pair once.

    Candidates are neighbours in sorted fingerprints; each is then laid over the other, and counts
    where fine detail correlates at least `least`.
    """
    found = candidates(_prints(pool))
    scores = np.zeros(len(found.first), dtype=np.float32)
    with bar("comparing", len(scores), "pairs") as step:
        for begin in range(0, len(scores), _BATCH):
            part = slice(begin, begin + _BATCH)
            scores[part] = _scores(pool, Candidates(*(column[part] for column in found)))
            step(len(scores[part]))
    low, high = np.minimum(found.first, found.second), np.maximum(found.first, found.second)
    order = np.lexsort((-scores, high, low))
    order = order[scores[order] >= least]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (np.diff(low[order]) != 0) | (np.diff(high[order]) != 0)
    kept = order[new]
    return Pairs(low[kept], high[kept], scores[kept], found.mirrored[kept])


def _prints(pool: Pool) -> Fingerprints:
    count = len(pool)
    bits = np.empty((count, len(WINDOWS)), dtype=np.uint64)
    shapes = np.empty((count, len(WINDOWS), 64), dtype=np.int8)
    with bar("fingerprints", count, "photographs") as step:
        for begin in range(0, count, _BATCH):
            places = np.arange(begin, min(begin + _BATCH, count))
            one = fingerprints(grey(pool.batch(places)))
            bits[places], shapes[places] = one.bits, one.shapes
            step(len(places))
    return Fingerprints(bits, shapes)


def _scores(pool: Pool, pairs: Candidates) -> np.ndarray:
    """Lay the first of each pair over the second, from the window in which it was found."""
    first, second = (grey(pool.batch(rows)) for rows in (pairs.first, pairs.second))
    turned = torch.from_numpy(pairs.mirrored)[:, None, None]
    first = torch.where(turned, first.flip(2), first)
    sides = np.array(WINDOWS, dtype=np.float32)[pairs.window]  # (B, side y x)
    room = 1 - sides[:, :1]
    boxes = np.concatenate(
        [sides[:, 1:] * room + sides[:, :1] / 2, sides[:, :1], sides[:, :1]], axis=1
    )
    return agreement(first, second, torch.from_numpy(boxes)).clamp(0, 1).numpy()
