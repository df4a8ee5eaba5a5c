"""Examples that are odd in themselves: dark, blurred, silent, clipped, with a flat channel."""

from collections.abc import Callable

import numpy as np
from torch.nn import functional as F

from layerscope.cleaning.findings import Finding
from layerscope.cleaning.near import is_photographs
from layerscope.cleaning.pool import Pool
from layerscope.progress import bar

_BATCH = 64
DARK, BRIGHT = 25.0, 240.0  # mean grey level, of 0 to 255
UNIFORM = 8.0  # standard deviation of grey levels
SHARP = 0.035  # fine detail as a share of all variation
SILENT, CLIPPED, NOISY = -55.0, 0.005, 0.3  # dB of full scale; share of samples; flatness
FLAT, LOUD = 1e-2, 20.0  # standard deviation of a channel beside the median channel's


def odd(pool: Pool) -> list[Finding]:
    """Find what is odd by limits that are stated: nothing is learnt from the other examples.

    Photographs: mean grey below 25 or above 240; near-uniform below a standard deviation of 8;
    blurred where fine detail (beside the mean of 3 x 3 pixels) is below 3.5 % of all variation.
    Sounds: below -55 dB of full scale; 0.5 % of the samples at full scale; a spectral flatness
    above 0.3, as of noise (of a tone 0, of white noise 0.56). Recordings: a channel whose standard
    deviation is below 1/100, or above 20 times, the median channel's. Digits: nothing.
    """
    judge = _judge(pool)
    if judge is None:
        return []
    found = []
    with bar("odd", len(pool), "examples") as step:
        for begin in range(0, len(pool), _BATCH):
            places = np.arange(begin, min(begin + _BATCH, len(pool)))
            for k, told in zip(places.tolist(), judge(pool.batch(places)), strict=True):
                if told:
                    score, why = max(told)
                    label = pool.classes[pool.labels[k]]
                    given = (pool.ids[k], pool.sha256[k], "odd", score, "drop", why)
                    found.append(Finding(*given, label, pool.splits[k]))
            step(len(places))
    return found


Told = list[tuple[float, str]]
"""What is odd of one example: score and words."""


def _judge(pool: Pool) -> Callable[[np.ndarray], list[Told]] | None:
    if is_photographs(pool):
        return photographs
    kinds = {("i", 2): sounds, ("f", 3): recordings}
    return kinds.get((pool.values.dtype.kind, pool.values.ndim))


def _beyond(value: float, limit: float) -> float:
    """Score a value that should be above a limit: 0.5 at the limit, 1 at nothing.

    >>> _beyond(2.0, 8.0)
    0.875
    """
    return 1 - max(value, 0) / limit / 2


def photographs(values: np.ndarray) -> list[Told]:
    """Judge photographs uint8 "batch y x channel"."""
    from layerscope.cleaning.fingerprints import grey

    images = grey(values)
    mean, std = images.mean(dim=(1, 2)), images.std(dim=(1, 2))
    smooth = F.avg_pool2d(images[:, None], 3, 1)[:, 0]
    detail = (images[:, 1:-1, 1:-1] - smooth).std(dim=(1, 2))
    sharp = detail / std.clamp(min=1e-3)
    told: list[Told] = []
    for m, s, d in zip(mean.tolist(), std.tolist(), sharp.tolist(), strict=True):
        one: Told = []
        if m < DARK:
            one.append((_beyond(m, DARK), f"too dark: a mean of {m:.0f} of 255"))
        elif m > BRIGHT:
            one.append((_beyond(255 - m, 255 - BRIGHT), f"too bright: a mean of {m:.0f} of 255"))
        elif s < UNIFORM:
            one.append((_beyond(s, UNIFORM), f"near-uniform: grey levels vary by {s:.1f} of 255"))
        elif d < SHARP:
            one.append(
                (_beyond(d, SHARP), f"blurred: fine detail is {100 * d:.1f} % of what varies")
            )
        told.append(one)
    return told


def sounds(values: np.ndarray) -> list[Told]:
    """Judge sounds int16 (batch, time)."""
    x = values.astype(np.float64) / 32768
    level = 10 * np.log10(np.maximum(np.mean(x**2, axis=1), 1e-12))
    clipped = np.mean(np.abs(values.astype(np.int32)) >= 32700, axis=1)
    power = np.abs(np.fft.rfft(x * np.hanning(x.shape[1]), axis=1)[:, 1:]) ** 2 + 1e-12
    flat = np.exp(np.mean(np.log(power), axis=1)) / np.mean(power, axis=1)
    told: list[Told] = []
    for decibels, share, flatness in zip(level, clipped, flat, strict=True):
        one: Told = []
        if decibels < SILENT:
            one.append((min(1.0, 0.5 + (SILENT - decibels) / 80), f"silent: {decibels:.0f} dB"))
        elif flatness > NOISY:
            one.append((float(flatness), f"noisy: a spectral flatness of {flatness:.2f}"))
        if share > CLIPPED:
            one.append((0.5 + min(share, 0.5), f"clipped: {100 * share:.1f} % of its samples"))
        told.append(one)
    return told


def recordings(values: np.ndarray) -> list[Told]:
    """Judge recordings float32 (batch, channel, time)."""
    std = values.astype(np.float64).std(axis=2)
    median = np.maximum(np.median(std, axis=1, keepdims=True), 1e-12)
    told: list[Told] = []
    for ratios in std / median:
        one: Told = []
        flat, loud = np.flatnonzero(ratios < FLAT), np.flatnonzero(ratios > LOUD)
        if len(flat):
            words = ", ".join(str(k + 1) for k in flat[:6])
            one.append((_beyond(float(ratios.min()), FLAT), f"flat: channel {words}"))
        if len(loud):
            words = ", ".join(str(k + 1) for k in loud[:6])
            one.append((1 - LOUD / ratios.max() / 2, f"loud: channel {words}"))
        told.append(one)
    return told
