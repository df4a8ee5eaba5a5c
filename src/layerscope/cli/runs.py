"""`layerscope runs`: all runs and sweeps of a folder, in what they differ, and how they stand."""

import json
import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

EXAMPLE = 'layerscope runs runs --where "state=finished" --sort -balanced_accuracy'


def runs(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="The folder that is looked through.")
    ] = Path("runs"),
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="CONDITION", help="As state=failed or model.blocks>5; repeatable."),
    ] = None,
    sort: Annotated[
        str, typer.Option(metavar="KEY", help="A column or a setting; -KEY: largest first.")
    ] = "",
    trials: Annotated[
        bool, typer.Option("--trials", help="List the runs inside sweeps too.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document instead of a table.")
    ] = False,
) -> None:
    """List all runs and sweeps of a folder.

    Tells state, figures and the settings in which they differ. A sweep's figure is that of the
    setting it chose, on val.
    """
    from layerscope.cli.tables import echo_table
    from layerscope.runs import list_runs
    from layerscope.training.sweep.trials import short_names

    found = list_runs(folder, trials=trials, where=where or (), sort=sort)
    if as_json:
        typer.echo(json.dumps(found, indent=1, ensure_ascii=False))
        return
    if not found:
        typer.echo(f"no run in {folder}" + (" meets all conditions" if where else ""), err=True)
        return
    names = short_names(list(found[0]["settings"]))
    rows: list[dict[str, Any]] = []
    for each in found:
        row = {key: value for key, value in each.items() if key not in ("settings", "reason")}
        row |= {names[key]: value for key, value in each["settings"].items()}
        rows.append(row | {"": each["reason"]})
    width = shutil.get_terminal_size((160, 24)).columns
    echo_table(rows, width)
