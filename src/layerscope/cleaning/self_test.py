"""The self-test: known defects planted in a user's own data, and how many of them are found."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from layerscope.cleaning.duplicates import pairs_of
from layerscope.cleaning.mislabelled import errors
from layerscope.cleaning.near import is_photographs
from layerscope.cleaning.odd import odd
from layerscope.cleaning.planting import COPIES, ODD, RECORDINGS, SOUNDS, Change
from layerscope.cleaning.pool import Pool
from layerscope.errors import LayerscopeError

MOST = 3000  # examples that a self-test takes
LEAST = 24  # that it needs
EACH = 100  # planted of each kind, at most


def self_test(pool: Pool, seed: int = 0) -> list[dict[str, Any]]:
    """Plant copies and odd examples in up to 3,000 examples, held in memory, and look for them.

    A row for each kind: `planted`, `found`, `recall`, `false` (findings that touch what was planted
    and are wrong), `precision`, `per_1000` (false findings for 1,000 examples looked at). What the
    data hold of themselves is found without planting first, and counts as neither.
    """
    if len(pool) < LEAST:
        raise LayerscopeError(
            f"{len(pool)} examples are too few to plant defects in: at least {LEAST}"
        )
    rng = np.random.default_rng(seed)
    some = np.sort(rng.permutation(len(pool))[:MOST])
    values = pool.batch(some)
    base = _with(pool, some, values)
    photos = is_photographs(pool)
    every = COPIES if photos else {"exact copy": COPIES["exact copy"]}
    odd_kinds = (
        ODD
        if photos
        else {("i", 2): SOUNDS, ("f", 3): RECORDINGS}.get((values.dtype.kind, values.ndim), {})
    )
    return _copies(base, every, rng) + _odd(base, odd_kinds, rng)


def _with(pool: Pool, origin: np.ndarray, values: np.ndarray) -> Pool:
    """Make a pool of values in memory; `origin` says whose labels and splits they have."""
    count = len(values)
    return replace(
        pool,
        ids=[f"{k}" for k in range(count)],
        labels=pool.labels[origin],
        splits=[pool.splits[k] for k in origin],
        groups=[""] * count,
        sha256=[""] * count,
        values=values,
        rows=np.arange(count),
    )


def _copies(base: Pool, kinds: Mapping[str, Change], rng: np.random.Generator) -> list[dict]:
    count = len(base)
    each = min(EACH, count // (2 * len(kinds)))
    sources = rng.permutation(count)[: each * len(kinds)]
    kind_of = np.repeat(np.arange(len(kinds)), each)
    changes = list(kinds.values())
    planted = [changes[kind](base.values[k], rng) for k, kind in zip(sources, kind_of, strict=True)]
    values = np.concatenate([base.values, np.stack(planted)])
    grown = _with(base, np.concatenate([np.arange(count), sources]), values)
    own = pairs_of(base)
    first = np.concatenate([own[0], sources])
    second = np.concatenate([own[1], count + np.arange(len(sources))])
    total = len(values)
    links = coo_array((np.ones(len(first)), (first, second)), shape=(total, total))
    truth = connected_components(links, directed=False)[1]
    a, b = pairs_of(grown)[:2]
    right = truth[a] == truth[b]
    touched = np.maximum(a, b) >= count
    met = {int(k) for pair in (a[right], b[right]) for k in pair}
    rows = []
    for number, name in enumerate(kinds):
        mine = count + np.flatnonzero(kind_of == number)
        wrong = touched & ~right & np.isin(np.maximum(a, b), mine)
        rows.append(
            _row(name, len(mine), sum(int(k) in met for k in mine), int(wrong.sum()), total)
        )
    return rows


def _odd(base: Pool, kinds: Mapping[str, Change], rng: np.random.Generator) -> list[dict]:
    rows = []
    before = {each.id for each in odd(base)} if kinds else set()
    usable = [k for k in range(len(base)) if str(k) not in before]
    for name, change in kinds.items():
        chosen = rng.permutation(usable)[: min(EACH, len(usable) // 2)]
        values = base.values[chosen]
        changed = np.stack([change(one, rng) for one in values])
        found = odd(_with(base, chosen, changed))
        right = sum(each.why.startswith(name) for each in found)
        rows.append(_row(name, len(chosen), right, len(found) - right, len(chosen)))
    return rows


def wrong_labels(
    pool: Pool, features: np.ndarray, share: float = 0.1, seed: int = 0
) -> dict[str, Any]:
    """Turn a share of the labels and look for as many, by features (N, D)."""
    from layerscope.cleaning.probabilities import of_features

    rng = np.random.default_rng(seed)
    classes, count = len(pool.classes), len(pool)
    bad = rng.permutation(count)[: int(share * count)]
    labels = pool.labels.copy()
    labels[bad] = (labels[bad] + rng.integers(1, classes, len(bad))) % classes
    said = errors(labels, of_features(features, labels, pool.groups, seed=seed))
    right = int(np.isin(said.order[: len(bad)], bad).sum())
    return _row("wrong label", len(bad), right, len(bad) - right, count)


def _row(name: str, planted: int, found: int, false: int, looked: int) -> dict[str, Any]:
    return {
        "kind": name,
        "planted": planted,
        "found": found,
        "recall": found / max(planted, 1),
        "false": false,
        "precision": found / max(found + false, 1),
        "per_1000": 1000 * false / looked,
    }
