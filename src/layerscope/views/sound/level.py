"""Levels: how loud a sound is, and how high its peak."""

import numpy as np

FAST = 0.125
"""Seconds over which a level is taken: "fast" of IEC 61672."""
FLOOR = -300.0
"""The level of silence, in dB."""


def a_weighting(frequencies: np.ndarray) -> np.ndarray:
    """Return by how much the ear weakens each frequency in Hz: amplitudes, 1 at 1 kHz.

    The A curve of IEC 61672-1, in closed form.

    >>> [round(float(20 * np.log10(a)), 1) for a in a_weighting(np.array([100.0, 1000.0, 8000.0]))]
    [-19.1, 0.0, -1.1]
    """
    squares = np.asarray(frequencies, float) ** 2
    low, middle, upper, high = (f**2 for f in (20.598997, 107.65265, 737.86223, 12194.217))
    gain = high * squares**2 / ((squares + low) * (squares + high))
    return 1.2589 * gain / np.sqrt((squares + middle) * (squares + upper))


def level_db(samples: np.ndarray, sfreq: float) -> float:
    """Return how loud a sound `(T,)` is: its largest A-weighted level over 125 ms.

    In dB re full scale (a square wave of 1 kHz that fills it has about 0). That is L_AF,max with a
    window that is even in the place of one that decays: a short sound counts by its energy, as to
    the ear, and silence around it does not count.
    """
    sound = np.asarray(samples, np.float64)
    size = max(1, round(FAST * sfreq))
    padded = np.pad(sound, size)
    spectrum = np.fft.rfft(padded) * a_weighting(np.fft.rfftfreq(len(padded), 1 / sfreq))
    squares = np.fft.irfft(spectrum, len(padded)) ** 2
    sums = np.concatenate([[0.0], np.cumsum(squares)])
    power = float((sums[size:] - sums[:-size]).max()) / size
    return max(FLOOR, 10 * np.log10(max(power, 1e-300)))


def peak(samples: np.ndarray) -> float:
    """Return the largest absolute value that a sound `(T,)` has, between its samples too.

    Four times as many samples are computed, as ITU-R BS.1770-4 does for "true peak".
    """
    from scipy.signal import resample_poly

    sound = np.asarray(samples, np.float64)
    if not sound.any():
        return 0.0
    return float(max(np.abs(sound).max(), np.abs(resample_poly(sound, 4, 1)).max()))
