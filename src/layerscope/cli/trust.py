"""`layerscope trust`: which methods can be believed for what, on a run's network and data."""

import json
from pathlib import Path
from typing import Annotated

import typer

EXAMPLE = "layerscope trust runs/photos6 --methods saliency,lrp,grad_cam --examples 24"

RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="The run's folder.")]
Methods = Annotated[
    list[str] | None,
    typer.Option(metavar="NAMES", help="Methods that explain a class; ten where none is named."),
]
Examples = Annotated[
    int | None, typer.Option(min=3, help="Held-out examples that are hidden parts of [32].")
]
Quick = Annotated[bool, typer.Option("--quick", help="Fewer of everything: a first look.")]
Beside = Annotated[
    list[str] | None,
    typer.Option(metavar="RUNS", help="Other trainings of the same study, to compare maps with."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")]


def trust(
    run: RunFolder,
    methods: Methods = None,
    examples: Examples = None,
    quick: Quick = False,
    beside: Beside = None,
    as_json: Json = False,
) -> None:
    """Judge whether the pictures of methods can be believed on this network and these data.

    Layers drawn anew (does the picture depend on what was learned?), hidden parts in several ways
    (is the evidence where it says?), mosaics of two classes, small noise; beside each a random map,
    an edge detector and the middle of the input. Ctrl-C keeps what is finished; the same command
    goes on. Writes RUN/trust; several names are joined by commas.
    """
    from layerscope.cli.tables import echo_table
    from layerscope.run import Run
    from layerscope.trust.of_run import trust_run

    opened = Run.open(run)
    with opened.locked():
        found = trust_run(
            opened,
            methods=_words(methods) or None,
            examples=examples,
            quick=quick,
            beside=[Run.open(path) for path in _words(beside)],
        )
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, allow_nan=False))
        return
    questions = ("weights", "faithful", "located", "steady", "unit", "layer")
    echo_table(
        [
            {"method": row["method"]}
            | {question: row["answers"].get(question, "") for question in questions}
            | {"reading": row["reading"]}
            for row in found["rows"]
        ]
    )
    for sentence in found["sentences"]:
        typer.echo(sentence)
    typer.echo(f"{run / 'trust'}: verdict.csv, verdict.json; `layerscope report {run}` shows them")


def _words(given: list[str] | None) -> list[str]:
    return [word.strip() for part in given or () for word in part.split(",") if word.strip()]
