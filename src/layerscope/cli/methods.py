"""`layerscope methods`: the registry of views, as a table."""

import json
import shutil
from typing import Annotated

import typer

EXAMPLE = "layerscope methods --json"


def methods(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document instead of a table.")
    ] = False,
) -> None:
    """List the methods that look into a network.

    What each needs and gives, its paper and the axioms that it is tested for.
    """
    from layerscope import views
    from layerscope.cli.tables import echo_table

    rows = [method.as_dict() for method in views.methods()]
    if as_json:
        typer.echo(json.dumps(rows, indent=1, ensure_ascii=False))
    else:
        echo_table(rows, max(80, shutil.get_terminal_size((120, 40)).columns))
