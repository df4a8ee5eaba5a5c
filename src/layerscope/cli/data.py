"""`layerscope data`: counts per class and split, imbalance, and what was refused and why."""

import json
from pathlib import Path
from typing import Annotated

import typer

EXAMPLE = "layerscope data examples/photos6.toml"


def data(
    study: Annotated[Path, typer.Argument(metavar="STUDY.toml", help="The study file.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document instead of a table.")
    ] = False,
) -> None:
    """Count the examples of each class and split.

    Tells the counts before and after balance, and which files were refused and why.
    """
    from layerscope.data import prepare
    from layerscope.data.counts import count_table
    from layerscope.study import Study

    counted = prepare(Study.load(study).data).counts()
    if as_json:
        typer.echo(json.dumps(counted, indent=1, ensure_ascii=False))
    else:
        typer.echo(count_table(counted))
