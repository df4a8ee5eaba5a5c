"""Figures of a sweep: curves of all settings, and quality beside what it costs."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from layerscope.report.figures.plots import tell, themed_axes
from layerscope.report.theme import LIGHT, Theme

UNITS = {
    "parameters": "parameters",
    "flops": "FLOPs of one example",
    "seconds": "seconds of training",
    "memory_mb": "memory, MB",
}
DASHES: tuple[Any, ...] = ("-", "--", ":", "-.")
MARKS = ("o", "s", "^", "D", "v", "P")


def sweep_curves(found: Mapping[str, Any], *, title: str = "", theme: Theme = LIGHT) -> Figure:
    """Plot the metric on val after each epoch, a line a setting; a cross ends what was stopped.

    Colour tells the first swept key's values from light to dark, the dash the second's; a panel
    for each value of the others. A band shows the range of several seeds.
    """
    down, across, others = keys_of(found)
    panels = _grouped(found["settings"], others)
    figure = Figure(figsize=(4.6 * len(panels) + 1.4, 4.0), layout="constrained")
    colours = _colours(found["settings"], down)
    dashes = {v: DASHES[k % 4] for k, v in enumerate(_values(found["settings"], across))}
    for number, (name, rows) in enumerate(panels.items()):
        axes = themed_axes(figure, theme, (1, len(panels), number + 1))
        for row in rows:
            points = found["curves"].get(str(row["setting"]), [])
            style = {"color": colours[_value(row, down)], "linestyle": dashes[_value(row, across)]}
            _curve(axes, row, points, style)
        axes.set_xlabel("epoch")
        axes.set_ylabel(found["metric"].replace("_", " ") + " on val")
        axes.set_title(name, loc="left", fontsize=10, color=theme.ink)
        _percent(axes)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    keys = [Line2D([], [], color=c, label=f"{down} {v}") for v, c in colours.items()]
    if across:
        keys += [
            Line2D([], [], color=theme.ink, linestyle=d, label=f"{across} {v}")
            for v, d in dashes.items()
        ]
    figure.legend(handles=keys, loc="outside right upper", frameon=False, fontsize=9)
    tell(figure, title, "", theme)
    return figure


def sweep_fronts(found: Mapping[str, Any], *, title: str = "", theme: Theme = LIGHT) -> Figure:
    """Plot the metric over each cost; a line joins what no setting beats at its cost or below.

    Bars are one standard error; a ring marks the chosen setting. Only full budgets are shown.
    """
    full = [row for row in found["settings"] if row["mean"] is not None]
    shown = [cost for cost in UNITS if any(row[cost] is not None for row in full)]
    figure = Figure(figsize=(8.6, 3.4 * -(-len(shown) // 2) + 0.6), layout="constrained")
    down, across, _ = keys_of(found)
    colours = _colours(found["settings"], down)
    marks = {v: MARKS[k % 6] for k, v in enumerate(_values(found["settings"], across))}
    chosen = found["choice"]["chosen"] if found["choice"] else None
    for number, cost in enumerate(shown):
        axes = themed_axes(figure, theme, (-(-len(shown) // 2), 2, number + 1))
        rows = [row for row in full if row[cost] is not None]
        front = sorted((r[cost], r["mean"]) for r in rows if cost in r["fronts"])
        axes.plot(*zip(*front, strict=True), color=theme.muted, linewidth=1, drawstyle="steps-post")
        for row in rows:
            colour, mark = colours[_value(row, down)], marks[_value(row, across)]
            axes.errorbar(
                row[cost], row["mean"], row["standard_error"], color=colour, marker=mark, capsize=2
            )
            if row["setting"] == chosen:
                axes.plot(row[cost], row["mean"], "o", ms=14, mfc="none", color=theme.wrong)
        if cost != "memory_mb":
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_major_formatter(EngFormatter(sep=""))
            axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel(UNITS[cost])
        axes.set_ylabel(found["metric"].replace("_", " "))
        _percent(axes)
    keys = [Line2D([], [], color=c, marker="o", label=f"{down} {v}") for v, c in colours.items()]
    if across:
        keys += [
            Line2D([], [], color=theme.ink, linestyle="", marker=m, label=f"{across} {v}")
            for v, m in marks.items()
        ]
    ring: dict[str, Any] = {"markersize": 11, "markerfacecolor": "none", "linestyle": ""}
    keys.append(Line2D([], [], color=theme.wrong, marker="o", label="chosen", **ring))
    figure.legend(handles=keys, loc="outside right upper", frameon=False, fontsize=9)
    tell(figure, title, "", theme)
    return figure


def keys_of(found: Mapping[str, Any]) -> tuple[str, str, list[str]]:
    """Give the keys told by colour, by dash or mark, and by panel.

    >>> keys_of({"settings": [{"values": {"dropout": 0.5, "channels": 32, "blocks": 6}}]})
    ('blocks', 'channels', ['dropout'])
    """
    keys = list(dict.fromkeys(key for row in found["settings"] for key in row["values"]))
    down = "blocks" if "blocks" in keys else keys[0]
    rest = [key for key in keys if key != down]
    across = "channels" if "channels" in rest else (rest[0] if rest else "")
    return down, across, [key for key in rest if key != across]


def _curve(
    axes: Axes, row: Mapping[str, Any], points: Sequence[Sequence[float]], style: dict[str, Any]
) -> None:
    if not points:
        return
    epochs, mean, low, high = zip(*points, strict=True)
    axes.plot(epochs, mean, linewidth=1.6, marker="o" if len(points) < 3 else "", **style)
    if row["seeds"] > 1:
        axes.fill_between(epochs, low, high, color=style["color"], alpha=0.15, linewidth=0)
    if row["state"] in ("stopped", "failed"):
        axes.plot(epochs[-1], mean[-1], "x", color=style["color"], markersize=7)


def _colours(rows: Sequence[Mapping[str, Any]], key: str) -> dict[str, Any]:
    """Give each value of a key a colour, light to dark, that colour-blind eyes tell apart."""
    values = _values(rows, key)
    scale = matplotlib.colormaps["viridis_r"]
    last = max(len(values) - 1, 1)
    return {value: scale(0.12 + 0.88 * place / last) for place, value in enumerate(values)}


def _grouped(
    rows: Sequence[Mapping[str, Any]], keys: Sequence[str]
) -> dict[str, list[Mapping[str, Any]]]:
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        name = ", ".join(f"{key} {_value(row, key)}" for key in keys)
        groups.setdefault(name, []).append(row)
    return groups


def _values(rows: Sequence[Mapping[str, Any]], key: str) -> list[str]:
    return list(dict.fromkeys(_value(row, key) for row in rows))


def _value(row: Mapping[str, Any], key: str) -> str:
    return str(row["values"].get(key, ""))


def _percent(axes: Axes) -> None:
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
