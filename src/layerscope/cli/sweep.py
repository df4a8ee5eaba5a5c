"""`layerscope sweep`: every setting that a study asks for, trained, compared and chosen from."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

EXAMPLE = "layerscope sweep examples/photos6-sweep.toml --out runs/photos6-sweep"


StudyFile = Annotated[
    Path, typer.Argument(metavar="STUDY.toml", help="The study file, with a [sweep] section.")
]
Out = Annotated[
    Path | None, typer.Option(metavar="DIR", help="The sweep's folder (default: runs/NAME).")
]
Engine = Annotated[str, typer.Option(help="What trains the trials: local.")]
Jobs = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Trials at once (default: one a core).")
]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Train failed trials again.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")]


def sweep(
    study: StudyFile,
    out: Out = None,
    engine: Engine = "local",
    jobs: Jobs = None,
    retry_failed: RetryFailed = False,
    as_json: AsJson = False,
) -> None:
    """Train every setting of a sweep and choose one by a stated rule.

    Stopped or killed at any moment, the same command goes on where it was: no finished trial is
    trained again. Writes a run for each trial, sweep.csv, settings.csv, sweep.json, sweep.md and
    two figures.
    """
    from layerscope import verbs
    from layerscope.cli.live import live
    from layerscope.report.sweep import write_sweep
    from layerscope.study import Study
    from layerscope.training import Interrupted

    asked = Study.load(study)
    folder = out or Path("runs") / asked.name
    try:
        with live(asked) as watch:
            swept = verbs.sweep(
                asked, folder, engine=engine, jobs=jobs, retry_failed=retry_failed, watch=watch
            )
    except (KeyboardInterrupt, Interrupted):
        typer.echo(
            f"layerscope: stopped; `layerscope sweep {study} --out {folder}` goes on", err=True
        )
        raise typer.Exit(130) from None
    page = write_sweep(swept.folder.path, swept.found)
    if as_json:
        typer.echo(json.dumps(swept.found, indent=1, ensure_ascii=False))
        return
    _echo(swept.found)
    typer.echo(
        f"\n{page}: the tables with curves and fronts; {swept.folder.table_file}: all trials"
    )


def _echo(found: Mapping[str, Any]) -> None:
    from layerscope.cli.tables import echo_table
    from layerscope.training.sweep.grid import tables
    from layerscope.training.sweep.sentences import told

    for table in tables(found):
        typer.echo(f"\n{table.title}" if table.title else "")
        lines = []
        for name, cells in zip(table.rows, table.cells, strict=True):
            line: dict[str, Any] = {table.row_key: name}
            for column, (figure, parameters) in zip(table.columns, cells, strict=True):
                head = f"{table.column_key} {column}".strip() or found["metric"]
                line |= {head: figure, f"parameters{' ' * len(line)}": parameters}
            lines.append(line)
        echo_table(lines)
    typer.echo(f"\n{found['metric'].replace('_', ' ')} on val; * is the chosen setting\n")
    full = [row for row in found["settings"] if row["mean"] is not None]
    costs = ("parameters", "flops", "seconds", "memory_mb")
    echo_table(
        [
            {
                "on a front": told(row["values"]),
                found["metric"]: row["mean"],
                "error": row["standard_error"],
                **{cost: row[cost] for cost in costs},
                "least of": [cost for cost in costs if cost in row["fronts"]],
            }
            for row in full
            if row["fronts"]
        ]
    )
    for row in found["trials"]:
        if row["state"] == "failed":
            typer.echo(f"failed: {row['trial']}: {row['reason']}", err=True)
    typer.echo(f"\n{found['sentence']}")
