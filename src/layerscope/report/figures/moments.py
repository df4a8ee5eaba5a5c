"""When and where: averages time-locked to the event, and the epochs that units answer most."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from layerscope.errors import LayerscopeError
from layerscope.report.figures.plots import themed_axes
from layerscope.report.theme import LIGHT, Theme

#: Channels drawn one below the other, at most; of more the ones with the largest averages.
CHANNELS = 8


def event_related(
    mean: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    times: np.ndarray,
    channels: Sequence[str],
    classes: Sequence[str],
    *,
    spans: Sequence[tuple[int, float, float]] = (),
    unit: str = "",
    theme: Theme = LIGHT,
) -> Figure:
    """Draw averages over the epochs of each class with their intervals, a plot each channel.

    `mean`, `low` and `high` are `(class, channel, time)`, `times` in seconds from the event;
    `spans` are stretches of a channel, (its number, from, to), that are shaded.
    """
    named = (len(classes), len(channels), len(times))
    if mean.shape != named:
        raise LayerscopeError(f"averages of shape {mean.shape}: (class, channel, time) is {named}")
    shown = np.sort(np.argsort(-np.abs(mean).max((0, 2)), kind="stable")[:CHANNELS])
    colours, dashes = (theme.first, theme.second, theme.third, theme.muted), ("-", "--", "-.", ":")
    lines: list[dict[str, Any]] = [
        {"color": colours[n % 4], "linestyle": dashes[n % 4], "linewidth": 1.5, "label": name}
        for n, name in enumerate(classes)
    ]
    figure = Figure(figsize=(7.6, 1.25 * len(shown) + 1.0), layout="constrained")
    first = None
    for row, channel in enumerate(shown):
        axes = themed_axes(figure, theme, (len(shown), 1, row + 1), share=first)
        first = first or axes
        for _, start, end in (span for span in spans if span[0] == channel):
            axes.axvspan(start, end, color=theme.line, alpha=0.6, linewidth=0)
        axes.axhline(0, color=theme.muted, linewidth=0.7)
        if times[0] < 0:
            axes.axvline(0, color=theme.muted, linewidth=0.7, linestyle=(0, (2, 2)))
        for number in range(len(classes)):
            band = low[number, channel], high[number, channel]
            axes.fill_between(times, *band, color=lines[number]["color"], alpha=0.22, linewidth=0)
            axes.plot(times, mean[number, channel], **lines[number])
        axes.set_title(channels[channel], loc="left", fontsize=9, color=theme.ink, y=0.8, x=0.006)
        axes.tick_params(labelbottom=row == len(shown) - 1)
    figure.axes[0].set_xlim(float(times[0]), float(times[-1]))
    figure.axes[-1].set_xlabel("time from the event (s)")
    figure.supylabel(unit, color=theme.ink, fontsize=10)
    known = [Line2D([], [], **line) for line in lines]
    style: dict[str, Any] = {"frameon": False, "labelcolor": theme.ink, "fontsize": 8}
    figure.axes[0].legend(handles=known, loc="upper right", ncols=4, **style)
    return figure


def strongest_epochs(
    signals: Sequence[np.ndarray],
    spans: Sequence[tuple[float, float]],
    names: Sequence[str],
    units: Sequence[str],
    times: np.ndarray,
    *,
    scale: float | None = None,
    theme: Theme = LIGHT,
) -> Figure:
    """Draw epochs, channels below one another, with the stretch that a unit answered to shaded.

    `signals` are `(channel, time)` in microvolts, unit after unit, as many of each; `spans` say
    from where to where (s) the unit's position sees; `scale` is the distance of two channels in
    microvolts, six deviations where it is None.
    """
    across = max(1, len(signals) // max(1, len(units)))
    if len(signals) != across * len(units) or len(signals) != len(spans):
        raise LayerscopeError(
            f"{len(signals)} epochs and {len(spans)} spans for {len(units)} units"
        )
    step = scale or 6 * float(np.median([signal.std() for signal in signals]) or 1.0)
    figure = Figure(figsize=(2.55 * across + 0.9, 1.5 * len(units) + 0.9), layout="constrained")
    for place, (signal, (start, end), name) in enumerate(zip(signals, spans, names, strict=True)):
        axes = themed_axes(figure, theme, (len(units), across, place + 1))
        axes.grid(visible=False)
        axes.axvspan(start, end, color=theme.second, alpha=0.22, linewidth=0)
        for row, samples in enumerate(signal):
            axes.plot(times, samples - row * step, color=theme.first, linewidth=0.7)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_xlim(float(times[0]), float(times[-1]))
        axes.set_ylim(-(len(signal) - 0.3) * step, 0.7 * step)
        axes.set_title(name, fontsize=8, color=theme.ink)
        axes.tick_params(labelbottom=place >= len(signals) - across, labelsize=8)
        if place % across == 0:
            axes.set_ylabel(units[place // across], fontsize=8.5)
    figure.supxlabel("time from the event (s)", color=theme.ink, fontsize=9)
    return figure
