"""The same example twice: in two splits (leaking), under two labels, or only once too often."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from layerscope.cleaning.findings import Finding
from layerscope.cleaning.near import is_photographs, near_pairs
from layerscope.cleaning.pool import Pool
from layerscope.data.folders import listed
from layerscope.progress import bar

_BATCH = 256
_TOLD = 8  # related ids that are named
_FIRST = {"test": 0, "val": 1, "train": 2}  # whose copy is kept


def copies(pool: Pool) -> list[Finding]:
    """Find examples that are there twice: files alike, values alike, photographs nearly alike.

    Of a group one is suggested to be kept, in test before val before train, so that what is
    evaluated stays as it is; of one example under two labels, none.
    """
    first, second, score, what = pairs_of(pool)
    if not len(first):
        return []
    count = len(pool)
    graph = coo_array((np.ones(len(first)), (first, second)), shape=(count, count))
    group = connected_components(graph, directed=False)[1]
    best = np.zeros(count)
    kind: dict[int, str] = {}
    for a, b, s, word in zip(first, second, score, what, strict=True):
        for k in (a, b):
            if s > best[k]:
                best[k], kind[int(k)] = s, word
    members = defaultdict(list)
    for k in np.unique(np.concatenate([first, second])):
        members[group[k]].append(int(k))
    return [each for some in members.values() for each in _told(pool, some, best, kind)]


def pairs_of(pool: Pool) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Give pairs of positions, the score of each, and what is alike."""
    parts = [
        (*_linked(pool.sha256), "the same file"),
        (*_linked(_digests(pool)), "the same content"),
    ]
    pairs = [(a, b, np.ones(len(a)), [word] * len(a)) for a, b, word in parts]
    if is_photographs(pool):
        near = near_pairs(pool)
        words = ["nearly the same, mirrored" if m else "nearly the same" for m in near.mirrored]
        pairs.append((near.first, near.second, np.minimum(near.score, 0.9999), words))
    first, second, score = (np.concatenate([p[k] for p in pairs]) for k in range(3))
    return first.astype(np.int64), second.astype(np.int64), score, [w for p in pairs for w in p[3]]


def _linked(keys: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Link each position to the first of the same key."""
    first: dict[str, int] = {}
    pairs = [(first.setdefault(key, k), k) for k, key in enumerate(keys) if key]
    linked = np.array([(a, b) for a, b in pairs if a != b], dtype=np.int64).reshape(-1, 2)
    return linked[:, 0], linked[:, 1]


def _digests(pool: Pool) -> list[str]:
    """Digest the decoded values of every example; "" for constant ones, which are all alike."""
    out = []
    with bar("digests", len(pool), "examples") as step:
        for begin in range(0, len(pool), _BATCH):
            places = np.arange(begin, min(begin + _BATCH, len(pool)))
            for one in pool.batch(places):
                flat = np.ascontiguousarray(one).reshape(-1)
                same = flat[0] == flat[-1] and (flat == flat[0]).all()
                out.append("" if same else hashlib.blake2b(flat.data, digest_size=16).hexdigest())
            step(len(places))
    return out


def _told(
    pool: Pool, members: list[int], best: np.ndarray, kind: dict[int, str]
) -> Iterator[Finding]:
    """Tell of each member of one group."""
    members = sorted(members, key=lambda k: (_FIRST.get(pool.splits[k], 3), pool.ids[k]))
    splits = sorted({pool.splits[k] for k in members}, key=lambda s: _FIRST.get(s, 3))
    labels = sorted({pool.classes[pool.labels[k]] for k in members})
    for place, k in enumerate(members):
        others = tuple(pool.ids[o] for o in members if o != k)
        why = f"{kind[k]} as {listed(others, most=3)}"
        if len(labels) > 1:
            why += f"; under {len(labels)} labels: {', '.join(labels)}"
        if len(splits) > 1:
            why += f"; in {' and '.join(splits)}"
        yield Finding(
            pool.ids[k],
            pool.sha256[k],
            "leaking" if len(splits) > 1 else "duplicate",
            float(best[k]),
            "keep" if place == 0 and len(labels) == 1 else "drop",
            why,
            pool.classes[pool.labels[k]],
            pool.splits[k],
            others[:_TOLD],
            f"copies of {pool.ids[members[0]]}",
        )


def shared_groups(pool: Pool) -> list[Finding]:
    """Find speakers, subjects or recordings that are in two splits: their train examples leak."""
    where = defaultdict(set)
    for group, split in zip(pool.groups, pool.splits, strict=True):
        if group:
            where[group].add(split)
    found = []
    for k, group in enumerate(pool.groups):
        others = where[group] - {"train"}
        if group and pool.splits[k] == "train" and others:
            found.append(
                Finding(
                    pool.ids[k],
                    pool.sha256[k],
                    "leaking",
                    0.5,
                    "drop",
                    f"{group} is in train and in {' and '.join(sorted(others))}",
                    pool.classes[pool.labels[k]],
                    pool.splits[k],
                    group=f"of {group}",
                )
            )
    return found
