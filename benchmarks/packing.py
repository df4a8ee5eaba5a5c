"""Packing photographs of 500x375 against plain Pillow, per core, and reading against packing."""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images

from layerscope.data import DataSettings, prepare
from layerscope.data.workers import cores
from layerscope.progress import quiet

SIDE = 172
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
    packing, reading = (statistics.median(column) for column in zip(*rounds, strict=True))
    return [
        _row(f"packing per core, {cores()} used, against plain Pillow", packing, 1.6),
        _row("shuffled batches from the pack, against packing", reading, 50),
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


def _round(root: Path) -> tuple[float, float]:
    """Pack, read and decode plainly, one after the other; give the two ratios."""
    with tempfile.TemporaryDirectory() as cache, _cache(cache):
        start = time.perf_counter()
        data = prepare(DataSettings(root=str(root), size=SIDE, val_fraction=0.0))
        split = data["train"]
        packed = len(split) / (time.perf_counter() - start)
        order = np.random.default_rng(0).permutation(len(split))
        start = time.perf_counter()
        for first in range(0, len(order), 32):
            split.batch(order[first : first + 32])
        read = len(order) / (time.perf_counter() - start)
    start = time.perf_counter()
    for path in sorted(root.glob("*/*.jpg"))[:PLAIN]:
        _plain(path)
    plain = PLAIN / (time.perf_counter() - start)
    return packed / cores() / plain, read / packed


def _plain(path: Path) -> np.ndarray:
    """Decode in full, resize the short side, cut out the centre."""
    with Image.open(path) as image:
        width, height = image.size
        short = min(width, height)
        left, top = (width - short) / 2, (height - short) / 2
        box = (left, top, left + short, top + short)
        picture = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR, box=box)
    return np.asarray(picture)


@contextmanager
def _cache(folder: str) -> Iterator[None]:
    with mock.patch.dict(os.environ, {"LAYERSCOPE_CACHE": folder}), quiet():
        yield


def _row(measured: str, value: float, least: float) -> dict[str, Any]:
    return {
        "measured": measured,
        "value": round(value, 2),
        "unit": "x",
        "target": f">= {least}",
        "met": value >= least,
    }
