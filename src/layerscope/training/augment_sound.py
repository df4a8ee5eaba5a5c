"""Training sounds varied: speed, time shift, noise, gain and masked stretches, on batches.

All chance comes from the generator that is handed in, so one (seed, epoch, step) gives one batch.
"""

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from layerscope.errors import LayerscopeError
from layerscope.training.settings import SoundAugmentSettings, TrainingSettings

if TYPE_CHECKING:
    from layerscope.data.dataset import Dataset

FULL = 32768.0
"""What full scale is in int16."""


def augment_sound(
    stored: Tensor,
    settings: SoundAugmentSettings,
    draw: np.random.Generator,
    *,
    sfreq: float,
    background: np.ndarray | None = None,
) -> Tensor:
    """Vary a batch `"batch channel time"` and give it as float32: int16 as -1..1, floats as is.

    `sfreq` is in Hz. `background` int16 `(time,)` is what recorded noise is cut from. Samples may
    leave -1..1: nothing is clipped.

    >>> draw = np.random.default_rng(0)
    >>> waves = torch.ones(2, 1, 100, dtype=torch.int16)
    >>> varied = augment_sound(waves, SoundAugmentSettings(shift=0.01), draw, sfreq=1000)
    >>> varied.dtype, [int((wave == 0).sum()) for wave in varied]
    (torch.float32, [9, 10])
    """
    count, length = stored.shape[0], stored.shape[-1]
    waves = stored.to(torch.float32, copy=True)
    if stored.dtype == torch.int16:
        waves.div_(FULL)
    slow, fast = (math.log(factor) for factor in settings.speed)
    speed = np.exp(draw.uniform(slow, fast, count))
    shift = np.rint(draw.uniform(-settings.shift, settings.shift, count) * sfreq).astype(int)
    noisy = draw.random(count) < settings.noise
    snr = draw.uniform(*settings.noise_snr, count)
    gain = draw.uniform(-settings.gain, settings.gain, count)
    masked = draw.random(count) < settings.mask
    stretch = np.rint(draw.uniform(*settings.mask_seconds, count) * sfreq)
    place = draw.random(count)
    inverted = draw.random(count) < settings.invert
    if settings.speed != (1, 1):
        waves = play(waves, speed)
    waves = moved(waves, shift) if settings.shift else waves
    if noisy.any():
        chosen = np.flatnonzero(noisy)
        shape = (len(chosen), waves.shape[1], length)
        noise = make_noise(settings.noise_source, shape, draw, background)
        waves = add_noise(waves, chosen, noise, snr[chosen])
    if settings.gain:
        waves.mul_(torch.from_numpy(10 ** (gain / 20)).float()[:, None, None])
    if masked.any():
        waves = mask(waves, place, np.where(masked, stretch, 0))
    if inverted.any():
        waves = waves * torch.from_numpy(np.where(inverted, -1, 1)).float()[:, None, None]
    if settings.channel_dropout:
        waves = drop_channels(waves, draw.random((count, waves.shape[1])), settings.channel_dropout)
    return waves


def play(waves: Tensor, speed: np.ndarray) -> Tensor:
    """Play every example faster by its factor, about its middle; beyond its ends it is silent.

    Read between the samples by Catmull and Rom's cubic; what a faster one has above half the
    sampling rate folds back.
    """
    count, planes, length = waves.shape
    middle = (length - 1) / 2
    times = np.arange(length) - middle
    padded = F.pad(waves, (4, 4)).numpy()
    out = np.zeros((count, planes, length), np.float32)
    for row, factor in enumerate(speed.tolist()):  # one that fits into the cache at a time
        at = times * factor + middle
        base = np.floor(at)
        f = (at - base).astype(np.float32)
        first = np.clip(base, -3, length + 1).astype(np.int32) + 3  # beyond: four zeros
        weights = (
            f * (f * (1 - 0.5 * f) - 0.5),
            1 + f * f * (1.5 * f - 2.5),
            f * (0.5 + f * (2 - 1.5 * f)),
            f * f * (0.5 * f - 0.5),
        )
        for plane in range(planes):
            wave = padded[row, plane]
            for tap, weight in enumerate(weights):
                out[row, plane] += wave[first + tap] * weight
    return torch.from_numpy(out)


def moved(waves: Tensor, shift: np.ndarray) -> Tensor:
    """Move every example later by so many samples; zeros come in.

    >>> moved(torch.tensor([[[1.0, 2, 3]], [[1, 2, 3]]]), np.array([1, -2])).tolist()
    [[[0.0, 1.0, 2.0]], [[3.0, 0.0, 0.0]]]
    """
    length = waves.shape[-1]
    out = torch.zeros_like(waves)
    for row, by in enumerate(np.clip(shift, -length, length).tolist()):
        out[row, :, max(by, 0) : length + min(by, 0)] = waves[
            row, :, max(-by, 0) : length - max(by, 0)
        ]
    return out


def make_noise(
    source: str,
    shape: tuple[int, int, int],
    draw: np.random.Generator,
    background: np.ndarray | None = None,
) -> Tensor:
    """Make noise float32 `"batch channel time"` of any level: white, pink (1 / f) or recorded."""
    count, planes, length = shape
    if source == "recorded":
        if background is None or len(background) < length:
            raise LayerscopeError('noise_source = "recorded": there is no noise long enough')
        begins = draw.integers(0, len(background) - length + 1, count)
        cut = np.stack([background[begin : begin + length] for begin in begins.tolist()])
        noise = torch.from_numpy(cut.astype(np.float32) / np.float32(FULL))
        return noise[:, None].expand(count, planes, length)
    noise = torch.from_numpy(draw.standard_normal(shape, dtype=np.float32))
    if source == "white":
        return noise
    spectrum = torch.fft.rfft(noise)
    slope = torch.arange(spectrum.shape[-1]).clamp_(min=1).rsqrt()
    slope[0] = 0
    return torch.fft.irfft(spectrum * slope, n=length)


def add_noise(waves: Tensor, chosen: np.ndarray, noise: Tensor, snr: np.ndarray) -> Tensor:
    """Add noise to the chosen examples at a signal-to-noise ratio in dB; a silent one is left.

    Powers are means over the channels and the time of an example.

    >>> tone, noise = torch.ones(1, 1, 4), torch.tensor([[[2.0, -2, 2, -2]]])
    >>> add_noise(tone, np.array([0]), noise, np.array([20.0])).tolist()
    [[[1.100000023841858, 0.8999999761581421, 1.100000023841858, 0.8999999761581421]]]
    """
    rows = torch.from_numpy(chosen)
    signal = waves[rows]
    wanted = signal.square().mean((1, 2)) / torch.from_numpy(10 ** (snr / 10)).float()
    there = noise.square().mean((1, 2))
    scale = torch.where(there > 0, wanted / there.clamp(min=1e-20), 0.0).sqrt()
    return waves.index_copy(0, rows, signal + scale[:, None, None] * noise)


def mask(waves: Tensor, place: np.ndarray, stretch: np.ndarray) -> Tensor:
    """Set a stretch of every example to zero; `place` 0..1 says where, `stretch` how many samples.

    >>> mask(torch.ones(1, 1, 6), np.array([0.5]), np.array([2.0])).tolist()
    [[[1.0, 1.0, 0.0, 0.0, 1.0, 1.0]]]
    """
    waves, length = waves.clone(), waves.shape[-1]
    stretch = np.clip(stretch, 0, length).astype(int)
    begins = np.floor(place * (length - stretch + 1)).astype(int)
    for row in np.flatnonzero(stretch):
        waves[row, :, begins[row] : begins[row] + stretch[row]] = 0
    return waves


def drop_channels(waves: Tensor, drawn: np.ndarray, chance: float) -> Tensor:
    """Set channels to zero where `drawn` (batch, channel) 0..1 is below the chance, but never all.

    >>> drop_channels(torch.ones(2, 2, 1), np.array([[0.1, 0.9], [0.1, 0.2]]), 0.5).tolist()
    [[[0.0], [1.0]], [[0.0], [1.0]]]
    """
    kept = (drawn >= chance) | (drawn == drawn.max(axis=1, keepdims=True))
    return waves * torch.from_numpy(kept)[:, :, None]


def noise_of(dataset: "Dataset", settings: TrainingSettings) -> np.ndarray | None:
    """Read the noise that training mixes in, int16 `(time,)`; None where it needs none.

    Raises:
        LayerscopeError: recorded noise is asked for and the data have none that is long enough.

    """
    sound = settings.augment.sound
    if sound is None or not sound.noise or sound.noise_source != "recorded":
        return None
    noise = dataset.background() if dataset.background else np.zeros(0, np.int16)
    length = dataset.spec.samples or dataset.spec.shape[-1]
    if len(noise) < length:
        seconds = length / (dataset.spec.sfreq or math.nan)
        raise LayerscopeError(
            'training.augment.sound.noise_source = "recorded": the data hold '
            f"{len(noise)} samples of noise and {length} ({seconds:.3g} s) are needed at once; put "
            'recordings of it into a folder _background_noise_ in data.root, or take "pink"'
        )
    return noise
