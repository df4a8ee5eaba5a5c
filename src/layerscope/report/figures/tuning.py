"""What units are tuned to: filters and their frequency responses, the responses of deeper layers.

And what each of them answers most: its strongest snippets, in milliseconds.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from layerscope.errors import LayerscopeError
from layerscope.report.figures.images import RECTIFIED, SIGNED
from layerscope.report.figures.plots import tell
from layerscope.report.theme import LIGHT, Theme

LOWEST = -40.0
"""Decibels below a unit's own maximum at which its response is dark."""


def filter_responses(
    weights: np.ndarray,
    responses: np.ndarray,
    frequencies: np.ndarray,
    centres: np.ndarray,
    *,
    sfreq: float,
    units: Sequence[int] | None = None,
    title: str = "",
    caption: str = "",
    theme: Theme = LIGHT,
) -> Figure:
    """Draw filters beside their frequency responses, sorted by centre frequency, lowest first.

    Args:
        weights: `(unit, tap)`; zero is white, each filter is scaled by itself.
        responses: gains `(unit, frequency)`, not in dB.
        frequencies: in Hz, from 0 to half the sampling rate, evenly spaced.
        centres: of each unit, in Hz, marked by a ring.
        sfreq: samples per second, in Hz.
        units: the units' numbers; 0, 1, ... where none are given.
        title: what is shown.
        caption: what must be known to read it.
        theme: the colours of paper and words.

    """
    _check(responses, frequencies, centres)
    order = np.argsort(centres, kind="stable")
    numbers = np.arange(len(weights)) if units is None else np.asarray(units)
    figure = _figure(0.8 + 0.17 * len(order), theme)
    left, right = figure.subplots(1, 2, width_ratios=(1, 3))
    taps = weights[order] / (np.abs(weights[order]).max(axis=1, keepdims=True) + 1e-12)
    span = (-0.5, taps.shape[1] - 0.5, len(order) - 0.5, -0.5)
    left.imshow(taps, cmap=SIGNED, vmin=-1, vmax=1, extent=span, aspect="auto")
    left.set_xlabel(f"tap ({1000 / sfreq:.3g} ms each)", color=theme.ink)
    left.set_ylabel("unit", color=theme.ink)
    left.set_yticks(range(len(order)), numbers[order])
    left.tick_params(axis="y", labelsize=8)
    drawn = _heat(right, responses[order], frequencies, centres[order], theme)
    right.set_xlabel("frequency (Hz)", color=theme.ink)
    right.set_yticks([])
    _bar(figure, drawn, right, theme)
    for axes in (left, right):
        _tint(axes, theme)
    tell(figure, title, caption, theme)
    return figure


def tuning(
    responses: Mapping[str, np.ndarray],
    frequencies: np.ndarray,
    centres: Mapping[str, np.ndarray],
    *,
    log: bool = True,
    title: str = "",
    caption: str = "",
    theme: Theme = LIGHT,
) -> Figure:
    """Draw the effective frequency response of each layer's units: a panel a layer, front to back.

    Args:
        responses: gains `(unit, frequency)` of each layer, not in dB.
        frequencies: in Hz.
        centres: of each layer's units, in Hz; they sort the units, lowest first, and are ringed.
        log: a logarithmic axis of frequency; else a linear one.
        title: what is shown.
        caption: what must be known to read it.
        theme: the colours of paper and words.

    """
    if not responses or responses.keys() != centres.keys():
        raise LayerscopeError(
            f"responses of {', '.join(responses) or 'no layer'} and centres of "
            f"{', '.join(centres) or 'none'}: of the same layers"
        )
    columns = min(4, len(responses))
    rows = -(-len(responses) // columns)
    figure = Figure(figsize=(3.2 * columns + 0.9, 2.7 * rows + 0.8), layout="constrained")
    figure.set_facecolor(theme.paper)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for place, (axes, (layer, gains)) in enumerate(zip(panels, responses.items(), strict=False)):
        _check(gains, frequencies, centres[layer])
        order = np.argsort(centres[layer], kind="stable")
        drawn = _heat(axes, gains[order], frequencies, centres[layer][order], theme, log=log)
        axes.set_title(f"{layer} · {len(order)} units", fontsize=10, color=theme.ink)
        axes.set_yticks([])
        if place % columns == 0:
            axes.set_ylabel("units, by centre", color=theme.ink)
        if place >= len(responses) - columns:
            axes.set_xlabel("frequency (Hz)", color=theme.ink)
        _tint(axes, theme)
    for axes in panels[len(responses) :]:
        axes.set_axis_off()
    _bar(figure, drawn, list(panels), theme)
    tell(figure, title, caption, theme)
    return figure


def snippets(
    patches: Sequence[np.ndarray],
    projections: Sequence[np.ndarray],
    names: Sequence[str],
    *,
    sfreq: float,
    title: str = "",
    caption: str = "",
    theme: Theme = LIGHT,
) -> Figure:
    """Draw each unit's strongest snippets above one another, strongest first, over milliseconds.

    Args:
        patches: of each unit `(rank, time)`, what it answered, in grey; each is scaled by itself.
        projections: of the same shape, what of it made the unit answer, in colour over it.
        names: of the units, with the strength of the answer.
        sfreq: samples per second, in Hz.
        title: what is shown.
        caption: what must be known to read it.
        theme: the colours of paper and words.

    """
    if not patches or not len(patches) == len(projections) == len(names):
        raise LayerscopeError(
            f"{len(patches)} patches, {len(projections)} projections, {len(names)} names: "
            "one for each unit, at least one"
        )
    columns = min(4, len(names))
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(3.0 * columns + 0.4, 2.3 * rows + 0.7), layout="constrained")
    figure.set_facecolor(theme.paper)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, cut, seen, name in zip(panels, patches, projections, names, strict=False):
        milliseconds = np.arange(cut.shape[1]) * 1000 / sfreq
        for rank, (patch, projection) in enumerate(zip(cut, seen, strict=True)):
            axes.plot(milliseconds, _unit(patch) - rank, color=theme.muted, linewidth=0.9)
            axes.plot(milliseconds, _unit(projection) - rank, color=theme.second, linewidth=0.7)
        axes.set_title(name, fontsize=9, color=theme.ink)
        axes.set_yticks([])
        axes.set_ylim(0.6 - len(cut), 0.6)
        axes.margins(x=0.01)
        axes.spines[["top", "right", "left"]].set_visible(False)
        _tint(axes, theme)
    for axes in panels[max(0, len(names) - columns) : len(names)]:
        axes.set_xlabel("ms", color=theme.ink)
    for axes in panels[len(names) :]:
        axes.set_axis_off()
    tell(figure, title, caption, theme)
    return figure


def _check(responses: np.ndarray, frequencies: np.ndarray, centres: np.ndarray) -> None:
    if responses.shape != (len(centres), len(frequencies)):
        raise LayerscopeError(
            f"responses of shape {responses.shape} for {len(centres)} units and "
            f"{len(frequencies)} frequencies: (unit, frequency)"
        )


def decibels(gains: np.ndarray) -> np.ndarray:
    """Give gains `(unit, frequency)` in dB re each unit's maximum, `LOWEST` at least.

    >>> decibels(np.array([[1.0, 0.1, 0.0]])).tolist()
    [[0.0, -20.0, -40.0]]
    """
    top = gains.max(axis=1, keepdims=True)
    shares = np.divide(gains, top, out=np.zeros_like(gains, dtype=float), where=top > 0)
    return 20 * np.log10(np.maximum(shares, 10 ** (LOWEST / 20)))


def _heat(
    axes: Axes,
    gains: np.ndarray,
    frequencies: np.ndarray,
    centres: np.ndarray,
    theme: Theme,
    *,
    log: bool = False,
) -> object:
    """Draw gains in dB, units down, and a ring at each unit's centre; give what a bar needs."""
    middles = (frequencies[1:] + frequencies[:-1]) / 2
    edges = np.concatenate([[frequencies[0]], middles, [frequencies[-1]]])
    if log:
        edges = np.maximum(edges, frequencies[frequencies > 0][0] / 2)
    rows = np.arange(len(gains) + 1) - 0.5
    drawn = axes.pcolormesh(
        *(edges, rows, decibels(gains)), cmap=RECTIFIED, vmin=LOWEST, vmax=0, rasterized=True
    )
    heard = gains.max(axis=1) > 0
    size = min(12, 400 / len(gains))
    axes.scatter(
        *(centres[heard], np.flatnonzero(heard), size),
        facecolors="none",
        edgecolors="#000000",
        linewidths=0.8,
    )
    axes.set_ylim(len(gains) - 0.5, -0.5)
    axes.set_xlim(edges[edges > 0][0] if log else edges[0], edges[-1])
    if log:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(FuncFormatter(_hertz))
    return drawn


def _hertz(value: float, _: int) -> str:
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"


def _bar(figure: Figure, drawn: object, beside: Axes | list[Axes], theme: Theme) -> None:
    bar = figure.colorbar(drawn, ax=beside, pad=0.01)  # type: ignore[arg-type]
    bar.set_label("dB re each unit’s maximum", color=theme.ink)
    bar.ax.tick_params(colors=theme.muted, labelcolor=theme.ink)


def _figure(height: float, theme: Theme) -> Figure:
    figure = Figure(figsize=(9.6, max(2.4, height)), layout="constrained")
    figure.set_facecolor(theme.paper)
    return figure


def _tint(axes: Axes, theme: Theme) -> None:
    axes.set_facecolor("none")
    axes.tick_params(colors=theme.muted, labelcolor=theme.ink, labelsize=8)
    for spine in axes.spines.values():
        spine.set_color(theme.muted)


def _unit(values: np.ndarray) -> np.ndarray:
    """Scale values to less than half, so that neighbours do not touch much."""
    return 0.48 * values / (float(np.abs(values).max(initial=0)) or 1.0)
