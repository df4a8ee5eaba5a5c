"""What changes in the course of a training: learning rate and input size, as pure functions."""

import copy
import math

import torch
from torch import nn

from layerscope.errors import LayerscopeError
from layerscope.tape import evaluation_mode
from layerscope.training.settings import TrainingSettings


def learning_rate(settings: TrainingSettings, progress: float) -> float:
    """Give the learning rate when a fraction `progress` (0 to 1) of the training is done.

    >>> learning_rate(TrainingSettings(learning_rate=0.2, warmup=0.5), 0.25)
    0.1
    """
    if progress < settings.warmup:
        return settings.learning_rate * progress / settings.warmup
    if settings.schedule == "constant":
        return settings.learning_rate
    along = (progress - settings.warmup) / (1 - settings.warmup)
    low = settings.final_learning_rate
    return settings.learning_rate * (low + (1 - low) * (1 + math.cos(math.pi * along)) / 2)


def train_size(settings: TrainingSettings, epoch: int, full: tuple[int, ...]) -> tuple[int, int]:
    """Give the (y, x) size of the training pictures in an epoch, counted from 0.

    >>> train_size(TrainingSettings(epochs=10, train_sizes=((0, 132), (0.7, 172))), 6, (172, 172))
    (132, 132)
    """
    reached = [side for start, side in settings.train_sizes if start <= epoch / settings.epochs]
    height, width = full
    side = reached[-1] if reached else height
    return side, max(1, round(side * width / height))


def check_sizes(net: nn.Module, settings: TrainingSettings, shape: tuple[int, ...]) -> None:
    """Run the network once at every size of `train_sizes`; it must give logits at each.

    `shape` is the input's, `"channel y x"`.

    Raises:
        LayerscopeError: the network does not take one of them; names the sizes near it that fit.

    """
    full = shape[1:]
    for _, side in settings.train_sizes:
        if not fits(net, shape, side):
            twin = copy.deepcopy(net).to("meta")  # shapes without numbers
            sides = [n for n in range(full[0] // 4, full[0] + 1) if fits(twin, shape, n)]
            raise LayerscopeError(
                f"train_sizes: the network takes {full[0]} x {full[1]} pixels and cannot take "
                f"pictures of side {side}, whose last feature map has another size; "
                f"up to its own size it takes {_ranges(sides) or 'no other'}"
            )


def fits(net: nn.Module, shape: tuple[int, ...], side: int) -> bool:
    """Tell whether the network gives logits for a picture whose height is `side`."""
    parameter = next(net.parameters())
    size = (side, max(1, round(side * shape[2] / shape[1])))
    blank = torch.zeros(1, shape[0], *size, device=parameter.device, dtype=parameter.dtype)
    try:
        with evaluation_mode(net), torch.no_grad():
            net(blank)
    except (RuntimeError, ValueError, AssertionError):
        return False
    return True


def _ranges(numbers: list[int]) -> str:
    """Write sorted whole numbers as ranges.

    >>> _ranges([3, 4, 5, 9])
    '3 to 5, 9'
    """
    starts = [n for n in numbers if n - 1 not in numbers]
    ends = [n for n in numbers if n + 1 not in numbers]
    return ", ".join(f"{a}" if a == b else f"{a} to {b}" for a, b in zip(starts, ends, strict=True))
