"""Photographs with detail, made on the spot, and a study of folders of them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

STUDY = """\
name = "planted"
[data]
root = "photos"
size = 96
train = "train"
val = "val"
[model]
preset = "study-2d"
blocks = 3
channels = 8
"""
COUNTS = {("train", "left"): 24, ("train", "right"): 24, ("val", "left"): 8, ("val", "right"): 8}


def textured(seed: int, height: int = 128, width: int = 160) -> Image.Image:
    """Make a colour picture whose spectrum falls as a photograph's does."""
    rng = np.random.default_rng(seed)
    fy, fx = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    falls = 1 / np.maximum(np.hypot(fy, fx), 1 / width)
    noise = rng.normal(size=(3, *falls.shape)) + 1j * rng.normal(size=(3, *falls.shape))
    noise[1:] = 0.8 * noise[0] + 0.2 * noise[1:]  # colours of one thing
    waves = np.fft.irfft2(noise * falls, s=(height, width))
    waves = waves / waves.std() * 45 + 128
    return Image.fromarray(waves.clip(0, 255).astype(np.uint8).transpose(1, 2, 0))


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """A folder with study.toml and 64 photographs in photos/, none of them twice."""
    seed = 0
    for (split, name), count in COUNTS.items():
        folder = tmp_path / "photos" / split / name
        folder.mkdir(parents=True)
        for k in range(count):
            textured(seed).save(folder / f"{k:02d}.jpg", quality=92)
            seed += 1
    (tmp_path / "study.toml").write_text(STUDY)
    return tmp_path
