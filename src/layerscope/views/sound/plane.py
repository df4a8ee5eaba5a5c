"""The time-frequency plane: windows of a sound, their spectra, and the exact way back."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from layerscope.errors import Refused

WINDOW = 0.032
"""Length of a window in seconds, of sounds."""


@dataclass(frozen=True)
class Plane:
    """Hann windows of `size` samples, one every quarter of a window, over `length` samples.

    A cell is one frequency of one window. Beyond its ends the sound is taken to be silent, so that
    every sample stands in four windows, and inverting what was not changed gives it back exactly.

    >>> plane = plane_of(16000, 16000.0)
    >>> plane.size, plane.shape
    (512, (257, 126))
    """

    sfreq: float
    length: int
    size: int

    @property
    def hop(self) -> int:
        """Samples from one window to the next."""
        return self.size // 4

    @property
    def shape(self) -> tuple[int, int]:
        """How many frequencies and windows there are."""
        return self.size // 2 + 1, self.length // self.hop + 1

    @property
    def frequencies(self) -> np.ndarray:
        """The frequency of each row of cells, in Hz, `(F,)`."""
        return np.fft.rfftfreq(self.size, 1 / self.sfreq)

    @property
    def times(self) -> np.ndarray:
        """The middle of each window, in seconds from the first sample, `(M,)`."""
        return np.arange(self.shape[1]) * self.hop / self.sfreq

    def cells(self, samples: Tensor) -> Tensor:
        """Return the complex cells `(..., F, M)` of sounds `(..., T)`."""
        self._refuse(samples.shape[-1:], (self.length,), "time")
        found = torch.stft(
            *(samples.reshape(-1, self.length), self.size, self.hop),
            window=self._window(samples),
            pad_mode="constant",
            return_complex=True,
        )
        return found.reshape(*samples.shape[:-1], *self.shape)

    def samples(self, cells: Tensor) -> Tensor:
        """Return the sounds `(..., T)` of cells `(..., F, M)`, by weighted overlap-add.

        Of cells that no sound has it is the one whose cells are nearest (Griffin and Lim 1984).
        """
        self._refuse(cells.shape[-2:], self.shape, "frequency time")
        found = torch.istft(
            *(cells.reshape(-1, *self.shape), self.size, self.hop),
            window=self._window(cells.real),
            length=self.length,
        )
        return found.reshape(*cells.shape[:-2], self.length)

    def power(self, cells: Tensor) -> Tensor:
        """Return the power of each cell `(..., F, M)`: of a steady sine, its mean square."""
        return self._sides(cells.real) * cells.abs().square() / self._window(cells.real).sum() ** 2

    def products(self, samples: Tensor, slopes: Tensor) -> Tensor:
        """Share the products of two signals out over the cells of the first, `(..., F, M)`.

        A sound is the sum of what its cells add, `x[t] = sum of c[f, m, t]`; a cell's share is the
        sum over time of `c[f, m, t] * slopes[t]`. All shares sum to that of `x[t] * slopes[t]`.
        """
        window = self._window(samples)
        ones = torch.ones_like(window[:1]).expand(1, 1, self.shape[1])
        laid = torch.nn.functional.conv_transpose1d(
            ones, window.square()[None, None], stride=self.hop
        )[0, 0]
        start = self.size // 2
        covered = torch.nn.functional.pad(laid[start:], (0, self.size))[: self.length]
        turned = self.cells(slopes / covered)
        return self._sides(samples) / self.size * (self.cells(samples) * turned.conj()).real

    def _window(self, like: Tensor) -> Tensor:
        return torch.hann_window(self.size, dtype=like.dtype, device=like.device)

    def _sides(self, like: Tensor) -> Tensor:
        """Return 2 for frequencies that stand for themselves and their negative, else 1: (F, 1)."""
        sides = torch.full((self.shape[0], 1), 2, dtype=like.dtype, device=like.device)
        sides[0] = sides[-1] = 1
        return sides

    def _refuse(self, given: Any, wanted: Any, axes: str) -> None:
        if tuple(given) != tuple(wanted):
            raise Refused(
                f'the last axes have the sizes {tuple(given)}; "{axes}" of this plane has '
                f"{tuple(wanted)}"
            )


def plane_of(length: int, sfreq: float | None, window: float | None = None) -> Plane:
    """Return the plane of sounds of a length.

    Args:
        length: in samples.
        sfreq: samples per second, in Hz.
        window: in seconds; None: 32 ms. It is rounded to a multiple of four samples.

    """
    if sfreq is None or not sfreq > 0:
        raise Refused(f"sfreq={sfreq!r}: frequencies need the samples per second: Scope(sfreq=)")
    seconds = WINDOW if window is None else window
    size = max(4, 4 * round(seconds * sfreq / 4))
    if not seconds > 0 or size > 2 * length:
        raise Refused(
            f"window={seconds!r} s: give more than 0 and at most the {length / sfreq:g} s of sound"
        )
    return Plane(float(sfreq), int(length), size)


def spectrogram(
    samples: Any, sfreq: float, window: float | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return frequencies in Hz `(F,)`, times in s `(M,)` and the power of each cell `(..., F, M)`.

    The power of a steady sine is its mean square, so that of full scale it is -3 dB. `samples` is
    `(..., T)`, an array or tensor; a View's values at the input are such.

    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    >>> frequencies, times, power = spectrogram(tone, 16000)
    >>> float(frequencies[power[:, 60].argmax()]), round(float(power[:, 60].max()), 3)
    (1000.0, 0.5)
    """
    given = torch.as_tensor(np.asarray(samples), dtype=torch.float64)
    plane = plane_of(given.shape[-1], sfreq, window)
    return plane.frequencies, plane.times, plane.power(plane.cells(given)).float().numpy()
