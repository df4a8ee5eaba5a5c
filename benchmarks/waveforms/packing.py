"""Packing clips of one second, in seconds of sound per second of one core, and against soundfile.

The clips are speech-like noise made on the spot: no data set is needed. What counts is what this
process and its workers spend of all cores, kernel and start of the workers included.
"""

import os
import resource
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import scipy.signal
import soundfile
import soxr

from benchmarks.rows import row
from layerscope.data import DataSettings, prepare
from layerscope.progress import quiet

RATE = 16_000
CLIPS = 2000
ROUNDS = 3
WHOM = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


def rows() -> list[dict[str, Any]]:
    """Measure in turn; medians of the rounds, each with its target."""
    with tempfile.TemporaryDirectory() as folder:
        flac, wav = Path(folder) / "flac", Path(folder) / "wav"
        make_clips(flac, "flac", RATE, CLIPS)
        make_clips(wav, "wav", 44_100, CLIPS // 4)
        rounds = [(_packed(flac), _plain(flac), _packed(wav), _plain(wav)) for _ in range(ROUNDS)]
    ours, plain, resampled, plainly = (
        statistics.median(column) for column in zip(*rounds, strict=True)
    )
    return [
        row("packing 16 kHz flac, per core", ours, "x real time", 400, more=True),
        row("the same, against soundfile alone", ours / plain, "x", None),
        row("packing 44.1 kHz wav, resampled, per core", resampled, "x real time", None),
        row("the same, against soundfile and soxr alone", resampled / plainly, "x", None),
    ]


def make_clips(root: Path, ending: str, rate: int, count: int) -> None:
    """Write clips of one second in two classes: low-passed noise under syllables of loudness."""
    draw = np.random.default_rng(0)
    sections = scipy.signal.butter(2, [150, 3500], "bandpass", fs=rate, output="sos")
    for number in range(count):
        noise = scipy.signal.sosfilt(sections, draw.standard_normal(rate))
        syllables = np.interp(np.linspace(0, 1, rate), np.linspace(0, 1, 7), draw.random(7)) ** 2
        folder = root / ("yes" if number % 2 else "no")
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{number // 8:08x}_nohash_{number % 8 // 2}.{ending}"
        soundfile.write(folder / name, 0.5 * noise * syllables, rate, "PCM_16")


def _packed(root: Path) -> float:
    """Pack the clips into an empty cache; give seconds of sound per core second."""
    with tempfile.TemporaryDirectory() as cache, _cache(cache):
        spent = _core_seconds()
        data = prepare(DataSettings(kind="waveforms", root=str(root), val_fraction=0.0))
        return len(data["train"]) / (_core_seconds() - spent)


def _plain(root: Path) -> float:
    """Read the clips as a user would, one after another, resampled where need be."""
    spent, clips = _core_seconds(), sorted(root.glob("*/*"))
    for path in clips:
        wave, rate = soundfile.read(path, dtype="float32")
        wave = wave if rate == RATE else soxr.resample(wave, rate, RATE)
        (wave * 32768).astype(np.int16)
    return len(clips) / (_core_seconds() - spent)


def _core_seconds() -> float:
    """Sum what this process and its finished workers have spent of all cores, kernel included."""
    return sum(sum(resource.getrusage(who)[:2]) for who in WHOM)


@contextmanager
def _cache(folder: str) -> Iterator[None]:
    with mock.patch.dict(os.environ, {"LAYERSCOPE_CACHE": folder}), quiet():
        yield
