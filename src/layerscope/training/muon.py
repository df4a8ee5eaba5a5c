"""Muon: momentum whose matrices are made orthogonal before they step (Jordan et al. 2024)."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic, from Jordan's note
_EPSILON = 1e-7


class Muon(torch.optim.Optimizer):
    """Step along the orthogonalised momentum of weights with two or more axes.

    A convolution's weight is read as the matrix `"unit (channel y x)"`. The step is scaled to the
    size of AdamW's (0.2 a weight, root mean square), so AdamW's learning rates serve (Liu et al.
    2025); weight decay is decoupled.

    >>> weight = torch.nn.Parameter(torch.eye(2))
    >>> weight.grad = torch.eye(2)
    >>> Muon([weight], lr=1.0, weight_decay=0.0).step()
    >>> bool((weight.diagonal() < 1).all())
    True
    """

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: float,
        weight_decay: float,
        momentum: float = 0.95,
    ) -> None:
        defaults = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum}
        super().__init__(parameters, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Take one step; a closure is not used."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    state["momentum"] = torch.zeros_like(weight)
                state["momentum"].lerp_(weight.grad, 1 - group["momentum"])
                ahead = weight.grad.lerp(state["momentum"], group["momentum"])  # Nesterov's
                matrix = orthogonalised(ahead.flatten(1))
                scale = 0.2 * math.sqrt(max(matrix.shape))
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                weight.add_(matrix.view(weight.shape), alpha=-group["lr"] * scale)


def orthogonalised(matrix: Tensor) -> Tensor:
    """Bring all singular values near 1 (0.7 to 1.2) by five Newton-Schulz steps.

    The steps are polynomials of the Gram matrix, so they are multiplied up there, where it is
    small, and meet the matrix once.

    >>> values = torch.linalg.svdvals(orthogonalised(torch.tensor([[3.0, 0.0], [1.0, 2.0]])))
    >>> bool(((values > 0.6) & (values < 1.3)).all())
    True
    """
    a, b, c = _COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + _EPSILON)
    gram = x @ x.T
    one = torch.eye(len(gram), dtype=x.dtype, device=x.device)
    product = one
    for _ in range(5):
        step = a * one + b * gram + c * gram @ gram
        product = step @ product
        gram = step @ gram @ step
    x = product @ x
    return x.T if tall else x
