"""The verdict on a run's methods, as the page shows it: made of what `trust/` holds."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

from layerscope.errors import LayerscopeError
from layerscope.report import figures
from layerscope.report.figures.trust import deletion_curves, similarity_by_depth
from layerscope.report.theme import DARK, LIGHT, Theme
from layerscope.report.words import words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from layerscope.run import Run

SIGNS = {"pass": "✓", "care": "~", "fail": "✗", "baseline": "·"}
ASKED = {
    "weights": "depends on what was learned",
    "faithful": "evidence is where it says",
    "located": "finds one of two classes",
    "steady": "steady under small noise",
    "unit": "what a unit detects",
    "layer": "what a layer keeps",
}


@dataclass(frozen=True)
class Badge:
    """A verdict in one sign and its words."""

    level: str
    sign: str
    words: str


@dataclass(frozen=True)
class Plot:
    """A figure in both themes, with its title and how it is read."""

    light: str
    dark: str
    alt: str
    title: str
    reading: str


@dataclass(frozen=True)
class Trust:
    """What the page shows: badges by the methods' titles, rows of a table, figures, sentences."""

    badges: dict[str, Badge]
    questions: dict[str, str]
    ways: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    plots: tuple[Plot, ...]
    sentences: tuple[str, ...]
    examples: int
    inner_layer: str


def trust(run: "Run") -> Trust | None:
    """Read and draw what `layerscope trust RUN` stored; None where there is nothing.

    Raises:
        LayerscopeError: the files are damaged.

    """
    folder = run.path / "trust"
    if not (folder / "verdict.json").is_file():
        return None
    try:
        found = json.loads((folder / "verdict.json").read_text(encoding="utf-8"))
        with np.load(folder / "curves.npz", allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        return _made(found, arrays)
    except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
        raise LayerscopeError(
            f"{folder} holds no whole verdict ({error}): run `layerscope trust {run.path}` again"
        ) from error


def _made(found: dict[str, Any], arrays: dict[str, np.ndarray]) -> Trust:
    rows = tuple(row | {"title": _title(row)} for row in found["rows"])
    badges = {
        row["title"]: Badge(row["level"], SIGNS[row["level"]], row["reading"])
        for row in rows
        if row["level"] != "baseline"
    }
    answered = {name for row in rows for name in row["answers"]}
    return Trust(
        badges,
        {name: said for name, said in ASKED.items() if name in answered},
        tuple(found["ways"]),
        tuple(row | {"badge": Badge(row["level"], SIGNS[row["level"]], row["reading"])}
              for row in rows),
        tuple(_plots(found, arrays)),
        tuple(found["sentences"]),
        int(found["examples"]),
        str(found["inner_layer"]),
    )  # fmt: skip


def _title(row: dict[str, Any]) -> str:
    return row["method"] if row["level"] == "baseline" else words(row["method"]).title


def _plots(found: dict[str, Any], arrays: dict[str, np.ndarray]) -> list[Plot]:
    levels = {row["method"]: row["level"] for row in found["rows"]}
    plots = []
    if "layers" in arrays:
        layers, curves = arrays["layers"].tolist(), _under(arrays, "spearman/")
        plots.append(
            _plot(
                lambda theme: similarity_by_depth(layers, curves, levels, theme=theme),
                "Layers drawn anew, from the top",
                "Spearman's correlation of absolute maps. A line that stays high belongs to a "
                "picture that hardly depends on what the network learned.",
            )
        )
    ways = {way: _under(arrays, f"morf/{way}/") for way in found["ways"]}
    plots.append(
        _plot(
            lambda theme: deletion_curves(arrays["fractions"], ways, levels, theme=theme),
            "Hiding what is called relevant",
            "The probability of the predicted class while more and more of the input is hidden, "
            "the most relevant places first. The sooner a line falls, the more its map knew; the "
            "way of hiding changes who is best.",
        )
    )
    return plots


def _under(arrays: dict[str, np.ndarray], start: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(start): x for name, x in arrays.items() if name.startswith(start)}


def _plot(draw: "Callable[[Theme], Figure]", title: str, reading: str) -> Plot:
    light, dark = (figures.svg_uri(draw(theme)) for theme in (LIGHT, DARK))
    return Plot(light, dark, f"{title}: {reading}", title, reading)
