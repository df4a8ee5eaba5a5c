"""Objectives: from what a layer answers, `(N, channel, ...)`, to how good each picture is, `(N,)`.

They are functions of tensors; an ascent makes them larger.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

#: `(N, channel, ...)` answers or pictures -> `(N,)`.
Objective = Callable[[Tensor], Tensor]


def at_position(units: Tensor, position: Sequence[int]) -> Objective:
    """One channel of each answer, `units` `(N,)`, at one position of the map."""

    def objective(answers: Tensor) -> Tensor:
        rows = torch.arange(len(units), device=answers.device)
        return answers[rows, units].flatten(1)[:, _flat(position, answers.shape[2:])]

    return objective


def _flat(position: Sequence[int], space: Sequence[int]) -> int:
    flat = 0
    for place, size in zip(position, space, strict=True):
        flat = flat * size + place
    return flat


def mean_of_channel(units: Tensor) -> Objective:
    """The mean of one channel of each answer, `units` `(N,)`, over its map."""

    def objective(answers: Tensor) -> Tensor:
        maps = answers[torch.arange(len(units), device=answers.device), units]
        return maps.flatten(1).mean(1) if maps.dim() > 1 else maps

    return objective


def strength(answers: Tensor) -> Tensor:
    """Half the mean square of a whole answer: what a dream of a layer makes larger."""
    return answers.square().flatten(1).mean(1) / 2


def strength_of_channel(unit: int) -> Objective:
    """Half the mean square of one channel."""
    return lambda answers: strength(answers[:, unit : unit + 1])


def likeness(target: Tensor) -> Objective:
    """Minus the squared distance to `target` `(N, channel, ...)`, as a share of its square."""
    size = target.square().flatten(1).sum(1)
    size = torch.where(size > 0, size, torch.ones_like(size))

    def objective(answers: Tensor) -> Tensor:
        return -(answers - target).square().flatten(1).sum(1) / size

    return objective


def smoothness(pictures: Tensor) -> Tensor:
    """Minus the total variation: the mean square of the steps between neighbours, axes summed.

    Mahendran and Vedaldi 2015, with the exponent 2.
    """
    steps = [pictures.diff(dim=axis).square() for axis in range(2, pictures.dim())]
    return -sum(
        (step.flatten(1).mean(1) for step in steps if step.numel()),
        start=pictures.new_zeros(len(pictures)),
    )


def likeness_among(answers: Tensor, groups: int) -> Tensor:
    """How alike the pictures of one unit are: cosines between the Gram matrices of their answers.

    Args:
        answers: `(pictures x groups, channel, ...)`; the pictures of a group lie `groups` apart.
        groups: how many units there are.

    Returns:
        for each picture the mean cosine with the others of its group, `(N,)`.

    """
    maps = answers.flatten(2) if answers.dim() > 2 else answers[..., None]
    gram = torch.nn.functional.normalize((maps @ maps.mT).flatten(1), dim=1)
    gram = gram.unflatten(0, (-1, groups))  # (P, G, C * C)
    cosines = torch.einsum("pgc,qgc->gpq", gram, gram)
    others = 1 - torch.eye(len(gram), device=gram.device)
    return ((cosines * others).sum(2) / max(1, len(gram) - 1)).T.flatten()
