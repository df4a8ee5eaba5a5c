"""Splits that keep together what belongs together: a speaker, a subject, a file cut into pieces."""

import hashlib
from collections.abc import Sequence

import numpy as np

from layerscope.data.found import Found
from layerscope.data.splits import apportion
from layerscope.errors import LayerscopeError


def draw(
    groups: Sequence[str],
    word: str,
    labels: np.ndarray,
    keys: Sequence[bytes],
    fractions: dict[str, float],
    seed: int,
    classes: Sequence[str],
) -> np.ndarray:
    """Draw a split name for each example, whole groups at a time; the rest is "train".

    `groups`: what each example belongs to, "" for one on its own; `word` says what that is. `keys`,
    `labels` int64 (N,) and the rest are as in `splits.draw`. Groups are taken in the order of the
    digest of seed and group; one joins a split where it brings the split's counts of each class
    nearer to the fraction wanted of it.

    Raises:
        LayerscopeError: a class has examples of too few groups to be in every split.

    >>> labels = np.array([0, 1] * 6)
    >>> speakers = [name for name in ("ann", "bob", "cem", "dee", "eve", "fay") for _ in "12"]
    >>> split = draw(speakers, "speaker", labels, [b""] * 12, {"val": 1 / 3}, 0, ["yes", "no"])
    >>> split[::2].tolist() == split[1::2].tolist(), int((split == "val").sum())
    (True, 4)

    """
    names = [group or f"\0{key.hex()}" for group, key in zip(groups, keys, strict=True)]
    order = sorted(set(names), key=lambda name: _rank(name, seed))
    place = {name: row for row, name in enumerate(order)}
    member = np.array([place[name] for name in names], dtype=np.int64)  # (N,)
    counts = np.zeros((len(order), len(classes)), dtype=np.int64)
    np.add.at(counts, (member, labels), 1)
    wanted = {name: fraction for name, fraction in fractions.items() if fraction > 0}
    split = np.full(len(order), "train", dtype="<U5")
    for name, fraction in wanted.items():
        target = np.maximum(apportion(counts.sum(axis=0), fraction), 1)
        split[_taken(counts, split == "train", target)] = name
    for name in ("train", *wanted):
        lacking = np.flatnonzero(counts[split == name].sum(axis=0) == 0)
        for label in lacking.tolist():
            number = int((counts[:, label] > 0).sum())
            raise LayerscopeError(
                f"class {classes[label]} comes from {number} {word}s, too few (or too unevenly "
                f"spread) for {len(wanted) + 1} splits that share no {word}: add some, name the "
                "splits' folders, or set the fraction of a split to 0"
            )
    return split[member]


def _taken(counts: np.ndarray, free: np.ndarray, target: np.ndarray) -> list[int]:
    """Choose free groups whose counts (group, class) come near a target; a class is never left out.

    One that would leave nothing of a class to the free groups is not taken.
    """
    have, left = np.zeros_like(target), counts[free].sum(axis=0)
    taken: list[int] = []

    def distance(more: np.ndarray) -> int:
        return int(np.square(target - have - more).sum())

    def take(group: int) -> None:
        nonlocal have, left
        have, left = have + counts[group], left - counts[group]
        taken.append(group)

    for group in np.flatnonzero(free):
        if distance(counts[group]) < distance(counts[group] * 0) and _leaves(left, counts[group]):
            take(int(group))
    for label in range(len(target)):
        others = [
            int(g)
            for g in np.flatnonzero(free & (counts[:, label] > 0))
            if g not in taken and _leaves(left, counts[g])
        ]
        if have[label] == 0 and others:
            take(min(others, key=lambda g: distance(counts[g])))
    return taken


def _leaves(left: np.ndarray, group: np.ndarray) -> bool:
    """Whether something of each class that the group has is left without it."""
    return bool(((left > group) | (group == 0)).all())


def _rank(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"layerscope group split {seed}\n{name}".encode()).digest()


def check_leak(found: Found, usable: np.ndarray, names: np.ndarray) -> tuple[str, ...]:
    """Warn of groups that are in two splits, or refuse them where the kind of data says so.

    Raises:
        LayerscopeError: a group is in two splits and `found.leak` is "refuse".

    """
    places: dict[str, set[str]] = {}
    for group, split, ok in zip(found.groups, names.tolist(), usable.tolist(), strict=True):
        if group and ok:
            places.setdefault(group, set()).add(split)
    shared = sorted(group for group, where in places.items() if len(where) > 1)
    if not shared:
        return ()
    word = found.group_word
    told = ", ".join(f"{group} ({', '.join(sorted(places[group]))})" for group in shared[:4])
    rest = f" and {len(shared) - 4} more" if len(shared) > 4 else ""
    message = (
        f"{len(shared)} of {len(places)} {word}s are in more than one split: {told}{rest}; "
        f"figures of a split then tell how well a known {word} is recognised, not a new one"
    )
    if found.leak == "refuse":
        raise LayerscopeError(f"{message}. Give each {word} to one split, or allow it by name")
    return (message,)
