"""`layerscope evaluate`: the tables of a run's predictions, or of new data."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from layerscope.evaluation import Evaluation

EXAMPLE = "layerscope evaluate runs/photos6 --data more_photos/"
NAMED = 20


def evaluate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The run's folder.")],
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="New data: a folder for each class, named as the run's."),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="val or test (default: test where there is one)."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document instead of tables.")
    ] = False,
) -> None:
    """Print the tables of a run's predictions.

    Accuracy, the per-class table and the confusion matrix, with intervals: of the run's own split,
    or of new data, into whose folder nothing is written.
    """
    from layerscope import verbs

    evaluation = verbs.evaluate(run, data=data, split=split)
    if data is not None:
        _name_refused(data, evaluation)
    if as_json:
        typer.echo(json.dumps(evaluation.as_dict(), indent=1, ensure_ascii=False, allow_nan=False))
    else:
        typer.echo(evaluation.text())


def _name_refused(data: Path, evaluation: "Evaluation") -> None:
    """Name on stderr the files that are in no figure: the first ones, then how many there are."""
    for each in evaluation.refused[:NAMED]:
        typer.echo(f"refused {data / each.id}: {each.reason}", err=True)
    if (more := evaluation.skipped - NAMED) > 0:
        typer.echo(f"refused {more:,} more, all named by --json", err=True)
