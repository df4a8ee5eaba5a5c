"""Waveforms and recordings with a view over them: time across, channels down."""

from collections.abc import Sequence

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from layerscope.errors import LayerscopeError
from layerscope.report.figures.images import HEAT, SIGNED, strong
from layerscope.report.figures.plots import tell
from layerscope.report.theme import LIGHT, Theme


def waveform(
    samples: np.ndarray,
    values: np.ndarray,
    sfreq: float | None = None,
    *,
    signed: bool = False,
    title: str = "",
    caption: str = "",
    theme: Theme = LIGHT,
) -> Figure:
    """Draw a waveform `(time,)` whose line has the colour of a map `(time,)` over it.

    Below it the map itself, about zero. A map that is not negative goes from dark to yellow, one
    that is signed from blue over grey to red; its largest absolute value has the full colour.

    Args:
        samples: the waveform.
        values: the map, of the same length.
        sfreq: samples per second, in Hz; the axis counts samples where it is not known.
        signed: whether values below zero mean something.
        title: what is shown.
        caption: what must be known to read it.
        theme: the colours of paper and words.

    """
    samples, values = np.asarray(samples, float), np.asarray(values, float)
    if samples.ndim != 1 or samples.shape != values.shape:
        raise LayerscopeError(
            f"a waveform of shape {samples.shape} and a map of {values.shape}: both (time,), of "
            "one length"
        )
    figure = Figure(figsize=(9.6, 3.6), layout="constrained")
    figure.set_facecolor(theme.paper)
    grid = figure.add_gridspec(2, 1, height_ratios=(2, 1))
    upper = figure.add_subplot(grid[0])
    lower = figure.add_subplot(grid[1], sharex=upper)
    times = np.arange(len(samples)) / (sfreq or 1)
    upper.add_collection(_coloured_line(times, samples, _line_colours(values[:-1], signed)))
    upper.autoscale_view()
    upper.set_ylabel("amplitude", color=theme.ink)
    upper.tick_params(labelbottom=False)
    lower.axhline(0, color=theme.line, linewidth=0.8)
    lower.plot(times, values, color=theme.first, linewidth=0.9)
    lower.set_ylabel("view", color=theme.ink)
    lower.set_xlabel("time (s)" if sfreq else "sample", color=theme.ink)
    upper.margins(x=0.005)
    for axes in (upper, lower):
        axes.spines[["top", "right"]].set_visible(False)
    tell(figure, title, caption, theme)
    return figure


def _coloured_line(times: np.ndarray, samples: np.ndarray, colours: np.ndarray) -> LineCollection:
    """Join the samples, each piece in its own colour."""
    points = np.stack([times, samples], axis=1)
    segments = np.stack([points[:-1], points[1:]], axis=1)
    return LineCollection(list(segments), colors=colours, linewidths=1.1)


def recording(
    values: np.ndarray,
    sfreq: float | None = None,
    channels: Sequence[str] | None = None,
    *,
    signed: bool = True,
    title: str = "",
    caption: str = "",
    theme: Theme = LIGHT,
) -> Figure:
    """Draw a map `(channel, time)`, channels down, its colour bar to the right; zero is neutral.

    >>> figure = recording(np.zeros((2, 5)), 256.0, ["TP9", "AF7"])
    >>> [text.get_text() for text in figure.axes[0].get_yticklabels()]
    ['TP9', 'AF7']
    """
    values = np.asarray(values, float)
    if values.ndim != 2 or (channels is not None and len(channels) != len(values)):
        raise LayerscopeError(
            f"a map of shape {values.shape} with {len(channels or ())} names: (channel, time), "
            "one name a channel"
        )
    figure = Figure(figsize=(9.6, 0.9 + max(1.4, 0.28 * len(values))), layout="constrained")
    figure.set_facecolor(theme.paper)
    axes = figure.add_subplot()
    top = float(np.abs(values).max(initial=0)) or 1.0
    end = values.shape[1] / (sfreq or 1)
    drawn = axes.imshow(
        values,
        extent=(0, end, len(values) - 0.5, -0.5),
        cmap=SIGNED if signed else HEAT,
        vmin=-top if signed else 0,
        vmax=top,
        aspect="auto",
        interpolation="nearest",
    )
    axes.set_yticks(range(len(values)), channels or [str(k) for k in range(len(values))])
    axes.set_xlabel("time (s)" if sfreq else "sample", color=theme.ink)
    figure.colorbar(drawn, ax=axes, pad=0.01)
    tell(figure, title, caption, theme)
    return figure


def strip(
    values: np.ndarray, *, signed: bool = False, wide: int = 172, tall: int = 40
) -> np.ndarray:
    """Colour a map `(time,)` or `(channel, time)` as a small picture `(y, x, 3)` of bytes.

    More samples than pixels: of those that share one, the strongest is shown.
    """
    rows = np.atleast_2d(np.asarray(values, float))
    pieces = np.array_split(rows, min(wide, rows.shape[1]), axis=1)
    peaks = np.stack([_strongest(piece) for piece in pieces], axis=1)
    coloured = (_colours(peaks, signed)[..., :3] * 255).round().astype(np.uint8)
    return coloured.repeat(max(1, tall // len(rows)), 0).repeat(max(1, wide // peaks.shape[1]), 1)


def _strongest(piece: np.ndarray) -> np.ndarray:
    at = np.abs(piece).argmax(axis=1)
    return piece[np.arange(len(piece)), at]


def _colours(values: np.ndarray, signed: bool) -> np.ndarray:
    """Colour values by their share of the largest absolute one (or of all but half a percent)."""
    top = strong(values) or 1.0
    if signed:
        return SIGNED(np.clip(values / (2 * top), -0.5, 0.5) + 0.5)
    return HEAT(0.9 * np.clip(values / top, 0, 1))


def _line_colours(values: np.ndarray, signed: bool) -> np.ndarray:
    """Colour pieces of a line: grey at zero, which is seen on paper, then red, or blue below it."""
    share = np.clip(values / (strong(values) or 1.0), -1, 1)
    full = SIGNED(np.where(share < 0, 0.1, 0.9)) if signed else HEAT(0.35 + 0.4 * share)
    cover = np.abs(share)[:, None] ** 0.5
    return (1 - cover) * np.array([0.72, 0.72, 0.72, 1.0]) + cover * full
