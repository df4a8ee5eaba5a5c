"""Packing photographs of 500x375 against plain Pillow, per core, and reading against packing."""

import argparse
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from PIL import Image, ImageOps
from PIL.Image import Resampling
from sklearn.datasets import load_sample_images

from benchmarks.rows import row
from layerscope.data import DataSettings, prepare
from layerscope.data.workers import cores
from layerscope.progress import quiet

SIDE = 172
WHOM = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
PLAIN = 300
"""Photographs that the plain way decodes in a round."""


def main(arguments: list[str] | None = None) -> list[dict[str, Any]]:
    """Measure in turn; medians of the rounds, each with its target."""
    parser = argparse.ArgumentParser(prog="packing", description=__doc__)
    parser.add_argument("--photographs", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "photos"
        make_photographs(root, options.photographs)
        rounds = [_round(root) for _ in range(options.rounds)]
    plain, alike, reading = (statistics.median(column) for column in zip(*rounds, strict=True))
    same = f"packing per core, {cores()} used, against plain Pillow with the same filter"
    default = "the same, against ImageOps.fit with its default filter, bicubic"
    return [
        row(same, alike, "x", 1.6, more=True),
        row(default, plain, "x", None),
        row("shuffled batches from the pack, against packing", reading, "x", 50, more=True),
    ]


def make_photographs(root: Path, count: int) -> None:
    """Write crops of scikit-learn's two photographs as JPEG, in two classes."""
    draw = np.random.default_rng(0)
    photos = load_sample_images().images
    for number in range(count):
        photo = photos[number % 2]
        y, x = draw.integers(0, photo.shape[0] - 375), draw.integers(0, photo.shape[1] - 500)
        crop = photo[y : y + 375, x : x + 500]
        folder = root / ("flower" if number % 2 else "temple")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(crop).save(folder / f"{number}.jpg", quality=90)


def _round(root: Path) -> tuple[float, float, float]:
    """Pack, read and decode plainly, one after the other; give the three ratios."""
    with tempfile.TemporaryDirectory() as cache, _cache(cache):
        start, spent = time.perf_counter(), _core_seconds()
        data = prepare(DataSettings(root=str(root), size=SIDE, val_fraction=0.0))
        split = data["train"]
        packed = len(split) / (time.perf_counter() - start)
        packed_per_core = len(split) / (_core_seconds() - spent)
        order = np.random.default_rng(0).permutation(len(split))
        start = time.perf_counter()
        for first in range(0, len(order), 32):
            split.batch(order[first : first + 32])
        read = len(order) / (time.perf_counter() - start)
    plain, alike = (_plain(root, how) for how in (Resampling.BICUBIC, Resampling.BILINEAR))
    return packed_per_core / plain, packed_per_core / alike, read / packed


def _core_seconds() -> float:
    """Sum what this process and its finished workers have spent of all cores, kernel included."""
    return sum(sum(resource.getrusage(who)[:2]) for who in WHOM)


def _plain(root: Path, how: Resampling) -> float:
    """Decode in full, cut and resize, BICUBIC by default, as Pillow does; photographs a second."""
    spent = _core_seconds()
    for path in sorted(root.glob("*/*.jpg"))[:PLAIN]:
        with Image.open(path) as image:
            np.asarray(ImageOps.fit(image.convert("RGB"), (SIDE, SIDE), how))
    return PLAIN / (_core_seconds() - spent)


@contextmanager
def _cache(folder: str) -> Iterator[None]:
    with mock.patch.dict(os.environ, {"LAYERSCOPE_CACHE": folder}), quiet():
        yield
