"""Ridge regression of many targets at many penalties, each split decomposed once.

In the directions of one eigendecomposition the fit at a penalty is a division, so that twenty
penalties cost twenty products and not twenty solutions. Of features and samples, the fewer are
decomposed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from layerscope.brain.folds import Fold, check_folds
from layerscope.errors import Refused


@dataclass(frozen=True, eq=False)
class Split:
    """A split in its eigenvectors: what is told at penalty a is `left / (values + a) @ right`.

    Attributes:
        left: `(told, k)`.
        values: `(k,)`, not negative.
        right: `(k, target)`.
        offset: the targets' means over what is fitted, `(target,)`.

    """

    left: Tensor
    values: Tensor
    right: Tensor
    offset: Tensor

    def told(self, alpha: float | Tensor) -> Tensor:
        """Predict the targets at one penalty, or at one for each target: `(told, target)`."""
        penalty = torch.as_tensor(alpha, dtype=self.values.dtype)
        if penalty.dim() == 0:
            return (self.left / (self.values + penalty)) @ self.right + self.offset
        found = torch.empty(len(self.left), self.right.shape[1], dtype=self.right.dtype)
        for one in penalty.unique():  # as many products as there are penalties
            those = penalty == one
            weighed = (self.left / (self.values + one)) @ self.right[:, those]
            found[:, those] = weighed + self.offset[those]
        return found


@dataclass(frozen=True, eq=False)
class Ridge:
    """A fit to all rows, by penalties chosen in folds.

    Attributes:
        alphas: of each target, `(target,)`.
        weights: `(feature, target)`.
        intercept: `(target,)`.
        losses: mean squared error on rows that were not fitted to, `(alpha, target)`.

    """

    alphas: np.ndarray
    weights: np.ndarray
    intercept: np.ndarray
    losses: np.ndarray


def ridge_cv(
    features: np.ndarray,
    targets: np.ndarray,
    alphas: Sequence[float] | np.ndarray,
    folds: Sequence[Fold],
    *,
    shared: bool = False,
) -> Ridge:
    """Choose the penalty of each target (`shared`: one for all) in folds, then fit to all rows.

    Features `(row, feature)` and targets `(row, target)` are centred on what is fitted. The loss
    is |X b - y|^2 + alpha |b|^2, and of equal losses the larger penalty is taken, as in himalaya
    (Dupré la Tour et al. 2022, doi:10.1016/j.neuroimage.2022.119728).

    >>> x = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> fit = ridge_cv(x, 2 * x + 1, [1e-9, 1.0], [(np.arange(2), np.arange(2, 4))])
    >>> fit.weights.round(3), fit.intercept.round(3)
    (array([[2.]]), array([1.]))
    """
    x, y = _tensors(features, targets)
    penalties = _penalties(alphas)
    check_folds(folds, len(x))
    losses = torch.zeros(len(penalties), y.shape[1], dtype=torch.float64)
    for fitted, told in folds:
        split = split_of_features(x[fitted], y[fitted], x[told])
        losses += loss_of_each(split, y[told], penalties) / len(folds)
    chosen = choose(losses, penalties, shared=shared)
    mean = x.mean(0)
    identity = torch.eye(x.shape[1], dtype=x.dtype)
    whole = split_of_features(x, y, identity + mean)  # told at a unit of each feature: its weight
    weights = whole.told(chosen) - whole.offset
    intercept = whole.offset - mean @ weights
    found = (chosen, weights, intercept, losses)
    return Ridge(*(each.numpy() for each in found))


def loss_of_each(split: Split, truth: Tensor, alphas: Tensor) -> Tensor:
    """Give the mean squared error of every target at every penalty, `(alpha, target)`."""
    found = torch.empty(len(alphas), truth.shape[1], dtype=truth.dtype)
    wanted = truth - split.offset
    for number, alpha in enumerate(alphas):
        error = torch.addmm(wanted, split.left / (split.values + alpha), split.right, alpha=-1)
        found[number] = torch.linalg.vector_norm(error, dim=0).square_() / len(truth)
    return found


def choose(losses: Tensor, alphas: Tensor, *, shared: bool) -> Tensor:
    """Take the penalty of the least loss for each target, or for their mean: `(target,)`."""
    if shared:
        losses = losses.mean(1, keepdim=True).expand_as(losses)
    preferred = losses - 1e-10 * alphas.log()[:, None]
    return alphas[preferred.argmin(0)]


def split_of_features(x: Tensor, y: Tensor, told: Tensor) -> Split:
    """Decompose rows `(row, feature)` with targets `(row, target)`, to tell others."""
    mean, offset = x.mean(0), y.mean(0)
    centred, answer = x - mean, y - offset
    if len(x) < x.shape[1]:
        return _dual(centred @ centred.T, (told - mean) @ centred.T, answer, offset)
    return _primal(centred.T @ centred, told - mean, centred.T @ answer, offset)


def split_of_kernel(kernel: Tensor, y: Tensor, fitted: np.ndarray, told: np.ndarray) -> Split:
    """Decompose a split of a kernel of all rows `(row, row)`, centred on what is fitted."""
    inside, across = kernel[fitted][:, fitted], kernel[told][:, fitted]
    rows = inside.mean(0)
    across = across - across.mean(1, keepdim=True) - rows + rows.mean()
    inside = inside - rows[:, None] - rows[None, :] + rows.mean()
    offset = y[fitted].mean(0)
    return _dual(inside, across, y[fitted] - offset, offset)


def _primal(product: Tensor, told: Tensor, answer: Tensor, offset: Tensor) -> Split:
    values, vectors = torch.linalg.eigh(product)
    return Split(told @ vectors, values.clamp_(min=0), vectors.T @ answer, offset)


def _dual(kernel: Tensor, across: Tensor, answer: Tensor, offset: Tensor) -> Split:
    values, vectors = torch.linalg.eigh(kernel)
    return Split(across @ vectors, values.clamp_(min=0), vectors.T @ answer, offset)


def _tensors(features: np.ndarray, targets: np.ndarray) -> tuple[Tensor, Tensor]:
    x, y = (torch.as_tensor(np.asarray(each, dtype=np.float64)) for each in (features, targets))
    if x.dim() != 2 or y.dim() != 2 or len(x) != len(y):
        raise Refused(
            f"features {tuple(x.shape)} and targets {tuple(y.shape)}: expected (row, feature) and "
            "(row, target) of as many rows"
        )
    if not bool(torch.isfinite(x).all() and torch.isfinite(y).all()):
        raise Refused("features or targets hold NaN or infinity")
    return x, y


def _penalties(alphas: Sequence[float] | np.ndarray) -> Tensor:
    penalties = torch.as_tensor(np.asarray(alphas, dtype=np.float64)).reshape(-1)
    if not len(penalties) or not bool((penalties > 0).all()):
        raise Refused(f"alphas = {alphas!r}: one or more numbers above 0")
    return penalties
