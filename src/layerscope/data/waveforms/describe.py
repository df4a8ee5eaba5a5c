"""The input's description from the sounds that are trained on: shape, units, mean and std."""

import math

import numpy as np

from layerscope.data.inputs import InputSpec
from layerscope.data.pack import Pack
from layerscope.data.waveforms.log_mel import LogMel
from layerscope.data.waveforms.settings import WaveformsSettings

MEASURED = 1024
"""Clips, spread evenly over those trained on, by which decibels of a front end are normalised."""


def describe(
    pack: Pack, settings: WaveformsSettings, rows: np.ndarray, *, normalize: str
) -> InputSpec:
    """Describe the input; `rows` are those of the pack that are trained on.

    Scaled by RMS a clip has mean square 1 already: mean 0 and std 1, and `peak` is the highest
    absolute value of any of them. In full scale, "channel" takes
    mean and std of all training samples, exactly. Decibels of a front end are brought to mean 0 and
    std 1 over `MEASURED` clips.
    """
    front = front_of(settings)
    samples = settings.samples
    shape = front.shape(samples) if front else (1, samples)
    plain = InputSpec(
        "waveform",
        shape,
        (0.0,),
        (1.0,),
        sfreq=float(settings.sfreq),
        scale=settings.scale,
        front=front,
        samples=samples if front else None,
        peak=_peak(pack, rows, samples) if settings.scale == "rms" else None,
    )
    if normalize == "none" or (settings.scale == "rms" and not front):
        return plain
    mean, std = _of_front(plain, pack, rows) if front else _of_samples(pack, rows, samples)
    return InputSpec.from_dict(plain.as_dict() | {"mean": [mean], "std": [std]})


def front_of(settings: WaveformsSettings) -> LogMel | None:
    """Give the front end that the settings ask for, in samples; None where it is the waveform."""
    if settings.front == "none":
        return None
    window = max(2, round(settings.sfreq * settings.window_ms / 1000))
    return LogMel(
        sfreq=float(settings.sfreq),
        window=window,
        hop=max(1, round(settings.sfreq * settings.hop_ms / 1000)),
        n_fft=settings.n_fft or 2 ** math.ceil(math.log2(window)),
        mels=settings.mels,
        fmin=settings.fmin,
        fmax=settings.fmax or settings.sfreq / 2,
    )


def _peak(pack: Pack, rows: np.ndarray, samples: int) -> float:
    """Give the highest absolute value of any clip, in units of its own RMS."""
    _, squares, peaks, *_ = pack.sums[rows].T.astype(np.float64)
    loud = squares > 0
    return float(np.max(peaks[loud] / np.sqrt(squares[loud] / samples), initial=1.0))


def _of_samples(pack: Pack, rows: np.ndarray, samples: int) -> tuple[float, float]:
    count = len(rows) * samples
    total, squares = (int(value) for value in pack.sums[rows, :2].sum(axis=0))
    variance = (count * squares - total * total) / (32768 * count) ** 2
    return total / (32768 * count), max(math.sqrt(variance), 1 / 32768)


def _of_front(plain: InputSpec, pack: Pack, rows: np.ndarray) -> tuple[float, float]:
    import torch

    chosen = rows[np.linspace(0, len(rows) - 1, min(MEASURED, len(rows))).astype(int)]
    total = squares = count = 0.0
    for begin in range(0, len(chosen), 64):
        waves = torch.from_numpy(pack.values.take(chosen[begin : begin + 64], axis=0))
        decibels = plain.to_model(waves.unsqueeze(1)).double()
        total += float(decibels.sum())
        squares += float(decibels.square().sum())
        count += decibels.numel()
    mean = total / count
    return mean, max(math.sqrt(max(squares / count - mean**2, 0.0)), 1e-3)
