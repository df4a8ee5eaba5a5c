"""Views of sounds as pictures, by their axes: the twin of `draw`, which is for photographs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from layerscope.report import figures
from layerscope.report.draw import SIDE, Picture
from layerscope.report.figures.sounds import Heard, spectrogram_picture
from layerscope.report.figures.traces import GREY, ORANGE, WIDE, snippet_stack, traced, weighed
from layerscope.report.theme import LIGHT, Theme
from layerscope.views import View
from layerscope.views.sound import spectrogram
from layerscope.views.sound.plane import WINDOW


def heard(samples: np.ndarray, sfreq: float, relevance: np.ndarray | None = None) -> Heard:
    """Give a sound `(time,)` with the spectrogram that it is drawn with: Hann windows of 32 ms.

    Of a sound that is shorter than two of them, windows of half its length.
    """
    seconds = len(samples) / sfreq
    frequencies, times, power = spectrogram(samples, sfreq, min(WINDOW, seconds / 2))
    level = 10 * np.log10(np.maximum(power, 1e-20))
    return Heard(samples, sfreq, level, frequencies, times, relevance)


def clip(samples: np.ndarray, sfreq: float) -> np.ndarray:
    """Draw a sound as a small picture: its waveform above its spectrogram, `(y, x, 4)`."""
    below = spectrogram_picture(heard(samples, sfreq), WIDE, 112)
    solid = np.concatenate([below, np.full((*below.shape[:2], 1), 255, np.uint8)], axis=2)
    return np.concatenate([traced([(samples, GREY)]), solid])


def along_time(view: View, row: int, length: int) -> np.ndarray | None:
    """Give what a view says of each sample of one of its examples, `(time,)`; None if it does not.

    What is coarser than the input is laid over it; channels are summed.
    """
    if view.axes not in (("batch", "time"), ("batch", "channel", "time")) or view.moved:
        return None
    if "channels" in view.quality or view.method == "feature_maps":
        return None
    laid = view if view.values.shape[-1] == length else view.over_input()
    return laid.values[row].reshape(-1, length).sum(axis=0).astype(float)


def example(
    view: View, row: int, samples: np.ndarray, sfreq: float, entry: Mapping[str, Any], said: str
) -> Picture | None:
    """Draw what a view shows of one of its examples; None where its axes are not known here.

    Args:
        view: whose first axis is "batch".
        row: which of its examples.
        samples: the clip, `(time,)`.
        sfreq: samples per second, in Hz.
        entry: what the index says of the view: units, activation, target.
        said: the class that goes without saying.

    """
    if view.axes[0] != "batch" or view.axes[-1] != "time":
        return None
    if "frequency" in view.axes:
        return _plane(view, row)
    values = along_time(view, row, len(samples))
    if values is None:
        rows = view.values[row].reshape(-1, view.values.shape[-1])
        return Picture(figures.strip(rows, signed=view.signed), sharp=True)
    if "units" in entry or entry.get("unit") is not None:
        return _projection(view, values, row, samples, sfreq, entry)
    target = (entry.get("target") or [""] * (row + 1))[row]
    whose = f"for {target}" if target else ""
    empty = "" if values.any() else "zero everywhere"
    caption = ", ".join(filter(None, [whose if target != said else "", empty]))
    alt = ", ".join(filter(None, [whose, empty, "along the waveform"]))
    return Picture(weighed(samples, values), caption, alt, sharp=True)


def _plane(view: View, row: int) -> Picture:
    """Draw a map over time and frequency, low frequencies below; its channels are summed.

    Of feature maps each channel is drawn.
    """
    maps = view.values[row].reshape(-1, *view.values.shape[-2:])[:, ::-1].astype(float)
    if view.method == "feature_maps":
        return Picture(figures.feature_grid(maps), alt="over time and frequency")
    total = maps.sum(axis=0)
    top = figures.strong(total)
    coloured = figures.signed(total, top) if (total < 0).any() else figures.rectified(total, top)
    return Picture(figures.fit(coloured, SIDE), alt="over time and frequency", sharp=True)


def _projection(
    view: View,
    values: np.ndarray,
    row: int,
    samples: np.ndarray,
    sfreq: float,
    entry: Mapping[str, Any],
) -> Picture:
    """Draw a unit's projection over that piece of the clip which it comes from."""
    unit = entry["units"][row] if "units" in entry else entry["unit"]
    strength = entry.get("activation", entry.get("score"))
    caption = f"unit {unit}" + (f" · {strength[row]:.3g}" if strength is not None else "")
    there = np.flatnonzero(values)
    if not len(there):
        return Picture(traced([(samples, GREY)], 96), f"{caption} · silent", "silent", sharp=True)
    first, end = int(there[0]), int(there[-1]) + 1
    cut = [(samples[first:end], GREY), (values[first:end], ORANGE)]
    told = f"{1000 * (end - first) / sfreq:.3g} ms at {first / sfreq:.2f} s"
    return Picture(
        traced(cut, 96),
        f"{caption} · {told}",
        f"{caption}: projection and clip, {told}",
        sharp=True,
    )


def plots(view: View) -> bool:
    """Tell whether all layers of a method are one plot of what they are tuned to."""
    return view.axes in (("unit", "frequency"), ("unit", "channel", "frequency"))


def plot(
    views: Sequence[View],
    sfreq: float,
    filters: Mapping[str, View],
    theme: Theme = LIGHT,
    *,
    title: str = "",
    caption: str = "",
) -> Figure:
    """Plot frequency responses: of filters beside their weights, of deeper layers a panel each.

    Args:
        views: all layers of a method that `plots`, front to back.
        sfreq: samples per second, in Hz.
        filters: views of weights by layer, where they are known.
        theme: the colours of paper and words.
        title: what is shown.
        caption: what must be known to read it.

    """
    told = {"title": title, "caption": caption}
    frequencies = views[0].quality["frequency"][0]
    gains = {v.layer: _gains(v) for v in views}
    centres = {v.layer: v.quality["centre"] for v in views}
    first = views[0].layer
    if views[0].axes[1] == "frequency" or len(views) > 1 or first not in filters:
        log = bool(np.ptp(np.diff(frequencies)) > 1e-6 * sfreq)
        return figures.tuning(gains, frequencies, centres, log=log, theme=theme, **told)
    unit = np.atleast_1d(views[0].unit if views[0].unit is not None else np.arange(len(gains)))
    weights = filters[first].values.sum(axis=1)[unit]
    return figures.filter_responses(
        weights,
        gains[first],
        frequencies,
        centres[first],
        sfreq=sfreq,
        units=unit.tolist(),
        title=title,
        caption=caption,
        theme=theme,
    )


def _gains(view: View) -> np.ndarray:
    """Give a view's gains `(unit, frequency)`, channels joined by their power."""
    values = view.values.astype(float)
    return values if values.ndim == 2 else np.sqrt(np.square(values).sum(axis=1))


def blocks(view: View, sfreq: float) -> list[Picture]:
    """Draw a view of units or of classes: one picture for each; none where it is not of sounds."""
    if view.axes == ("unit", "rank", "channel", "time"):
        patches = view.quality["patches"].sum(axis=2)
        return [
            Picture(snippet_stack(patches[k], view.values[k].sum(axis=1)), caption, sharp=True)
            for k, caption in enumerate(_strengths(view, sfreq))
        ]
    if view.axes in (("unit", "channel", "time"), ("class", "channel", "time")):
        if view.method == "filters":
            return [
                Picture(traced([(values.sum(axis=0), ORANGE)], 96), f"unit {unit}", sharp=True)
                for unit, values in enumerate(view.values)
            ]
        made = [values.sum(axis=0).astype(float) for values in view.values]
        captions = _strengths(view, sfreq) if view.axes[0] == "unit" else list(view.about)
        return [
            Picture(_made(values, sfreq), caption, sharp=True)
            for values, caption in zip(made, captions, strict=True)
        ]
    return []


def _made(values: np.ndarray, sfreq: float) -> np.ndarray:
    """Draw what was made as an input: with a spectrogram where there is time enough for one."""
    if len(values) < 0.064 * sfreq:
        return traced([(values, ORANGE)], 96)
    return clip(values, sfreq)


def _strengths(view: View, sfreq: float) -> list[str]:
    units = range(len(view.values)) if view.unit is None else np.atleast_1d(view.unit)
    named = [about.removesuffix(f" of {view.layer}") for about in view.about]
    names = named or [f"unit {unit}" for unit in units]
    peaks = view.quality["activation"].reshape(len(view.values), -1).max(axis=1)
    length = f"{1000 * view.values.shape[-1] / sfreq:.3g} ms"
    return [f"{name} · {peak:.3g} · {length}" for name, peak in zip(names, peaks, strict=True)]
