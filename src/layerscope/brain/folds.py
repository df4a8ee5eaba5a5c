"""Honest folds: what belongs together is never on both sides of a fold."""

from collections.abc import Sequence

import numpy as np

from layerscope.errors import Refused

#: Positions that are fitted to, and positions that are told.
Fold = tuple[np.ndarray, np.ndarray]


def grouped_folds(groups: Sequence[object] | np.ndarray, count: int | None = None) -> list[Fold]:
    """Hold out whole groups (runs, recordings, repeats of a stimulus), each once.

    Args:
        groups: the group of each row.
        count: how many folds; None: one a group. Groups are dealt out in the order in which they
            first come, the first to the first fold.

    Raises:
        Refused: fewer than two groups, or more folds than groups.

    >>> [told.tolist() for _, told in grouped_folds(["a", "a", "b", "c"], 2)]
    [[0, 1, 3], [2]]

    """
    names = list(dict.fromkeys(np.asarray(groups).tolist()))
    number = len(names) if count is None else count
    if not 2 <= number <= len(names):
        raise Refused(
            f"{number} folds of {len(names)} groups: two or more folds, and a group for each"
        )
    place = {name: index % number for index, name in enumerate(names)}
    of = np.array([place[name] for name in np.asarray(groups).tolist()])
    return [(np.flatnonzero(of != fold), np.flatnonzero(of == fold)) for fold in range(number)]


def check_folds(folds: Sequence[Fold], rows: int) -> None:
    """Refuse folds with an empty side, rows out of range, or a row on both sides."""
    for number, (fitted, told) in enumerate(folds):
        if not len(fitted) or not len(told):
            raise Refused(f"fold {number} has {len(fitted)} rows to fit and {len(told)} to tell")
        both = np.intersect1d(fitted, told)
        if len(both):
            raise Refused(f"fold {number} tells row {both[0]}, which it was fitted to")
        if max(fitted.max(), told.max()) >= rows or min(fitted.min(), told.min()) < 0:
            raise Refused(f"fold {number} names rows beyond the {rows} that there are")
