"""Frequency bands: names, limits in Hz, and which frequencies of a transform they hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from layerscope.errors import LayerscopeError

#: The bands of the field, in Hz.
BANDS: dict[str, tuple[float, float]] = {
    "delta": (1.0, 4.0),
    "theta": (4.0, 8.0),
    "alpha": (8.0, 13.0),
    "beta": (13.0, 30.0),
    "gamma": (30.0, 100.0),
}


@dataclass(frozen=True)
class Band:
    """Frequencies from `low` up to, and without, `high`, in Hz.

    >>> Band("alpha", 8, 13).holds(np.array([7.9, 8.0, 12.9, 13.0])).tolist()
    [False, True, True, False]
    """

    name: str
    low: float
    high: float

    def holds(self, frequencies: np.ndarray) -> np.ndarray:
        """Tell which frequencies, in Hz, lie in the band."""
        return (frequencies >= self.low) & (frequencies < self.high)

    def __str__(self) -> str:
        return f"{self.name} ({self.low:g} to {self.high:g} Hz)"


def frequencies(samples: int, sfreq: float) -> np.ndarray:
    """Give the frequencies, in Hz, of the real Fourier transform of so many samples."""
    return np.fft.rfftfreq(samples, 1 / sfreq)


def bands_within(
    sfreq: float,
    samples: int,
    *,
    passband: tuple[float, float] | None = None,
    bands: Mapping[str, Sequence[float]] = BANDS,
) -> list[Band]:
    """Give the bands that recordings can hold: cut at the Nyquist frequency and the passband.

    A band of which nothing is left, or in which no frequency of the transform lies, is left out.

    Args:
        sfreq: samples per second, in Hz.
        samples: of one epoch; their number sets the resolution, `sfreq / samples`.
        passband: what the recordings' filter lets through, in Hz; None: all.
        bands: `{name: (low, high)}` in Hz.

    Raises:
        LayerscopeError: a band whose limits do not rise, or none that is left.

    >>> [str(band) for band in bands_within(256, 256, passband=(1, 30))][-2:]
    ['alpha (8 to 13 Hz)', 'beta (13 to 30 Hz)']

    """
    low, high = passband or (0.0, sfreq / 2)
    high, known, found = min(high, sfreq / 2), frequencies(samples, sfreq), []
    for name, limits in bands.items():
        _refuse_limits(name, limits)
        band = Band(name, max(float(limits[0]), low), min(float(limits[1]), high))
        if band.holds(known).any():
            found.append(band)
    if not found:
        raise LayerscopeError(
            f"no band of {', '.join(bands) or 'none'} holds a frequency between {low:g} and "
            f"{high:g} Hz at a resolution of {sfreq / samples:.3g} Hz: name bands in there"
        )
    return found


def fine_bands(
    sfreq: float,
    samples: int,
    *,
    passband: tuple[float, float] | None = None,
    width: float = 1.0,
) -> list[Band]:
    """Give neighbouring bands of one width about 1, 2, 3, ... times that width, in Hz.

    Where epochs are so short that they resolve less, the width is their resolution.

    >>> [str(band) for band in fine_bands(256, 768, passband=(1, 3))]
    ['1 Hz (0.5 to 1.5 Hz)', '2 Hz (1.5 to 2.5 Hz)', '3 Hz (2.5 to 3.5 Hz)']
    """
    low, high = passband or (0.0, sfreq / 2)
    width = max(width, sfreq / samples)
    first, last = max(1, round(low / width)), int(min(high, sfreq / 2) / width + 1e-9)
    return [
        Band(f"{n * width:.4g} Hz", (n - 0.5) * width, (n + 0.5) * width)
        for n in range(first, last + 1)
    ]


def masks(bands: Sequence[Band], samples: int, sfreq: float) -> np.ndarray:
    """Give, for each band, which frequencies of the transform it holds: bool (band, frequency)."""
    known = frequencies(samples, sfreq)
    return np.stack([band.holds(known) for band in bands])


def _refuse_limits(name: str, limits: Sequence[float]) -> None:
    if len(limits) != 2 or not 0 <= limits[0] < limits[1]:
        raise LayerscopeError(
            f"the band {name} = {list(limits)}: two frequencies in Hz, the lower one first"
        )
