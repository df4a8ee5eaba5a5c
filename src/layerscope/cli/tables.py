"""Tables and short summaries as the command line prints them, on stdout."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from layerscope.run import Run


def echo_table(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows as an aligned table, one column a key; numbers stand to the right.

    >>> echo_table([{"class": "bed", "train": 373}, {"class": "bird", "train": 1540}])
    class  train
    bed      373
    bird    1540
    """
    if not rows:
        return
    cells = [list(rows[0])] + [[_cell(value) for value in row.values()] for row in rows]
    right = [type(value) in (int, float) for value in rows[0].values()]
    widths = [max(len(line[column]) for line in cells) for column in range(len(right))]
    for line in cells:
        padded = (
            text.rjust(width) if to_right else text.ljust(width)
            for text, width, to_right in zip(line, widths, right, strict=True)
        )
        typer.echo("  ".join(padded).rstrip())


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else str(value)


def echo_run(run: "Run") -> None:
    """Print where a trained run lies and its main figures."""
    evaluation = run.evaluation().as_dict()
    split = run.evaluated_split()
    typer.echo(
        f"{run.path}: accuracy {evaluation['accuracy']:.4f}, balanced accuracy "
        f"{evaluation['balanced_accuracy']:.4f} on {evaluation['n']} {split} examples"
    )
