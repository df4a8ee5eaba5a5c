"""Sounds and folders of them, made on the spot."""

from pathlib import Path

import numpy as np
import soundfile

RATE = 16_000


def tone(seconds: float = 1.0, hertz: float = 440.0, rate: int = RATE, level: float = 0.3):
    """Give a sine, float64 (frame,), that begins and ends softly."""
    time = np.arange(round(seconds * rate)) / rate
    wave = level * np.sin(2 * np.pi * hertz * time)
    edge = np.minimum(1, np.minimum(time, time[-1] - time) / 0.01)
    return wave * edge


def words(root: Path, *names: str, speakers: int = 6, takes: int = 2) -> Path:
    """Write class folders of tones, named as Speech Commands names its clips."""
    for row, name in enumerate(names):
        (root / name).mkdir(parents=True)
        for speaker in range(speakers):
            for take in range(takes):
                wave = tone(hertz=300 + 100 * row + 11 * speaker + take)
                path = root / name / f"{speaker:08x}_nohash_{take}.wav"
                soundfile.write(path, wave, RATE, "PCM_16")
    return root
