"""What is refused of a sound that could be decoded, and what is only noted: the stated policy.

Refused: silence, and where the settings say so a wrong rate or length. Noted: a sound that was
resampled, mixed from several channels, padded, cut or clipped.
"""

import math

import numpy as np

from layerscope.data.waveforms.settings import WaveformsSettings
from layerscope.data.waveforms.sound import FACTS

TOLERANCE = 0.0005
"""Seconds by which a length may differ from the one wanted without a word."""


def judge(
    facts: np.ndarray, settings: WaveformsSettings, *, may_be_silent: bool = False
) -> tuple[str, str]:
    """Give a reason to refuse a sound, or "", and what is to be noted of it, or "".

    `facts` int64, as `sound.FACTS` names them. A note is "kind: detail", several joined by "; ".

    >>> facts = np.array([0, 16000 * 900, 60, 0, 44100, 2, 22050])
    >>> judge(facts, WaveformsSettings())
    ('', 'resampled: from 44100 Hz; mixed: 2 channels; padded: 0.5 s of 1 s')
    """
    known = dict(zip(FACTS, facts.tolist(), strict=True))
    rate, seconds = known["rate"], known["frames"] / known["rate"]
    level = rms_dbfs(known["squares"], settings.samples)
    if level < settings.silent_dbfs and not may_be_silent:
        told = "all zeros" if known["peak"] == 0 else f"{level:.0f} dB of full scale"
        return f"silent: {told}, silent_dbfs is {settings.silent_dbfs:g}", ""
    notes = []
    if rate != settings.sfreq:
        if settings.wrong_rate == "refuse":
            return f"wrong rate: {rate} Hz, sfreq is {settings.sfreq}", ""
        lost = f": nothing above {rate / 2:g} Hz" if rate < settings.sfreq else ""
        notes.append(f"resampled: from {rate} Hz{lost}")
    if known["channels"] > 1:
        notes.append(f"mixed: {known['channels']} channels")
    if seconds < settings.seconds - TOLERANCE:
        if settings.short == "refuse":
            return f"too short: {seconds:.3g} s of {settings.seconds:g} s", ""
        notes.append(f"padded: {seconds:.3g} s of {settings.seconds:g} s")
    if seconds > settings.seconds + TOLERANCE:
        if settings.long == "refuse":
            return f"too long: {seconds:.4g} s, seconds is {settings.seconds:g}", ""
        notes.append(f"cut: {settings.seconds:g} s of {seconds:.4g} s")
    if known["clipped"]:
        notes.append(f"clipped: {known['clipped']} samples at full scale")
    return "", "; ".join(notes)


def rms_dbfs(squares: int, samples: int) -> float:
    """Give a level in decibels of full scale from a sum of squared int16 samples.

    >>> round(rms_dbfs(16000 * 32768**2, 16000), 3), rms_dbfs(0, 16000)
    (0.0, -inf)
    """
    mean = squares / samples / 32768**2
    return 10 * math.log10(mean) if mean > 0 else -math.inf
