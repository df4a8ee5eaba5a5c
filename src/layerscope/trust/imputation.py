"""Noisy linear imputation: hidden places become what their neighbours suggest (ROAD)."""

import itertools

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import splu

from layerscope.errors import Refused

NOISE = 0.01


def impute(
    image: np.ndarray,
    hidden: np.ndarray,
    *,
    noise: float = NOISE,
    random: np.random.Generator | None = None,
) -> np.ndarray:
    """Make every hidden place the weighted mean of its neighbours, solved for all at once.

    Rong et al. 2022, arXiv:2202.00449. Straight neighbours weigh twice what diagonal ones do; at
    the border those that are there count. Where everything is hidden each channel is its mean.

    Args:
        image: `(channel, *space)`, one or two axes of space.
        hidden: booleans `(*space)`.
        noise: standard deviation of what is added to the hidden places, in the image's units.
        random: draws it.

    >>> impute(np.array([[0.0, 9.0, 2.0]]), np.array([False, True, False]), noise=0).tolist()
    [[0.0, 1.0, 2.0]]

    """
    space = hidden.shape
    if image.shape[1:] != space or not 1 <= len(space) <= 2:
        raise Refused(
            f"an image {image.shape} and hidden places {space}: channel first, then space"
        )
    flat, places = image.reshape(len(image), -1).astype(float), np.flatnonzero(hidden)
    if not len(places):
        return image.copy()
    if len(places) == hidden.size:
        solved = np.repeat(flat.mean(1, keepdims=True), len(places), 1)
    else:
        solved = _solved(flat, hidden, places)
    if noise:
        random = np.random.default_rng(0) if random is None else random
        solved = solved + noise * random.standard_normal(solved.shape)
    flat[:, places] = solved
    return flat.reshape(image.shape).astype(image.dtype)


def _solved(flat: np.ndarray, hidden: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Solve the linear system of all hidden places, `(channel, hidden)`."""
    count, number = len(places), np.full(hidden.size, -1)
    number[places] = np.arange(count)
    where = np.stack(np.unravel_index(places, hidden.shape))  # (axes, hidden)
    total, known = np.zeros(count), np.zeros((count, len(flat)))
    rows, columns, values = [], [], []
    for step in itertools.product((-1, 0, 1), repeat=hidden.ndim):
        if not any(step):
            continue
        weight = 1 / 6 if sum(map(abs, step)) == 1 else 1 / 12
        beside = where + np.array(step)[:, None]
        inside = np.all((beside >= 0) & (beside < np.array(hidden.shape)[:, None]), axis=0)
        there = np.flatnonzero(inside)
        at = np.ravel_multi_index(tuple(beside[:, there]), hidden.shape)
        total[there] += weight
        unknown = number[at] >= 0
        known[there[~unknown]] += weight * flat[:, at[~unknown]].T
        rows.append(there[unknown])
        columns.append(number[at[unknown]])
        values.append(np.full(int(unknown.sum()), -weight))
    diagonal = np.arange(count)
    row, column = np.concatenate([*rows, diagonal]), np.concatenate([*columns, diagonal])
    matrix = coo_matrix((np.concatenate([*values, total]), (row, column)), shape=(count, count))
    symmetric = {"permc_spec": "MMD_AT_PLUS_A", "diag_pivot_thresh": 0.0}
    return splu(matrix.tocsc(), **symmetric, options={"SymmetricMode": True}).solve(known).T
