"""What is done to signals: reference, filters, resampling, crop, baseline, rejection; all told."""

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from layerscope.data.recordings.epochs import Epochs
from layerscope.data.recordings.settings import RecordingsSettings
from layerscope.errors import LayerscopeError


def mne_for(what: str) -> Any:
    """Give the library mne, which is loaded only where it is needed.

    Raises:
        LayerscopeError: it is not installed.

    """
    try:
        import mne
    except ImportError as error:
        raise LayerscopeError(
            f'{what} needs mne, which is not installed: pip install "layerscope[brain]"'
        ) from error
    return mne


def referenced(
    x: np.ndarray, channels: Sequence[str], settings: RecordingsSettings, bad: Sequence[str] = ()
) -> tuple[np.ndarray, list[str]]:
    """Subtract the reference from signals (..., channel, time); also say so.

    "average" is over all channels but the `bad` ones.

    >>> x = np.array([[1.0, 3.0], [5.0, 5.0]])
    >>> referenced(x, ["A", "B"], RecordingsSettings(reference="average"))[0].tolist()
    [[-2.0, -1.0], [2.0, 1.0]]
    """
    if settings.reference is None:
        return x, []
    names = [name for name in channels if name not in bad]
    if settings.reference != "average":
        names = list(settings.reference)
    places = places_of(names, channels, "data.recordings.reference")
    told = "the average" if settings.reference == "average" else " and ".join(names)
    return x - x[..., places, :].mean(axis=-2, keepdims=True), [f"referenced to {told}"]


def places_of(names: Sequence[str], channels: Sequence[str], key: str) -> list[int]:
    """Find channels by name.

    Raises:
        LayerscopeError: one is not there.

    """
    missing = [name for name in names if name not in channels]
    if missing:
        raise LayerscopeError(
            f"{key}: no channel {', '.join(missing)}; there are {', '.join(channels)}"
        )
    return [list(channels).index(name) for name in names]


def filtered(
    x: np.ndarray, sfreq: float, settings: RecordingsSettings
) -> tuple[np.ndarray, list[str], list[str]]:
    """Filter signals (..., time) by MNE, notches first; give lines of what was done, and notes."""
    low, high = settings.l_freq, settings.h_freq
    if not settings.notch and low is None and high is None:
        return x, [], []
    for key, value in (("l_freq", low), ("h_freq", high), *(("notch", f) for f in settings.notch)):
        if value is not None and value >= sfreq / 2:
            raise LayerscopeError(
                f"data.recordings.{key} = {value:g} Hz is not below {sfreq / 2:g} Hz, half of the "
                "recording's sampling rate"
            )
    mne, log = mne_for("filtering (l_freq, h_freq, notch)"), []
    x = np.ascontiguousarray(x, dtype=np.float64)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        if settings.notch:
            x = mne.filter.notch_filter(x, sfreq, np.array(settings.notch), verbose="WARNING")
            log.append(f"notch at {', '.join(f'{f:g}' for f in settings.notch)} Hz")
        if low is not None or high is not None:
            x = mne.filter.filter_data(x, sfreq, low, high, verbose="WARNING")
            log.append(f"filtered {_band(low, high)}")
    notes = []
    if any("longer than the signal" in str(each.message) for each in warned):
        seconds = x.shape[-1] / sfreq
        notes.append(
            f"the filter is longer than an epoch ({seconds:g} s), so that both ends are distorted: "
            "filter the raw signals, or raise l_freq"
        )
    return x, log, notes


def _band(low: float | None, high: float | None) -> str:
    if low is None:
        return f"below {high:g} Hz"
    return f"above {low:g} Hz" if high is None else f"{low:g} to {high:g} Hz"


def resampled(epochs: Epochs, settings: RecordingsSettings) -> Epochs:
    """Bring epochs to the sampling rate that is wanted, without aliases (MNE's)."""
    wanted = settings.resample
    if wanted is None or abs(wanted - epochs.sfreq) < 1e-9:
        return epochs
    mne = mne_for("resampling (resample)")
    x = mne.filter.resample(
        epochs.x.astype(np.float64), up=wanted, down=epochs.sfreq, verbose="ERROR"
    )
    line = f"resampled from {epochs.sfreq:g} to {wanted:g} Hz"
    return replace(epochs, x=x.astype(np.float32), sfreq=float(wanted)).told(line)


def cropped(epochs: Epochs, settings: RecordingsSettings) -> Epochs:
    """Keep the samples from tmin to tmax, both included."""
    times, half = epochs.times, 0.5 / epochs.sfreq
    first = times[0] if settings.tmin is None else settings.tmin
    last = times[-1] if settings.tmax is None else settings.tmax
    if first < times[0] - half or last > times[-1] + half:
        raise LayerscopeError(
            f"data.recordings.tmin, tmax: {first:g} to {last:g} s, and the epochs run from "
            f"{times[0]:g} to {times[-1]:g} s"
        )
    inside = (times >= first - half) & (times <= last + half)
    if inside.all():
        return epochs
    if inside.sum() < 2:
        raise LayerscopeError(f"data.recordings: from {first:g} to {last:g} s lies no signal")
    line = f"cropped to {times[inside][0]:g} to {times[inside][-1]:g} s"
    return replace(
        epochs, x=np.ascontiguousarray(epochs.x[:, :, inside]), tmin=float(times[inside][0])
    ).told(line)


def baselined(epochs: Epochs, settings: RecordingsSettings) -> Epochs:
    """Subtract each channel's mean over the baseline."""
    if settings.baseline is None:
        return epochs
    low, high = settings.baseline
    half = 0.5 / epochs.sfreq
    inside = (epochs.times >= low - half) & (epochs.times <= high + half)
    if not inside.any() or low < epochs.times[0] - half or high > epochs.times[-1] + half:
        raise LayerscopeError(
            f"data.recordings.baseline = [{low:g}, {high:g}] s does not lie in the epochs, which "
            f"run from {epochs.times[0]:g} to {epochs.times[-1]:g} s"
        )
    mean = epochs.x[:, :, inside].mean(axis=2, keepdims=True, dtype=np.float64)
    line = f"baseline {low:g} to {high:g} s subtracted"
    return replace(epochs, x=(epochs.x - mean).astype(np.float32)).told(line)


def rejected(epochs: Epochs, settings: RecordingsSettings) -> Epochs:
    """Drop epochs that are not finite, too large or too flat; say how many of each."""
    finite = np.isfinite(epochs.x).all(axis=(1, 2))
    spans = np.ptp(np.where(finite[:, None, None], epochs.x, 0), axis=2)  # (N, channel)
    reasons = [""] * len(epochs)
    for k in range(len(epochs)):
        reasons[k] = _reason(spans[k], bool(finite[k]), epochs.channels, settings)
    log = []
    for key, why in (("reject", "above"), ("flat", "below")):
        limit = getattr(settings, key)
        if limit is not None:
            dropped = [n for n, said in zip(epochs.labels, reasons, strict=True) if why in said]
            log.append(_dropped(dropped, len(epochs), f"with a peak-to-peak {why} {limit:g} µV"))
    broken = [n for n, fine in zip(epochs.labels, finite.tolist(), strict=True) if not fine]
    if broken:
        log.append(_dropped(broken, len(epochs), "that hold values that are not finite"))
    return epochs.keep(np.array([not said for said in reasons], dtype=bool), reasons).told(*log)


def _reason(
    spans: np.ndarray, finite: bool, channels: Sequence[str], settings: RecordingsSettings
) -> str:
    if not finite:
        return "it holds values that are not finite"
    most, least = int(spans.argmax()), int(spans.argmin())
    if settings.reject is not None and spans[most] > settings.reject:
        return (
            f"peak-to-peak of {spans[most]:.4g} µV at {channels[most]}, "
            f"above reject = {settings.reject:g} µV"
        )
    if settings.flat is not None and spans[least] < settings.flat:
        return (
            f"peak-to-peak of {spans[least]:.4g} µV at {channels[least]}, "
            f"below flat = {settings.flat:g} µV"
        )
    return ""


def _dropped(labels: Sequence[str], total: int, why: str) -> str:
    """Say how many epochs were dropped, and of which class.

    >>> _dropped(["face", "face", "house"], 9, "above 100 µV")
    'dropped 3 of 9 epochs above 100 µV (face 2, house 1)'
    """
    each = ", ".join(f"{name} {count}" for name, count in Counter(labels).most_common())
    return f"dropped {len(labels)} of {total} epochs {why}" + (f" ({each})" if each else "")
