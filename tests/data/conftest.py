"""Photographs and folders of them, made on the spot."""

import os
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def scene(width: int, height: int, seed: int = 0) -> Image.Image:
    """Draw a smooth colour picture that has no symmetry."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    waves = [
        np.sin(2 * np.pi * (a * x + b * y) + c)
        for a, b, c in rng.uniform([0.5, 0.5, 0], [2, 2, 6], (3, 3))
    ]
    values = 128 + 60 * np.stack(waves, axis=-1) + 55 * (x - y)[..., None]
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


@pytest.fixture
def picture() -> Callable[..., Image.Image]:
    return scene


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pack cache of the test's own; gives the folder of its packs."""
    monkeypatch.setenv("LAYERSCOPE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "packs"


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Two classes of photographs, five cats and seven dogs, without given splits."""
    root = tmp_path / "pets"
    for name, count in (("cat", 5), ("dog", 7)):
        (root / name).mkdir(parents=True)
        for k in range(count):
            scene(40, 30, seed=k + 100 * count).save(root / name / f"{k}.jpg", quality=90)
    return root


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Two classes of 200 links each to one photograph."""
    root = tmp_path / "many"
    one = tmp_path / "large.jpg"
    scene(800, 600).save(one, quality=90)
    for name in ("left", "right"):
        (root / name).mkdir(parents=True)
        for k in range(200):
            os.link(one, root / name / f"{k:03d}.jpg")
    return root


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], str]:
    """Write a plain user's script, without a main guard, that prepares the photographs at ROOT."""

    def write(body: str) -> str:
        path = tmp_path / "script.py"
        begin = "import sys\nfrom layerscope.data import DataSettings, prepare\n"
        path.write_text(begin + textwrap.dedent(body))
        return str(path)

    return write
