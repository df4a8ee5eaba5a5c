"""Sonification: anything with a time axis as a sound that can be played without harm."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from layerscope.errors import Refused
from layerscope.views.sound.level import FLOOR, level_db, peak
from layerscope.views.view import View

LEVEL = -20.0
"""The level that sounds are brought to, in dB: see `level.level_db`."""
CEILING = -1.0
"""The highest peak that a sound may have, in dB re full scale."""
FADE = 0.005
"""Seconds over which a sound comes and goes."""
LOWEST = 20.0
"""What lies below is no sound, but an offset: it is taken out. In Hz."""
AUDIBLE = 3000.0
"""The lowest sampling rate that players take, in Hz."""


@dataclass(frozen=True, eq=False)
class Sound:
    """What can be played, and what was done to it.

    Attributes:
        samples: float32 `(T,)`, within -1 and 1, between the samples too.
        sfreq: samples per second, in Hz.
        gain_db: by how much it was made louder than what it was made from.
        level_db: how loud it is now; see `level.level_db`.
        note: what was done, in words.

    """

    samples: np.ndarray
    sfreq: float
    gain_db: float
    level_db: float
    note: str

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / self.sfreq


def sonify(
    what: Any,
    sfreq: float,
    *,
    row: int | tuple[int, ...] = 0,
    level: float | None = LEVEL,
) -> Sound:
    """Make a sound of a projection, a made input, a map or any other signal: 1 sample a sample.

    What lies below 20 Hz is taken out (zero phase), the first and last 5 ms of what is not silent
    fade in and out, and the whole is brought to a level; it is less loud where its peak would pass
    -1 dB re full scale. Nothing else is done: no limiter, no compression, no noise reduction.

    Args:
        what: `(T,)`, or a View or array of more axes, of which time is the last.
        sfreq: samples per second, in Hz.
        row: which of the axes before time (an example, or `(unit, rank)`); the channels that are
            left are summed.
        level: the A-weighted level that it gets, in dB; None: its gain stays.

    >>> sound = sonify(0.001 * np.sin(np.arange(8000)), 16000)
    >>> round(sound.level_db, 1), round(sound.gain_db)
    (-20.0, 42)

    """
    signal = _signal(what, row)
    if not sfreq >= AUDIBLE:
        raise Refused(f"sfreq={sfreq!r} Hz: no sound; players take {AUDIBLE:g} Hz and more")
    sound = faded(_without_offset(signal, sfreq), sfreq)
    return at_level(sound, sfreq, level, "below 20 Hz taken out, ends faded over 5 ms")


def at_level(signal: np.ndarray, sfreq: float, level: float | None, done: str = "") -> Sound:
    """Bring a signal `(T,)` to a level, or as near as its peak allows, and say what was done."""
    now, top = level_db(signal, sfreq), peak(signal)
    notes = [done] if done else []
    if not top or now <= FLOOR:
        notes.append("silent")
        return Sound(np.zeros(len(signal), np.float32), float(sfreq), 0.0, FLOOR, "; ".join(notes))
    gain, room = 0.0 if level is None else level - now, CEILING - 20 * np.log10(top)
    if gain > room:
        held = f"held by its peak, {gain - room:.1f} dB below the level of others"
        notes.append(held if level is not None else f"turned down by {-room:.1f} dB: its peak")
    gain = min(gain, room)
    notes.append(f"gain {gain:+.1f} dB to {now + gain:.1f} dB(A)")
    samples = (signal * 10 ** (gain / 20)).astype(np.float32)
    return Sound(samples, float(sfreq), float(gain), float(now + gain), "; ".join(notes))


def _signal(what: Any, row: int | tuple[int, ...]) -> np.ndarray:
    """Pick one signal `(T,)`, float64."""
    if isinstance(what, View) and what.axes[-1] != "time":
        raise Refused(f"{what!r} has no time as its last axis: there is nothing to play")
    values = np.asarray(what.values if isinstance(what, View) else what, np.float64)
    if values.ndim == 0 or not values.shape[-1]:
        raise Refused(f"an array of the shape {values.shape} has no samples to play")
    if values.ndim > 1:
        try:
            values = values[row]
        except IndexError:
            raise Refused(f"row={row!r}: the axes before time are {values.shape[:-1]}") from None
    if values.ndim == 0 or not np.isfinite(values).all():
        raise Refused("the samples hold NaN or infinity, or none are left: nothing to play")
    return values.reshape(-1, values.shape[-1]).sum(0)


def _without_offset(signal: np.ndarray, sfreq: float) -> np.ndarray:
    """Take out the mean, and what lies below 20 Hz: a Butterworth gain of order 2, no phase."""
    inside = _between(signal)
    centred = np.where(inside, signal - signal[inside].mean() if inside.any() else 0.0, 0.0)
    padded = np.pad(centred, len(signal))
    frequencies = np.fft.rfftfreq(len(padded), 1 / sfreq)
    gain = frequencies**2 / np.sqrt(frequencies**4 + LOWEST**4)
    passed = np.fft.irfft(np.fft.rfft(padded) * gain, len(padded))[len(signal) : 2 * len(signal)]
    return np.where(inside, passed, 0.0)


def faded(sound: np.ndarray, sfreq: float) -> np.ndarray:
    """Let what is not silent of a sound `(T,)` come and go by half a cosine of 5 ms."""
    seen = np.flatnonzero(sound)
    if not len(seen):
        return sound
    first, end = int(seen[0]), int(seen[-1]) + 1
    size = min(round(FADE * sfreq), (end - first) // 2)
    ramp = 0.5 - 0.5 * np.cos(np.pi * np.arange(size) / max(1, size))
    result = sound.copy()
    result[first : first + size] *= ramp
    result[end - size : end] *= ramp[::-1]
    return result


def _between(signal: np.ndarray) -> np.ndarray:
    """Tell which samples lie from the first that is not 0 to the last."""
    seen = np.flatnonzero(signal)
    inside = np.zeros(len(signal), bool)
    if len(seen):
        inside[seen[0] : seen[-1] + 1] = True
    return inside
