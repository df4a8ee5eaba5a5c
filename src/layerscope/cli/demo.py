"""`layerscope demo`: the whole way, on digits that come with the installation."""

import importlib.resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from layerscope.study import Study

EXAMPLE = "layerscope demo --out runs/demo"


def demo(
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            help="The run's folder (default: runs/demo, or demo-2, ...).",
        ),
    ] = None,
) -> None:
    """Go the whole way on scikit-learn's digits.

    Trains, evaluates, sees and reports: two minutes on two cores, no data needed.
    """
    from layerscope import report, verbs

    run = verbs.train(demo_study(), out or _free(Path("runs/demo")))
    typer.echo(verbs.evaluate(run).text())
    verbs.see(run)
    page = report.page(run)
    typer.echo(f"\npage  {page.resolve()}\nrun   {run.path.resolve()}")


def demo_study() -> "Study":
    """Load the study that comes with the installation."""
    from layerscope.study import Study

    with importlib.resources.as_file(importlib.resources.files("layerscope") / "demo.toml") as file:
        return Study.load(file)


def _free(path: Path) -> Path:
    """Give the path, or the first of path-2, path-3, ... that is not there."""
    free, number = path, 1
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free
