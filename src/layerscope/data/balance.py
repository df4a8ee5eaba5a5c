"""Balance: which examples an epoch shows, and in what order, when classes differ in size."""

import numpy as np

from layerscope.errors import LayerscopeError

BALANCES = ("none", "undersample", "undersample_each_epoch", "oversample", "weighted")
"""As they are; down to the smallest class (one draw, or one each epoch); up to the largest; as
they are with a loss that weighs classes."""

_DRAW, _EPOCH = 0, 1  # two independent streams of one seed


def epoch_order(labels: np.ndarray, balance: str, seed: int, epoch: int) -> np.ndarray:
    """Give the shuffled positions that one epoch shows, a pure function of its arguments.

    `labels` int64 (N,); the result int64 positions into it. Undersampling draws as many of each
    class as the smallest has; oversampling repeats a class whole, plus a random remainder, up to
    the size of the largest. Classes without examples are left out.

    >>> labels = np.array([0, 0, 0, 1])
    >>> labels[epoch_order(labels, "undersample", seed=0, epoch=0)].tolist()
    [0, 1]
    >>> np.bincount(labels[epoch_order(labels, "oversample", seed=0, epoch=0)]).tolist()
    [3, 3]
    """
    _check(balance)
    labels = np.asarray(labels, dtype=np.int64)
    shuffle = np.random.default_rng((seed, _EPOCH, epoch))
    if balance in ("none", "weighted") or len(labels) == 0:
        return shuffle.permutation(len(labels))
    draw = np.random.default_rng((seed, _DRAW)) if balance == "undersample" else shuffle
    by_class = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    if balance == "oversample":
        size = max(len(members) for members in by_class)
        chosen = [_repeated(members, size, draw) for members in by_class]
    else:
        size = min(len(members) for members in by_class)
        chosen = [draw.permutation(members)[:size] for members in by_class]
    return shuffle.permutation(np.concatenate(chosen))


def class_weights(labels: np.ndarray, balance: str, classes: int | None = None) -> np.ndarray:
    """Give the loss weight of each class, float32 (K,); ones unless `balance` is "weighted".

    Weighted: the inverse of the class's frequency, scaled so that the mean over the examples is 1;
    0 for a class without examples. `classes` is K (default: the largest label plus 1).

    >>> class_weights(np.array([0, 0, 0, 1]), "weighted")
    array([0.6666667, 2.       ], dtype=float32)
    """
    _check(balance)
    counts = np.bincount(np.asarray(labels, dtype=np.int64), minlength=classes or 0)
    if balance != "weighted":
        return np.ones(len(counts), dtype=np.float32)
    present = counts > 0
    weights = np.zeros(len(counts))
    weights[present] = counts.sum() / (present.sum() * counts[present])
    return weights.astype(np.float32)


def _repeated(members: np.ndarray, size: int, draw: np.random.Generator) -> np.ndarray:
    """Repeat a class whole, then add a random remainder without repetition, up to `size`."""
    whole, rest = divmod(size, len(members))
    return np.concatenate([np.tile(members, whole), draw.permutation(members)[:rest]])


def _check(balance: str) -> None:
    if balance not in BALANCES:
        raise LayerscopeError(f'balance = "{balance}": one of {", ".join(BALANCES)}')
