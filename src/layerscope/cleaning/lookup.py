"""Pairs of pictures that may be the same: neighbours in sorted fingerprints, never all pairs."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from layerscope.cleaning.fingerprints import BITS, Fingerprints
from layerscope.progress import bar

ORDERS = 8  # in how many orders of the bits everything is sorted
PROBES = 5  # queries of each: itself, and with one of the first bits turned
REACH = 2  # neighbours looked at on either side
NEAR = 18  # bits that may differ
ALIKE = 0.75  # cosine of the shapes
BEST = 6  # candidates kept of each query
_CHUNK = 16384


class Candidates(NamedTuple):
    """Pairs: picture `first` whole, perhaps in a mirror, is like `window` of picture `second`."""

    first: np.ndarray
    second: np.ndarray
    window: np.ndarray
    mirrored: np.ndarray
    alike: np.ndarray


def candidates(prints: Fingerprints, seed: int = 0) -> Candidates:
    """Find what may be the same, in n log n steps: the bits are sorted in several orders.

    In each order, fingerprints that agree in their first bits stand beside each other (an LSH
    forest: Bawa et al. 2005), so the neighbours of every whole picture, and of it with single
    bits turned, are looked at among all windows. The most alike window of a pair counts.
    """
    count, windows = prints.bits.shape
    every = prints.bits.reshape(-1)
    shapes = prints.shapes.reshape(-1, BITS)
    found = []
    with bar("looking up", ORDERS, "orders") as step:
        for number in range(ORDERS):
            order = np.random.default_rng((seed, number)).permutation(BITS)
            keys = _reordered(every, order)
            places = np.argsort(keys, kind="stable").astype(np.int32)
            keys = keys[places]
            for mirrored, bits in ((False, prints.bits[:, 0]), (True, prints.mirrored)):
                for begin in range(0, count, _CHUNK):
                    rows = np.arange(begin, min(begin + _CHUNK, count))
                    own = prints.mirrored_shapes(rows) if mirrored else prints.shapes[rows, 0]
                    pairs = _neighbours(rows, bits[rows], order, keys, places, every, windows)
                    found += list(_alike(pairs, own, shapes, windows, mirrored, begin))
            found = [_best(found)] if found else []
            step()
    if not found:
        none = np.zeros(0, dtype=np.int64)
        return Candidates(none, none, none, none.astype(bool), none.astype(np.float32))
    return _best(found)


def _reordered(bits: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Put the bits of numbers into another order."""
    out = np.zeros(len(bits), dtype=np.uint64)
    for to, source in enumerate(order):
        bit = (bits >> np.uint64(BITS - 1 - int(source))) & np.uint64(1)
        out |= bit << np.uint64(BITS - 1 - to)
    return out


def _neighbours(
    rows: np.ndarray,
    bits: np.ndarray,
    order: np.ndarray,
    keys: np.ndarray,
    places: np.ndarray,
    every: np.ndarray,
    windows: int,
) -> np.ndarray:
    """Give pairs (query, window's place), int64 (n, 2), of few differing bits, another's."""
    own = _reordered(bits, order)
    turned = [own] + [own ^ np.uint64(1 << (BITS - 1 - k)) for k in range(2, 2 + 3 * PROBES, 3)]
    query = np.tile(rows, len(turned))
    at = np.searchsorted(keys, np.concatenate(turned))
    reach = np.arange(-REACH, REACH)
    near = np.clip(at[:, None] + reach, 0, len(keys) - 1)  # (query, 2 x REACH)
    place = places[near].astype(np.int64).reshape(-1)
    query = np.repeat(query, 2 * REACH)
    differing = np.bitwise_count(bits[query - rows[0]] ^ every[place])
    good = (differing <= NEAR) & (place // windows != query)
    return np.unique(np.stack([query[good], place[good]], axis=1), axis=0)


def _alike(
    pairs: np.ndarray,
    own: np.ndarray,
    shapes: np.ndarray,
    windows: int,
    mirrored: bool,
    begin: int,
) -> Iterator[Candidates]:
    """Keep the pairs whose shapes are alike."""
    query, place = pairs[:, 0], pairs[:, 1]
    a = own[query - begin].astype(np.float32)
    b = shapes[place].astype(np.float32)
    alike = np.einsum("ij,ij->i", a, b) / 127**2
    good = alike >= ALIKE
    if good.any():
        yield Candidates(
            query[good],
            place[good] // windows,
            place[good] % windows,
            np.full(int(good.sum()), mirrored),
            alike[good].astype(np.float32),
        )


def _best(parts: list[Candidates]) -> Candidates:
    """Keep the most alike window of each pair, and the best BEST pairs of each query."""
    joined = Candidates(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    order = np.lexsort((-joined.alike, joined.second, joined.first))
    joined = Candidates(*(column[order] for column in joined))
    new = np.ones(len(order), dtype=bool)
    new[1:] = (np.diff(joined.first) != 0) | (np.diff(joined.second) != 0)
    joined = Candidates(*(column[new] for column in joined))
    order = np.lexsort((-joined.alike, joined.first))
    joined = Candidates(*(column[order] for column in joined))
    starts = np.flatnonzero(np.r_[True, np.diff(joined.first) != 0])
    rank = np.arange(len(joined.first)) - np.repeat(
        starts, np.diff(np.r_[starts, len(joined.first)])
    )
    return Candidates(*(column[rank < BEST] for column in joined))
