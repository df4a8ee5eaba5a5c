"""The page of a run: one HTML file that opens from disk, made only of what the run holds."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from layerscope.evaluation import Evaluation, Moved, confused_with, read_moved
from layerscope.evaluation.figures import Estimate
from layerscope.evaluation.sentences import counted, percent
from layerscope.report import beside, figures
from layerscope.report.document import filled
from layerscope.report.facts import Section, counts, history, sections
from layerscope.report.figures.network import short, stages
from layerscope.report.figures.svg import uri
from layerscope.report.looks import Example, Looks, looks
from layerscope.report.theme import DARK, LIGHT, Theme
from layerscope.report.trust import trust
from layerscope.report.uses import uses
from layerscope.storage import write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from layerscope.run import Run

MAIN = {
    "data": ("kind", "size", "balance", "normalize"),
    "model": ("preset", "pretrained", "blocks", "channels", "dropout"),
    "training": ("epochs", "batch_size", "optimizer", "learning_rate", "precision"),
}
PAIRS = 8  # of the most confused
PHOTOGRAPHS = 3  # of each pair
TABLED = 24  # classes; a larger confusion matrix is shown as a picture only


@dataclass(frozen=True)
class Drawing:
    """A figure in the light and in the dark theme, with its words."""

    light: str
    dark: str
    alt: str


def page(run: "Run") -> Path:
    """Write `report/index.html` of a run and give its path.

    Everything is inside the file: pictures, style, numbers; only sounds lie beside it. Numbers come
    from the run's stored predictions, views and tables; views that were not made are said to be
    missing.

    Raises:
        LayerscopeError: the run has no history or predictions yet, or a file of it is damaged.

    """
    path = run.report_folder / "index.html"
    content = _content(run)
    beside.put(run.report_folder, content["looks"].sounds or {})
    write_text(path, _rendered(content))
    return path


def html(run: "Run") -> str:
    """Give the page of a run as text; the sounds that it plays are files, which `page` writes."""
    return _rendered(_content(run))


def _rendered(content: dict[str, Any]) -> str:
    filters: dict[str, Callable[..., Any]] = {
        "estimate": estimate,
        "number": number,
        "path": quote,
        "percent": percent,
        "short": short,
        "unbroken": unbroken,
    }
    return filled("page.html.j2", filters, **content)


def estimate(value: Estimate, digits: int = 2) -> str:
    """Write a figure without its interval.

    >>> estimate(Estimate(0.4133)), estimate(Estimate())
    ('0.41', 'n/a')
    """
    return "n/a" if value.value is None else f"{value.value:.{digits}f}"


def number(value: float | None, digits: int = 2) -> str:
    """Write a number, or n/a."""
    return "n/a" if value is None else f"{value:.{digits}f}"


def unbroken(sentence: str) -> str:
    """Keep a number and its percent sign on one line."""
    return sentence.replace(" %", "\u00a0%")


def _content(run: "Run") -> dict[str, Any]:
    geometry, provenance = run.geometry(), run.provenance()
    result, seen, trained = run.evaluation(), looks(run, geometry), history(run)
    return {
        "light": LIGHT.css(),
        "dark": DARK.css(),
        "name": run.study.name,
        "preset": run.study.model.pretrained or run.study.model.preset,
        "chosen_here": run.evaluated_split() == "val" and run.study.training.keep == "best",
        "date": str(provenance.get("finished", provenance.get("started", "")))[:10],
        "split": run.evaluated_split(),
        "result": result,
        "classes": _classes(result, seen),
        "study": _study(run),
        "counts": counts(run),
        "layers": geometry,
        "parameters": sum(layer.parameters for layer in geometry),
        "flops": sum(layer.flops for layer in geometry),
        "history": trained,
        "drawings": _drawings(run, result, trained, geometry),
        "pairs": _pairs(result, seen.examples),
        "tabled": len(result.classes) <= TABLED,
        "looks": seen,
        "trust": trust(run),
        "uses": uses(run),
        "provenance": sections(provenance, "run"),
    }


def _drawings(run: "Run", result: Evaluation, trained: Any, geometry: Any) -> dict[str, Drawing]:
    """Draw every figure twice."""
    shape = run.spec.shape
    best = f"; best epoch {trained.best}" if trained.best is not None else ""
    found = {
        "network": _drawing(
            lambda theme: figures.network_svg(geometry, shape, theme=theme),
            f"The network drawn to scale: {', '.join(s.layer.name for s in stages(geometry))}",
        ),
        "confusion": _drawing(
            lambda theme: figures.confusion_svg(result.confusion, result.classes, theme=theme),
            "Confusion matrix: a row for each true class, a column for each predicted class",
        ),
        "calibration": _plot(
            lambda theme: figures.reliability(result.calibration, theme=theme),
            "Accuracy against confidence, and the number of examples of each confidence",
        ),
    }
    if result.robustness:
        chance = 1 / len(result.classes)
        found["robustness"] = _plot(
            lambda theme: figures.robustness(result.robustness, chance=chance, theme=theme),
            "Accuracy against the signal-to-noise ratio, and against time shift",
        )
    if trained.loss:
        found["loss"] = _plot(
            lambda theme: figures.curves(
                trained.loss, "loss (nats)", best=trained.best, theme=theme
            ),
            f"Loss of each epoch{best}",
        )
    if run.moved_file.is_file():
        found["moved"] = _moved(read_moved(run.moved_file))
    if trained.accuracy:
        found["accuracy"] = _plot(
            lambda theme: figures.curves(
                trained.accuracy, "accuracy", best=trained.best, share=True, theme=theme
            ),
            f"Accuracy of each epoch{best}",
        )
    return found


def _moved(rows: list[Moved]) -> Drawing:
    """Draw how far each layer of a fine-tuned network is from where it began."""
    return _plot(
        lambda theme: figures.layer_curve(
            [row.layer for row in rows],
            [row.weights for row in rows],
            "distance from the start",
            levels={"answers to the same examples": [row.answers for row in rows]},
            share=True,
            theme=theme,
        ),
        "How far each layer's weights, and its answers, are from those it began with",
    )


def _drawing(draw: Callable[[Theme], str], alt: str) -> Drawing:
    return Drawing(uri(draw(LIGHT)), uri(draw(DARK)), alt)


def _plot(draw: "Callable[[Theme], Figure]", alt: str) -> Drawing:
    return Drawing(figures.svg_uri(draw(LIGHT)), figures.svg_uri(draw(DARK)), alt)


def _study(run: "Run") -> dict[str, list[Section]]:
    """Lay out the study: its main settings and what is no default, and everything."""
    every = run.study.model_dump(mode="json")
    told = run.study.model_dump(mode="json", exclude_defaults=True)
    for section, keys in MAIN.items():
        main = {key: every[section][key] for key in keys if every[section][key] is not None}
        told[section] = main | told.get(section, {})
    return {"told": sections(told, "study"), "all": sections(every, "study")}


def _classes(result: Evaluation, seen: Looks) -> list[dict[str, Any]]:
    return [
        {
            "name": each.name,
            "figures": each,
            "sentence": confused_with(result, each.name),
            "tables": (seen.by_class or {}).get(each.name, ()),
            "players": (seen.players or {}).get(each.name, ()),
        }
        for each in result.per_class
    ]


def _pairs(result: Evaluation, examples: tuple[Example, ...]) -> list[dict[str, Any]]:
    """Join the most confused pairs with pictures of such examples, where views hold them."""
    return [
        {
            "pair": pair,
            "told": counted(result, pair),
            "examples": [
                example
                for example in examples
                if (example.true, example.predicted) == (pair.true, pair.predicted)
            ][:PHOTOGRAPHS],
        }
        for pair in result.most_confused[:PAIRS]
    ]
