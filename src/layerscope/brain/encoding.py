"""Encoding models: how much of each voxel's or channel's responses a layer's answers predict.

Every figure is of responses that neither the weights nor the penalty have seen: penalties are
chosen in folds inside each fold.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from layerscope.brain.folds import Fold, check_folds, grouped_folds
from layerscope.brain.ridge import choose, loss_of_each, split_of_kernel
from layerscope.errors import Refused

ALPHAS = np.logspace(-6, 6, 25)
"""Penalties, in units of the mean squared length of a centred pattern."""


@dataclass(frozen=True, eq=False)
class Encoding:
    """What was told of responses, and how well.

    Attributes:
        r2: one less the squared error over that of the mean of what was fitted, `(target,)`; 0 is
            no better than that mean, below 0 is worse.
        r: Pearson's correlation of told and true, the mean over folds, `(target,)`.
        told: `(row, target)`, each by a fit that has not seen it.
        alphas: `(fold, target)`.

    """

    r2: np.ndarray
    r: np.ndarray
    told: np.ndarray
    alphas: np.ndarray


def encode(
    kernel: np.ndarray,
    responses: np.ndarray,
    groups: Sequence[object] | np.ndarray,
    *,
    folds: int | None = None,
    alphas: np.ndarray = ALPHAS,
    shared: bool = False,
) -> Encoding:
    """Tell responses `(row, target)` by ridge regression, whole groups held out.

    Args:
        kernel: inner products of the rows' features, `(row, row)`: `Gram.products`, or `x @ x.T`.
        responses: of voxels, channels, ...
        groups: rows of one group (a run, the repeats of a stimulus) are held out together, and
            inside, where the penalty is chosen, too.
        folds: how many, outside and inside; None: one a group outside, at most 5 inside.
        alphas: penalties to choose from.
        shared: one penalty for all targets, else one for each.

    >>> x = np.arange(8.0)[:, None]
    >>> encode(x @ x.T, 3 * x, list("aabbccdd")).r2.round(3)
    array([1.])

    """
    y = torch.as_tensor(np.asarray(responses, dtype=np.float64))
    if y.dim() != 2 or len(kernel) != len(y):
        raise Refused(
            f"a kernel of {len(kernel)} rows and responses {tuple(y.shape)}: expected (row, row) "
            "and (row, target)"
        )
    if not bool(torch.isfinite(y).all()):
        raise Refused("the responses hold NaN or infinity")
    scaled = scaled_kernel(kernel)
    names = np.asarray(groups)
    if len(names) != len(y):
        raise Refused(f"{len(names)} groups for {len(y)} responses: one for each")
    outer = grouped_folds(names, folds)
    check_folds(outer, len(y))
    penalties = torch.as_tensor(np.asarray(alphas, dtype=np.float64))
    told, base = torch.empty_like(y), torch.empty_like(y)
    chosen = []
    for fitted, held in outer:
        own = _choose_inside(scaled, y, fitted, names, folds, penalties, shared=shared)
        split = split_of_kernel(scaled, y, fitted, held)
        told[held], base[held] = split.told(own), split.offset
        chosen.append(own)
    r2 = 1 - _share(((y - told) ** 2).sum(0), ((y - base) ** 2).sum(0))
    r = torch.stack([_correlation(told[held], y[held]) for _, held in outer]).mean(0)
    return Encoding(r2.numpy(), r.numpy(), told.numpy(), torch.stack(chosen).numpy())


def category_kernel(labels: Sequence[object] | np.ndarray) -> np.ndarray:
    """Give the kernel of the category model: 1 where two rows are of one category, else 0."""
    names = np.asarray(labels)
    return (names[:, None] == names[None, :]).astype(np.float64)


def response_ceiling(repeats: np.ndarray, *, of: str = "mean") -> np.ndarray:
    """Bound the correlation of any model with repeats `(repeat, row, target)`: `(target,)`.

    With their `of="mean"`, or with `of="one"` of them: the square root of the share of its
    variance that is signal; where no signal is found, 0.
    Schoppe et al. 2016, doi:10.3389/fncom.2016.00010.

    >>> response_ceiling(np.array([[[1.0], [2.0], [4.0]]] * 2))
    array([1.])
    """
    count = len(repeats)
    if repeats.ndim != 3 or count < 2:
        raise Refused(
            f"repeats of the shape {repeats.shape}: a ceiling needs (repeat, row, target) with two "
            "repeats or more"
        )
    of_sum = repeats.sum(0).var(0, ddof=1)
    of_each = repeats.var(1, ddof=1).sum(0)
    signal = (of_sum - of_each) / (count * (count - 1))
    whole = of_sum / count**2 if of == "mean" else of_each / count
    return np.sqrt(np.clip(signal / np.maximum(whole, np.finfo(float).tiny), 0, 1))


def _choose_inside(
    kernel: Tensor,
    y: Tensor,
    fitted: np.ndarray,
    groups: np.ndarray,
    folds: int | None,
    alphas: Tensor,
    *,
    shared: bool,
) -> Tensor:
    """Choose penalties by folds of what is fitted, whole groups held out there as well."""
    names = groups[fitted]
    count = len(set(names.tolist()))
    if count < 2:
        raise Refused("a penalty is chosen by folds of what is fitted: give three groups or more")
    losses = torch.zeros(len(alphas), y.shape[1], dtype=torch.float64)
    inner: list[Fold] = grouped_folds(names, min(count, folds or 5))
    for inside, outside in inner:
        a, b = fitted[inside], fitted[outside]
        losses += loss_of_each(split_of_kernel(kernel, y, a, b), y[b], alphas) / len(inner)
    return choose(losses, alphas, shared=shared)


def scaled_kernel(kernel: np.ndarray) -> Tensor:
    """Bring a kernel `(row, row)` to centred patterns of mean squared length 1, and check it."""
    given = torch.as_tensor(np.asarray(kernel, dtype=np.float64))
    if given.dim() != 2 or given.shape[0] != given.shape[1]:
        raise Refused(f"a kernel of the shape {tuple(given.shape)}: expected (row, row)")
    if not bool(torch.isfinite(given).all()):
        raise Refused("the kernel holds NaN or infinity")
    rows = given.mean(0)
    centred = given - rows[:, None] - rows[None, :] + rows.mean()
    length = centred.diagonal().mean()
    if length <= 1e-12 * given.diagonal().mean():
        raise Refused("all rows have the same features: they predict nothing")
    return centred / length


def _share(part: Tensor, whole: Tensor) -> Tensor:
    """Divide; a target that does not vary is told by its mean: 1."""
    return torch.where(whole > 0, part / whole.clamp(min=1e-300), torch.ones_like(part))


def _correlation(a: Tensor, b: Tensor) -> Tensor:
    """Correlate columns; where one does not vary, 0."""
    a, b = a - a.mean(0), b - b.mean(0)
    length = a.norm(dim=0) * b.norm(dim=0)
    return torch.where(length > 0, (a * b).sum(0) / length.clamp(min=1e-300), length * 0)
