"""Training the study's 7-block network, 32 channels, batch 32: speed, and where the time goes."""

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import numpy as np
import torch

from benchmarks.pairs import ratio
from benchmarks.rows import row
from benchmarks.stepping import stepper
from layerscope.data import Dataset, DataSettings, InputSpec, Split
from layerscope.nets import study_2d
from layerscope.training import AugmentSettings, TrainingSettings, fit, loop
from layerscope.training.loss import Objective
from layerscope.training.precision import Precision, choose

CLASSES = ("bed", "bird", "cat", "dog", "house", "tree")
PIXELS = 320
"""Different photographs in memory; more are repeats."""
SETTINGS = TrainingSettings(
    epochs=1,
    augment=AugmentSettings(
        crop=(0.35, 1.0),
        ratio=(0.75, 1.33),
        flip=0.5,
        brightness=0.3,
        contrast=0.3,
        saturation=0.3,
    ),
)


def main(arguments: list[str] | None = None) -> list[dict[str, Any]]:
    """Measure; ratios and shares of time, each with its target."""
    parser = argparse.ArgumentParser(prog="training", description=__doc__)
    parser.add_argument(
        "--steps", type=int, default=150, help="of the training that is taken apart"
    )
    steps = parser.parse_args(arguments).steps
    data = photographs(steps * SETTINGS.batch_size)
    fast = choose(study_2d(blocks=7), data.spec.shape, SETTINGS)
    plain = Precision("float32", channels_last=False, threads=fast.threads, reason="default")
    slow, quick = (
        stepper(study_2d(blocks=7), data, SETTINGS, one, steps=3, kept=one is fast)
        for one in (plain, fast)
    )
    speedup = ratio(slow, quick)
    rows = [
        row(f"images/s, {fast.name}, against default torch", speedup, "x", 2.5, more=True),
    ]
    spent = taken_apart(data)
    whole = sum(spent.values())
    for name, most in (("augmentation", 10), ("loop", 3)):
        rows.append(row(f"{name}, share of training", 100 * spent[name] / whole, "%", most))
    return rows


def photographs(count: int) -> Dataset:
    """Make a data set of noise, as large and laid out as photographs in a pack."""
    pixels = np.random.default_rng(0).integers(0, 256, (PIXELS, 172, 172, 3), dtype=np.uint8)
    names = [str(number) for number in range(count)]
    labels = np.arange(count) % len(CLASSES)
    rows = np.arange(count) % PIXELS
    return Dataset(
        settings=DataSettings(root="."),
        classes=CLASSES,
        spec=InputSpec("photo", (3, 172, 172), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)),
        examples=(),
        splits={
            "train": Split("train", names, labels, pixels, rows),
            "val": Split("val", names[:32], labels[:32], pixels, rows[:32]),
        },
        fingerprint="noise",
    )


def taken_apart(data: Dataset) -> Counter[str]:
    """Train an epoch with `fit` and give the seconds of model, optimizer, augmentation and loop.

    The loop is all that the others are not: order, reading, progress, history, checkpoints.
    """
    spent: Counter[str] = Counter()
    parts = (
        (loop, "augment", "augmentation"),
        (loop, "mix", "augmentation"),
        (InputSpec, "to_model", "augmentation"),
        (Precision, "forward", "model"),
        (Objective, "__call__", "model"),
        (torch.Tensor, "backward", "model"),
        (loop, "descend", "optimizer"),
        (loop, "average", "optimizer"),
        (loop, "validate", "model"),
    )
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        for owner, name, part in parts:
            stack.enter_context(timed(owner, name, part, spent))
        start = time.perf_counter()
        fit(study_2d(blocks=7), data, SETTINGS, folder)
        spent["loop"] = time.perf_counter() - start - sum(spent.values())
    return spent


@contextmanager
def timed(owner: Any, name: str, part: str, spent: Counter[str]) -> Iterator[None]:
    """Add the time inside a function to a part, less what the parts inside it have taken."""
    inner = getattr(owner, name)

    def outer(*arguments: Any, **options: Any) -> Any:
        start, before = time.perf_counter(), sum(spent.values())
        try:
            return inner(*arguments, **options)
        finally:
            spent[part] += time.perf_counter() - start - (sum(spent.values()) - before)

    with mock.patch.object(owner, name, outer):
        yield
