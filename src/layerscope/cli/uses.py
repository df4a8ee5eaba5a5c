"""What `layerscope brain RUN` tells of a run of recordings: what its layers use."""

import json
from pathlib import Path

import typer


def tell_uses(path: Path, layers: list[str], twins: int | None, *, as_json: bool) -> None:
    """Ask a run what its layers use and print the findings, or the whole document."""
    from layerscope.brain.of_run import use_of_run
    from layerscope.run import Run

    run = Run.open(path)
    wanted = (layers[0] if len(layers) == 1 else tuple(layers)) if layers else None
    with run.locked():
        file = use_of_run(run, layers=wanted, twins=twins)
    found = json.loads(file.read_text(encoding="utf-8"))
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, allow_nan=False))
        return
    for sentence in found["sentences"]:
        typer.echo(sentence)
    typer.echo(f"{file.parent}: tables and arrays; `layerscope report {path}` shows them")
