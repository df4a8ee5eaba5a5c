"""A sound on one time axis: its waveform and a map as lines, its spectrogram as a picture."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import FuncFormatter

from layerscope.errors import LayerscopeError
from layerscope.report.figures.images import HEAT
from layerscope.report.figures.plots import tell
from layerscope.report.theme import LIGHT, Theme

FLOOR = -60.0
"""Decibels below a sound's own maximum at which a spectrogram is dark."""


@dataclass(frozen=True, eq=False)
class Heard:
    """A sound as it is drawn.

    Attributes:
        samples: `(time,)`, full scale is 1.
        sfreq: samples per second, in Hz.
        level: the spectrogram `(frequency, frame)` in dB, of any reference.
        frequencies: of its rows, in Hz.
        times: of the middles of its frames, in s.
        relevance: a map `(time,)` of the same length that stands below, or None.

    """

    samples: np.ndarray
    sfreq: float
    level: np.ndarray
    frequencies: np.ndarray
    times: np.ndarray
    relevance: np.ndarray | None = None

    def __post_init__(self) -> None:
        expected = (len(self.frequencies), len(self.times))
        if self.samples.ndim != 1 or self.level.shape != expected:
            raise LayerscopeError(
                f"samples of shape {self.samples.shape} and a spectrogram of {self.level.shape} "
                f"for {expected[0]} frequencies and {expected[1]} times: (time,) and "
                "(frequency, time)"
            )
        if self.relevance is not None and self.relevance.shape != self.samples.shape:
            raise LayerscopeError(
                f"a map of shape {self.relevance.shape} under samples of {self.samples.shape}: "
                "both (time,), of one length"
            )

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / self.sfreq


def levels(heard: Heard, wide: int = 320, tall: int = 96) -> np.ndarray:
    """Sample a spectrogram as `(tall, wide)` dB re its maximum, 0 Hz below, `FLOOR` at least.

    Each pixel holds the nearest frame and frequency, so that its columns lie under the waveform
    whatever the frames' length and step. Silence is `FLOOR` everywhere.
    """
    times = (np.arange(wide) + 0.5) / wide * heard.seconds
    frequencies = (np.arange(tall)[::-1] + 0.5) / tall * heard.sfreq / 2
    rows, columns = _nearest(heard.frequencies, frequencies), _nearest(heard.times, times)
    top = heard.level.max()
    relative = heard.level[np.ix_(rows, columns)] - (top if np.isfinite(top) else 0.0)
    silent = not heard.samples.any()
    return np.full(relative.shape, FLOOR) if silent else np.clip(relative, FLOOR, 0.0)


def spectrogram_picture(heard: Heard, wide: int = 320, tall: int = 96) -> np.ndarray:
    """Colour a spectrogram as a picture `(y, x, 3)` of bytes: dark is `FLOOR`, bright its maximum.

    >>> silence = Heard(np.zeros(8), 8.0, np.zeros((2, 3)), np.array([0, 4]), np.arange(3) / 2)
    >>> spectrogram_picture(silence, 2, 1).tolist()
    [[[0, 0, 4], [0, 0, 4]]]
    """
    shares = 1 - levels(heard, wide, tall) / FLOOR
    return np.floor(HEAT(shares)[..., :3] * 255 + 0.5).astype(np.uint8)


def outline(values: np.ndarray, wide: int = 320, tall: int = 64, top: float = 0.0) -> str:
    """Draw the band between the lowest and highest values as the data of an SVG path.

    A column of the path holds all values that share it; `top` (default: the largest absolute
    value) reaches the edge of a field of `wide` x `tall`, zero is its middle.

    >>> outline(np.array([1.0, -1.0]), wide=1, tall=8)
    'M0 0H1V8H0Z'
    """
    values = np.asarray(values, float)
    edges = np.linspace(0, len(values), min(wide, len(values)) + 1).astype(int)
    pieces = [values[start:end] for start, end in itertools.pairwise(edges)]
    scale = tall / 2 / (top or float(np.abs(values).max(initial=0)) or 1.0)
    upper = [round(tall / 2 - scale * max(piece.max(), 0)) for piece in pieces]
    lower = [round(tall / 2 - scale * min(piece.min(), 0)) for piece in pieces]
    at = [round(wide * k / len(pieces)) for k in range(len(pieces) + 1)]
    return f"M0 {upper[0]}{_steps(upper, at[1:])}{_steps(lower[::-1], at[-2::-1], upper[-1])}Z"


def _steps(heights: Sequence[int], ends: Sequence[int], before: int | None = None) -> str:
    """Walk along steps of these heights, each to its end; equal neighbours are one step."""
    path = ""
    for k, (height, end) in enumerate(zip(heights, ends, strict=True)):
        if height != (heights[k - 1] if k else heights[0] if before is None else before):
            path += f"V{height}"
        if k + 1 == len(heights) or heights[k + 1] != height:
            path += f"H{end}"
    return path


def listening(
    heard: Heard,
    *,
    relevance: str = "relevance",
    title: str = "",
    caption: str = "",
    theme: Theme = LIGHT,
) -> Figure:
    """Draw waveform, spectrogram (Hz, dB re maximum) and the map below, on one axis of seconds.

    Args:
        heard: the sound; without a map two panels are drawn.
        relevance: what the map is.
        title: what is shown.
        caption: what must be known to read it.
        theme: the colours of paper and words.

    """
    rows = 2 if heard.relevance is None else 3
    figure = Figure(figsize=(9.6, 2.1 + 1.3 * rows), layout="constrained")
    figure.set_facecolor(theme.paper)
    grid = figure.add_gridspec(rows, 2, width_ratios=(60, 1), height_ratios=(2, 3, 2)[:rows])
    first = figure.add_subplot(grid[0, 0])
    panels = [first, *(figure.add_subplot(grid[k, 0], sharex=first) for k in range(1, rows))]
    draw_waveform(panels[0], heard, theme)
    drawn = draw_spectrogram(panels[1], heard, theme)
    bar = figure.colorbar(drawn, cax=figure.add_subplot(grid[1, 1]))
    bar.set_label("dB re maximum", color=theme.ink)
    bar.ax.tick_params(colors=theme.muted, labelcolor=theme.ink)
    if heard.relevance is not None:
        draw_map(panels[2], heard, relevance, theme)
    for axes in panels[:-1]:
        axes.tick_params(labelbottom=False)
    panels[-1].set_xlabel("time (s)", color=theme.ink)
    figure.align_ylabels(panels)
    tell(figure, title, caption, theme)
    return figure


def layers_heard(
    sounds: Sequence[Heard],
    names: Sequence[str],
    *,
    relevance: str = "relevance",
    title: str = "",
    caption: str = "",
    theme: Theme = LIGHT,
) -> Figure:
    """Draw one sound a row, front to back: waveform beside spectrogram, and its map where known.

    Rows share their axes of time and frequency; each sound is scaled by itself.
    """
    if not sounds or len(sounds) != len(names):
        raise LayerscopeError(f"{len(sounds)} sounds and {len(names)} names: one for each")
    mapped = any(heard.relevance is not None for heard in sounds)
    figure = Figure(figsize=(13.2 if mapped else 9.6, 1.1 + 0.95 * len(sounds)))
    figure.set_layout_engine("constrained", h_pad=0.02, hspace=0.02)
    figure.set_facecolor(theme.paper)
    grid = figure.add_gridspec(len(sounds), 3 if mapped else 2)
    for row, (heard, name) in enumerate(zip(sounds, names, strict=True)):
        panels = [figure.add_subplot(grid[row, column]) for column in range(grid.ncols)]
        draw_waveform(panels[0], heard, theme)
        draw_spectrogram(panels[1], heard, theme)
        panels[0].set_ylabel(name, color=theme.ink, rotation=0, ha="right", va="center")
        panels[0].set_yticks([])
        if heard.relevance is not None:
            draw_map(panels[2], heard, "", theme)
        elif mapped:
            panels[2].set_axis_off()
        for axes in panels:
            axes.tick_params(labelbottom=row == len(sounds) - 1)
        if row == 0:
            heads = ("waveform", "spectrogram", relevance)
            for axes, head in zip(panels, heads, strict=False):
                axes.set_title(head, fontsize=10, color=theme.ink)
    for axes in panels:
        axes.set_xlabel("time (s)", color=theme.ink)
    tell(figure, title, caption, theme)
    return figure


def draw_waveform(axes: Axes, heard: Heard, theme: Theme) -> None:
    """Draw the samples over seconds."""
    top = float(np.abs(heard.samples).max(initial=0)) or 1.0
    times = np.arange(len(heard.samples)) / heard.sfreq
    axes.plot(times, heard.samples, color=theme.first, linewidth=0.6)
    axes.set_ylim(-1.05 * top, 1.05 * top)
    axes.set_ylabel("amplitude", color=theme.ink)
    _frame(axes, heard, theme)


def draw_spectrogram(axes: Axes, heard: Heard, theme: Theme) -> AxesImage:
    """Draw the spectrogram, 0 Hz to half the sampling rate, and give what a colour bar needs."""
    drawn = axes.imshow(
        levels(heard, 1200, 256),
        extent=(0, heard.seconds, 0, heard.sfreq / 2),
        cmap=HEAT,
        vmin=FLOOR,
        vmax=0,
        aspect="auto",
        interpolation="nearest",
    )
    axes.set_ylabel("Hz", color=theme.ink)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    _frame(axes, heard, theme)
    return drawn


def draw_map(axes: Axes, heard: Heard, name: str, theme: Theme) -> None:
    """Draw the map about zero: what is above in one colour, what is below in another."""
    values = np.zeros_like(heard.samples) if heard.relevance is None else heard.relevance
    times = np.arange(len(values)) / heard.sfreq
    top = float(np.abs(values).max(initial=0)) or 1.0
    for part, colour in (
        (np.clip(values, 0, None), theme.second),
        (np.clip(values, None, 0), theme.first),
    ):
        axes.fill_between(times, part / top, color=colour, linewidth=0.4, edgecolor=colour)
    axes.axhline(0, color=theme.muted, linewidth=0.6)
    axes.set_ylim(-1.05 if (values < 0).any() else -0.05, 1.05)
    axes.set_ylabel(name, color=theme.ink)
    _frame(axes, heard, theme)


def _frame(axes: Axes, heard: Heard, theme: Theme) -> None:
    axes.set_facecolor("none")
    axes.set_xlim(0, heard.seconds)
    axes.tick_params(colors=theme.muted, labelcolor=theme.ink, labelsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    for spine in axes.spines.values():
        spine.set_color(theme.muted)


def _nearest(known: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Give the index of the known value, in rising order, nearest to each wanted one."""
    middles = (known[1:] + known[:-1]) / 2
    return np.searchsorted(middles, wanted)
