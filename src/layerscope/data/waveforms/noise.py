"""Background noise: stretches of it as the class "silence", and what training mixes in."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from layerscope.data.folders import ClassFolder, File, scan
from layerscope.data.settings import DataSettings
from layerscope.data.waveforms.layouts import part_of, seconds_of
from layerscope.data.waveforms.settings import BACKGROUND, WaveformsSettings
from layerscope.errors import LayerscopeError

STRETCHES = {"train": (0.0, 0.8), "val": (0.8, 0.9), "test": (0.9, 1.0)}
"""Which part of every noise file a split may use: no stretch of noise is in two splits."""


def silence(root: Path, counts: Mapping[str, int], settings: DataSettings) -> list[File]:
    """Draw stretches of background noise, so many for each split, from the split's own part.

    File and place are drawn uniformly, from the seed.

    Raises:
        LayerscopeError: there is no noise, or no file of it is long enough.

    """
    given = settings.waveforms or WaveformsSettings()
    sounds = [(file, seconds_of(root / file.path)) for file in noise_files(root)]
    found: list[File] = []
    for number, (split, count) in enumerate(counts.items()):
        low, high = STRETCHES[split]
        enough = [
            (file, low * long, high * long)
            for file, long in sounds
            if (high - low) * long >= given.seconds
        ]
        if count and not enough:
            raise LayerscopeError(
                f"data.waveforms.silence: no noise in {root / BACKGROUND} is long enough: for "
                f"{split} it needs files of {given.seconds / (high - low):g} s at least, there are "
                f"{len(sounds)} of {max((s for _, s in sounds), default=0):.3g} s at most"
            )
        draw = np.random.default_rng((settings.seed, number))
        for _ in range(count):
            file, begin, end = enough[draw.integers(len(enough))]
            place = round(float(draw.uniform(begin, end - given.seconds)), 4)
            part = part_of(file, place, place + given.seconds)
            found.append(_of_split(part, split))
    return list({file.id: file for file in found}.values())


def noise_files(root: Path) -> list[File]:
    """List the sounds of the folder of background noise; texts beside them are passed over."""
    if not (root / BACKGROUND).is_dir():
        return []
    files = scan(root, [ClassFolder("", "silence", BACKGROUND)])
    return [file for file in files if not file.reason and seconds_of(root / file.path) > 0]


def background(root: Path, given: WaveformsSettings) -> Callable[[], np.ndarray] | None:
    """Give what reads the noise that training may mix in; None where there is none.

    It is the train part of every noise file at the network's rate, one after another, int16.
    """
    return partial(_read, root, given) if (root / BACKGROUND).is_dir() else None


def _read(root: Path, given: WaveformsSettings) -> np.ndarray:
    from layerscope.data.waveforms import sound

    parts: list[np.ndarray] = []
    for file in noise_files(root):
        end = STRETCHES["train"][1] * seconds_of(root / file.path)
        wanted = sound.Decoder(given.sfreq, max(1, int(end * given.sfreq)), long="start")
        found = sound.read(os.fspath(root / file.path), wanted, (0.0, end))
        if not found.reason:
            parts.append(np.frombuffer(found.samples, dtype="<i2"))
    return _joined(parts)


def _joined(parts: Iterable[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.zeros(0, np.int16), *parts])


def _of_split(file: File, split: str) -> File:
    return replace(file, split=split, source="noise")
