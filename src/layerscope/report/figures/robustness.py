"""Accuracy of a network of sounds against noise and against time shift, with its intervals."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from layerscope.errors import LayerscopeError
from layerscope.evaluation.robustness import Condition
from layerscope.report.figures.plots import tell
from layerscope.report.theme import LIGHT, Theme

PANELS = (
    ("snr", "signal-to-noise ratio (dB), white noise"),
    ("shift", "time shift (ms), below 0 earlier"),
)


def robustness(
    conditions: Sequence[Condition],
    *,
    chance: float | None = None,
    title: str = "",
    caption: str = "",
    theme: Theme = LIGHT,
) -> Figure:
    """Plot accuracy against the SNR and against the shift, each with Wilson's 95 % interval.

    The dashed line is the accuracy on clean clips, where it was measured; a shift of 0 is that.

    Args:
        conditions: as `evaluation.robustness` gives them.
        chance: a dotted line, such as one over the number of classes.
        title: what is shown.
        caption: what must be known to read it.
        theme: the colours of paper and words.

    """
    shown = [
        (name, label) for name, label in PANELS if any(c.condition == name for c in conditions)
    ]
    if not shown:
        told = ", ".join(sorted({c.condition for c in conditions})) or "none"
        raise LayerscopeError(f"conditions {told}: at least one of snr and shift is drawn")
    clean = next((each for each in conditions if each.condition == "clean"), None)
    figure = Figure(figsize=(4.8 * len(shown), 3.4), layout="constrained")
    figure.set_facecolor(theme.paper)
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for axes, (name, label) in zip(panels, shown, strict=True):
        points = [each for each in conditions if each.condition == name]
        if name == "shift" and clean is not None:
            points.append(clean)
        _curve(axes, sorted(points, key=lambda each: each.value), theme)
        if clean is not None:
            axes.axhline(clean.accuracy, color=theme.muted, linestyle="--", label="clean")
        if chance is not None:
            axes.axhline(chance, color=theme.second, linestyle=":", linewidth=1.6, label="chance")
        axes.set_xlabel(label, color=theme.ink)
    panels[0].set_ylabel("accuracy", color=theme.ink)
    panels[0].set_ylim(0, 1.02)
    panels[0].yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    if clean is not None or chance is not None:
        panels[0].legend(frameon=False, labelcolor=theme.ink, loc="best")
    tell(figure, title, caption, theme)
    return figure


def _curve(axes: Axes, points: Sequence[Condition], theme: Theme) -> None:
    values = [each.value for each in points]
    axes.plot(
        values, [p.accuracy for p in points], "o-", color=theme.first, markersize=4, linewidth=1.8
    )
    axes.fill_between(
        values,
        [each.low for each in points],
        [each.high for each in points],
        color=theme.first,
        alpha=0.2,
        linewidth=0,
    )
    axes.set_facecolor("none")
    axes.grid(visible=True, color=theme.line, linewidth=0.6)
    axes.tick_params(colors=theme.muted, labelcolor=theme.ink, length=3)
    axes.spines[["top", "right"]].set_visible(False)
    for spine in axes.spines.values():
        spine.set_color(theme.muted)
