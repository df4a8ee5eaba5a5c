"""Steps of training as a benchmark takes them: the package's own loop, without reports or files."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import torch
from torch import nn

from layerscope.data import Dataset
from layerscope.training import TrainingSettings, loop
from layerscope.training.fitting import begin
from layerscope.training.precision import Precision, surroundings


def stepper(
    net: nn.Module,
    data: Dataset,
    settings: TrainingSettings,
    precision: Precision,
    *,
    steps: int,
    kept: bool,
) -> Callable[[], None]:
    """Give a function that trains so many steps; `kept` memory is the package's own way."""
    state, objective = begin(net, data, settings, precision)
    session = loop.Session(data, settings, Path(), {}, precision, state, objective, [])
    positions = np.arange(settings.batch_size)

    def train() -> None:
        with ExitStack() as stack:
            if kept:
                stack.enter_context(surroundings(precision, torch.device("cpu")))
            for _ in range(steps):
                loop.step(session, positions, 0.5)

    return train
