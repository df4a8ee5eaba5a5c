"""Stratified splits, drawn by a seed from what the examples are, not from where they stand."""

import hashlib
from collections.abc import Sequence

import numpy as np

from layerscope.errors import LayerscopeError


def draw(
    labels: np.ndarray,
    keys: Sequence[bytes],
    fractions: dict[str, float],
    seed: int,
    classes: Sequence[str],
) -> np.ndarray:
    """Draw a split name for each example, the same share of every class; the rest is "train".

    `labels` int64 (N,); `keys`: what each example is (its content's digest and id). Within a class
    the examples are ordered by the digest of seed and key, so the split depends neither on the
    file system's order nor, for most examples, on photographs that are added later. Each split
    gets N x fraction examples, rounded, and at least one of each class.

    Raises:
        LayerscopeError: a class has too few examples to be in every split.

    >>> labels = np.array([0] * 8 + [1] * 4)
    >>> keys = [bytes([k]) for k in range(12)]
    >>> split = draw(labels, keys, {"val": 0.25}, seed=0, classes=["cat", "dog"])
    >>> [int(((split == "val") & (labels == k)).sum()) for k in (0, 1)]
    [2, 1]

    """
    wanted = {name: fraction for name, fraction in fractions.items() if fraction > 0}
    longest = max(len(name) for name in ("train", *wanted))
    split = np.full(len(labels), "train", dtype=f"<U{longest}")
    if not wanted:
        return split
    members = [_ordered(np.flatnonzero(labels == k), keys, seed) for k in range(len(classes))]
    for name, positions in zip(classes, members, strict=True):
        if len(positions) < 1 + len(wanted):
            raise LayerscopeError(
                f"class {name} has {len(positions)} usable examples, too few for "
                f"{len(wanted) + 1} splits: add some, or set the fraction of a split to 0"
            )
    sizes = np.array([len(positions) for positions in members])
    taken = np.zeros(len(members), dtype=np.int64)
    for left, (name, fraction) in enumerate(wanted.items(), start=1):
        most = sizes - taken - (1 + len(wanted) - left)
        counts = np.clip(apportion(sizes, fraction), 1, most)
        for positions, begin, count in zip(members, taken, counts, strict=True):
            split[positions[begin : begin + count]] = name
        taken += counts
    return split


def apportion(sizes: np.ndarray, fraction: float) -> np.ndarray:
    """Share round(N x fraction) among classes by size, largest remainders first (Hamilton).

    >>> apportion(np.array([10, 10, 11]), 1 / 3).tolist()
    [3, 3, 4]
    """
    exact = sizes * fraction
    counts = np.floor(exact).astype(np.int64)
    rest = int(np.floor(sizes.sum() * fraction + 0.5)) - int(counts.sum())
    order = np.argsort(counts - exact, kind="stable")
    counts[order[:rest]] += 1
    return counts


def _ordered(positions: np.ndarray, keys: Sequence[bytes], seed: int) -> np.ndarray:
    """Order the positions by the digest of seed and key."""
    start = hashlib.sha256(f"layerscope split {seed}\n".encode())

    def rank(position: int) -> bytes:
        digest = start.copy()
        digest.update(keys[position])
        return digest.digest()

    return np.array(sorted(positions.tolist(), key=rank), dtype=np.int64)
