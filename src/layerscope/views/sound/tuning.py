"""Tuning: which frequencies a filter or a unit answers, and the sounds that it is asked with."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from layerscope.errors import Refused
from layerscope.views.draws import generator

LOWEST = 50.0
"""The lowest frequency that sounds are asked with, in Hz, where none are named."""


def responses_of(taps: np.ndarray, frequencies: np.ndarray, sfreq: float) -> np.ndarray:
    """Return by how much filters `(..., K)` amplify each frequency in Hz: `(..., F)`.

    >>> responses_of(np.array([0.5, 0.5]), np.array([0.0, 50.0]), 100.0).round(6)
    array([1., 0.])
    """
    delays = np.arange(taps.shape[-1]) / sfreq
    waves = np.exp(-2j * np.pi * np.outer(delays, frequencies))
    return np.abs(np.asarray(taps, np.float64) @ waves)


def centres_of(gains: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    """Return the centre of responses `(U, F)`: the mean frequency, weighted by power, `(U,)`.

    A unit that answers nothing has its centre at 0.
    """
    power = np.square(gains, dtype=np.float64)
    return (power @ frequencies) / np.maximum(power.sum(-1), 1e-30)


def asked_frequencies(given: Any, sfreq: float, length: int, kind: str) -> np.ndarray:
    """Return the frequencies that a network is asked with, in Hz, rising, `(F,)`.

    Where none are named: of sounds 48, in even steps of pitch from 50 Hz to 0.95 of half the
    sampling rate; of recordings 48, evenly from 0.
    """
    top = 0.95 * sfreq / 2
    if given is None:
        lowest = max(LOWEST, 2 * sfreq / length)
        if kind == "waveform" and lowest < top:
            return np.geomspace(lowest, top, 48)
        return np.linspace(top / 48, top, 48)
    try:
        frequencies = np.atleast_1d(np.asarray(list(given), dtype=float))
    except (TypeError, ValueError):
        frequencies = np.zeros(0)
    fine = frequencies.ndim == 1 and frequencies.size and bool((np.diff(frequencies) > 0).all())
    if not fine or frequencies[0] < 0 or frequencies[-1] > sfreq / 2:
        raise Refused(
            f"frequencies={given!r:.80}: give rising frequencies in Hz, from 0 to {sfreq / 2:g} "
            "(half the sampling rate)"
        )
    return frequencies


def tones(frequencies: np.ndarray, sfreq: float, length: int, level: float) -> Tensor:
    """Return a sine and a cosine of each frequency, of that root mean square: `(F, 2, time)`.

    At 0 Hz and at half the rate only one of the two is there; both then are it.
    """
    time = np.arange(length) / sfreq
    phases = 2 * np.pi * np.outer(frequencies, time)
    both = np.stack([np.sin(phases), np.cos(phases)], axis=1)
    ends = (frequencies == 0) | np.isclose(frequencies, sfreq / 2)
    both[ends, 0] = both[ends, 1]
    both *= level / np.sqrt(np.square(both).mean(-1, keepdims=True)).clip(min=1e-12)
    return torch.from_numpy(both).float()


def bands(frequencies: np.ndarray, sfreq: float) -> np.ndarray:
    """Return the edges in Hz of the band of each frequency, halfway to its neighbours: `(F, 2)`."""
    if len(frequencies) == 1:
        return np.array([[0.0, sfreq / 2]])
    inner = (frequencies[1:] + frequencies[:-1]) / 2
    first = max(0.0, frequencies[0] - (inner[0] - frequencies[0]))
    last = min(sfreq / 2, frequencies[-1] + (frequencies[-1] - inner[-1]))
    edges = np.concatenate([[first], inner, [last]])
    return np.stack([edges[:-1], edges[1:]], axis=1)


def in_bands(frequencies: np.ndarray, sfreq: float, length: int) -> np.ndarray:
    """Tell which bins of a spectrum of `length` samples lie in each band, `(F, bins)`.

    A band narrower than a bin has the nearest one.
    """
    bins = np.fft.rfftfreq(length, 1 / sfreq)
    low, high = bands(frequencies, sfreq).T[..., None]
    inside = (bins >= low) & (bins < high)
    nearest = np.abs(bins - np.asarray(frequencies)[:, None]).argmin(1)
    inside[np.arange(len(inside)), nearest] |= ~inside.any(1)
    return inside


def noises(
    frequencies: np.ndarray, sfreq: float, length: int, level: float, draws: int, seed: int
) -> Tensor:
    """Draw Gaussian noise that fills the band of each frequency: `(F, draws, time)`."""
    inside, made = in_bands(frequencies, sfreq, length), []
    for band, seen in enumerate(inside):
        for draw in range(draws):
            numbers = torch.randn(
                (2, inside.shape[1]), generator=generator(seed, "band", band, draw)
            )
            spectrum = np.where(seen, numbers[0].numpy() + 1j * numbers[1].numpy(), 0)
            noise = np.fft.irfft(spectrum, length)
            made.append(noise * level / max(float(np.sqrt(np.square(noise).mean())), 1e-12))
    return torch.from_numpy(np.stack(made)).float().unflatten(0, (len(inside), draws))
