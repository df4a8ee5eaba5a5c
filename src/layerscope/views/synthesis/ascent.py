"""The loop: gradient ascent with steps of a given size, whatever the size of the gradient."""

from collections.abc import Callable

import torch
from torch import Tensor

#: Called after each step.
Step = Callable[[], object]
#: From the gradients `(N, *shape)` of each step, in their order, to where to go, of size about 1.
Direction = Callable[[Tensor], Tensor]


def climb(
    score: Callable[[Tensor], Tensor],
    start: Tensor,
    direction: Direction,
    *,
    steps: int,
    rate: float | Tensor,
    falling: bool = False,
    keep: Callable[[Tensor], Tensor] = lambda numbers: numbers,
    after: Step = lambda: None,
) -> Tensor:
    """Climb from `start`; no picture's way depends on the others it is climbed with.

    Args:
        score: `(N, *shape)` numbers -> `(N,)`, differentiable.
        start: `(N, *shape)`.
        direction: `along_gradient()` or `adam()`, a new one for each climb.
        steps: how many.
        rate: their size, a number or one for each channel, `(channel, 1, ...)`.
        falling: let their size fall to zero, evenly.
        keep: brings the numbers back to where they are allowed, after each step.
        after: called after each step.

    Returns:
        The numbers reached, `(N, *shape)`.

    """
    numbers = start.clone()
    for done in range(steps):
        share = 1 - done / steps if falling else 1.0
        numbers = keep(numbers + share * rate * direction(gradient(score, numbers)))
        after()
    return numbers


def along_gradient(memory: float = 0.0) -> Direction:
    """Go along the gradient, divided by its root mean square over each picture.

    `memory` is the share of the last direction that is kept.
    """
    last: list[Tensor] = []

    def direction(slope: Tensor) -> Tensor:
        now = slope / root_mean_square(slope).clamp(min=torch.finfo(slope.dtype).tiny)
        now = (1 - memory) * now + memory * last.pop() if last else (1 - memory) * now
        last.append(now)
        return now

    return direction


def adam(memory: float = 0.5, memory_of_squares: float = 0.9) -> Direction:
    """Move each number by about 1 (Kingma and Ba 2015); means are short, as steps are few."""
    mean, square, done = torch.zeros(()), torch.zeros(()), 0

    def direction(slope: Tensor) -> Tensor:
        nonlocal mean, square, done
        done += 1
        mean = memory * mean + (1 - memory) * slope
        square = memory_of_squares * square + (1 - memory_of_squares) * slope.square()
        size = (square / (1 - memory_of_squares**done)).sqrt()
        least = (1e-4 * root_mean_square(size)).clamp(min=torch.finfo(size.dtype).tiny)
        return mean / (1 - memory**done) / (size + least)

    return direction


def root_mean_square(numbers: Tensor) -> Tensor:
    """Return each picture's root mean square, `(N, 1, ...)`."""
    squares = numbers.square().flatten(1).mean(1)
    return squares.sqrt().view(-1, *[1] * (numbers.dim() - 1))


def gradient(score: Callable[[Tensor], Tensor], numbers: Tensor) -> Tensor:
    """Return the gradient of each score at its own numbers, zeros where there is none."""
    with torch.inference_mode(False), torch.enable_grad():
        leaf = numbers.detach().clone().requires_grad_()
        total = score(leaf).sum()
        if not total.requires_grad:
            return torch.zeros_like(numbers)
        (slope,) = torch.autograd.grad(total, leaf, allow_unused=True)
    return torch.zeros_like(numbers) if slope is None else slope
