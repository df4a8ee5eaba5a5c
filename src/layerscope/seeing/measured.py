"""Sounds measured as they lie on disk: duration, level, spectrum, and faults that the ear hears."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from layerscope import storage
from layerscope.seeing.wav import read_wav
from layerscope.views.sound import spectrogram

CLIPPED = 0.999
"""A sample of this size stands at full scale."""
CLICK = 0.02
"""A first or last sample larger than this, as a share of the sound's peak, is heard as a click."""


@dataclass(frozen=True)
class Measures:
    """What is measured of one sound.

    Attributes:
        name: which.
        seconds: its duration.
        rms: its level in dB re full scale (of the whole file); -inf for silence.
        peak: its largest sample in dB re full scale.
        centroid: the mean frequency weighted by power, in Hz.
        strongest: the frequency of most power, in Hz.
        ends: the larger of its first and last sample, as a share of its peak.
        clipped: how many samples stand at full scale.

    """

    name: str
    seconds: float
    rms: float
    peak: float
    centroid: float
    strongest: float
    ends: float
    clipped: int


def measured(path: str | Path, name: str = "") -> Measures:
    """Measure a sound that was written."""
    samples, sfreq = read_wav(path)
    top = float(np.abs(samples).max(initial=0))
    centroid = strongest = float("nan")
    if top:
        size = 0.032 if len(samples) >= 0.032 * sfreq else len(samples) / sfreq
        frequencies, _, power = spectrogram(samples, sfreq, size)
        spectrum = power.sum(axis=1)
        centroid = float(spectrum @ frequencies / spectrum.sum())
        strongest = float(frequencies[spectrum.argmax()])
    return Measures(
        name=name or Path(path).stem,
        seconds=len(samples) / sfreq,
        rms=_decibels(float(np.sqrt(np.square(samples).mean())) if len(samples) else 0.0),
        peak=_decibels(top),
        centroid=centroid,
        strongest=strongest,
        ends=float(np.abs(samples[[0, -1]]).max()) / top if top else 0.0,
        clipped=int((np.abs(samples) >= CLIPPED).sum()),
    )


def faults(measures: Iterable[Measures]) -> list[str]:
    """Name the sounds that clip, or that click at their ends."""
    found = []
    for each in measures:
        if each.clipped:
            found.append(f"{each.name}: {each.clipped} samples at full scale")
        if each.ends > CLICK:
            found.append(f"{each.name}: begins or ends at {each.ends:.1%} of its peak")
    return found


def table(measures: Iterable[Measures], path: str | Path | None = None) -> str:
    """Tell measures as a table, a line a sound; write it as CSV too where a path is given.

    >>> print(table([Measures("tone", 1.0, -23.0, -20.0, 440.2, 437.5, 0.0, 0)]))
    sound                              s   RMS dB  peak dB  centroid Hz  strongest Hz  ends %
    tone                           1.000    -23.0    -20.0          440           438     0.0
    """
    rows = list(measures)
    if path is not None:
        columns = tuple(Measures.__dataclass_fields__)
        storage.write_csv(Path(path), columns, map(asdict, rows))
    head = f"{'sound':<28}{'s':>8}{'RMS dB':>9}{'peak dB':>9}{'centroid Hz':>13}"
    lines = [f"{head}{'strongest Hz':>14}{'ends %':>8}"]
    for each in rows:
        levels = f"{each.seconds:>8.3f}{each.rms:>9.1f}{each.peak:>9.1f}"
        spectrum = f"{each.centroid:>13.0f}{each.strongest:>14.0f}"
        lines.append(f"{each.name:<28}{levels}{spectrum}{100 * each.ends:>8.1f}")
    return "\n".join(lines)


def _decibels(amplitude: float) -> float:
    return 20 * float(np.log10(amplitude)) if amplitude > 0 else float("-inf")
