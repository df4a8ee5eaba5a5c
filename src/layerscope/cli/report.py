"""`layerscope report`: the page made of what a run holds."""

from pathlib import Path
from typing import Annotated

import typer

EXAMPLE = "layerscope report runs/photos6"


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The run's folder.")],
) -> None:
    """Write the page of a run.

    One HTML file that opens from disk, made only of what the run holds.
    """
    from layerscope import report as room
    from layerscope.run import Run

    typer.echo(room.page(Run.open(run)))
