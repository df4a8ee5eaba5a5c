"""Decoding: which category was seen, told from patterns of runs that were not fitted to."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from layerscope.brain.encoding import scaled_kernel
from layerscope.brain.folds import grouped_folds
from layerscope.brain.ridge import split_of_kernel
from layerscope.errors import Refused


@dataclass(frozen=True, eq=False)
class Decoding:
    """What was told of rows of held-out groups.

    Attributes:
        classes: K names, sorted.
        confusion: counts "true told", `(K, K)`.
        accuracy: the mean recall of the classes.
        null: the same with labels permuted, `(permutation,)`.
        p: of `accuracy` among `null`.

    """

    classes: tuple[str, ...]
    confusion: np.ndarray
    accuracy: float
    null: np.ndarray
    p: float


def decode(
    patterns: np.ndarray,
    labels: Sequence[str] | np.ndarray,
    groups: Sequence[object] | np.ndarray,
    *,
    alpha: float = 1.0,
    permutations: int = 1000,
    seed: int = 0,
) -> Decoding:
    """Tell labels by ridge regression to one indicator a class, each group (run) held out once.

    Linear in the labels, so that permutations cost a product each. `alpha` is fixed beforehand, in
    units of the mean squared length of a pattern. A permutation renames the classes in each group
    anew, so that neighbours in time, which share a block, keep one label: volumes are not
    exchangeable, blocks are.

    >>> x = np.array([[0.0], [1], [0], [1], [0], [1]])
    >>> decode(x, list("ababab"), [1, 1, 2, 2, 3, 3], permutations=0).accuracy
    1.0
    """
    names, told = np.unique(np.asarray(labels), return_inverse=True)
    parts = np.asarray(groups)
    if len(names) < 2:
        raise Refused("decoding tells two classes or more apart")
    drawn = _renamed(told, parts, len(names), permutations, seed)  # (1 + permutation, row)
    marks = np.eye(len(names))[drawn]  # (1 + permutation, row, class)
    flat = torch.as_tensor(np.moveaxis(marks, 0, 1).reshape(len(told), -1))
    patterns = np.asarray(patterns, dtype=np.float64)
    kernel = scaled_kernel(patterns @ patterns.T)
    said = np.empty((len(told), len(drawn)), dtype=int)
    for fitted, held in grouped_folds(parts):
        scores = split_of_kernel(kernel, flat, fitted, held).told(alpha)
        said[held] = scores.reshape(len(held), len(drawn), -1).argmax(2).numpy()
    right = drawn == said.T
    recall = np.stack([_recall(right[:, :], drawn, k) for k in range(len(names))])
    accuracy = recall.mean(0)
    confusion = np.zeros((len(names), len(names)), dtype=int)
    np.add.at(confusion, (told, said[:, 0]), 1)
    null = accuracy[1:]
    p = (1 + int((null >= accuracy[0] - 1e-12).sum())) / (1 + len(null))
    return Decoding(tuple(map(str, names)), confusion, float(accuracy[0]), null, p)


def _renamed(
    classes: np.ndarray, groups: np.ndarray, count: int, permutations: int, seed: int
) -> np.ndarray:
    """Rename the classes in each group: `(1 + permutation, row)`, the first row as it is."""
    random = np.random.default_rng(seed)
    drawn = np.repeat(classes[None], 1 + permutations, axis=0)
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        names = random.permuted(np.tile(np.arange(count), (permutations, 1)), axis=1)
        drawn[1:, rows] = names[:, classes[rows]]
    return drawn


def _recall(right: np.ndarray, drawn: np.ndarray, one: int) -> np.ndarray:
    """Give the share of rows of one class that were told, of each permutation."""
    mine = drawn == one
    return (right & mine).sum(1) / np.maximum(mine.sum(1), 1)
