"""Tables and short summaries as the command line prints them, on stdout."""

import textwrap
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from layerscope.run import Run


def echo_table(rows: Sequence[Mapping[str, Any]], width: int | None = None) -> None:
    """Print rows as an aligned table, one column a key; numbers stand to the right.

    Within `width` letters where one is given: the widest columns are broken into lines.

    >>> echo_table([{"class": "bed", "train": 373}, {"class": "bird", "train": 1540}])
    class  train
    bed      373
    bird    1540
    """
    if not rows:
        return
    cells = [list(rows[0])] + [[_cell(value) for value in row.values()] for row in rows]
    right = [type(value) in (int, float) for value in rows[0].values()]
    natural = [max(len(line[column]) for line in cells) for column in range(len(right))]
    if width is None:
        widths = natural
    else:
        words = [
            [word for text in column for word in text.split()]
            for column in zip(*cells, strict=True)
        ]
        least = [max(map(len, column), default=0) for column in words]
        widths = _within(natural, least, width - 2 * len(natural) + 2)
    for line in cells:
        broken = [_lines(text, wide) for text, wide in zip(line, widths, strict=True)]
        for parts in zip_longest(*broken, fillvalue=""):
            padded = (
                text.rjust(wide) if to_right else text.ljust(wide)
                for text, wide, to_right in zip(parts, widths, right, strict=True)
            )
            typer.echo("  ".join(padded).rstrip())


def _within(widths: list[int], least: list[int], total: int) -> list[int]:
    """Take from the widest columns until all fit, or until none can give without a broken word.

    >>> _within([10, 60, 30], [10, 12, 28], 60)
    [10, 22, 28]
    """
    widths = list(widths)
    while sum(widths) > total:
        giving = [(w, column) for column, w in enumerate(widths) if w > least[column]]
        if not giving:
            break
        widths[max(giving)[1]] -= 1
    return widths


def _lines(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else str(value)


def echo_moved(run: "Run") -> None:
    """Print how far each layer of a fine-tuned run is from where it began."""
    from layerscope.evaluation import read_moved

    names = {
        "weights": "weights moved, %",
        "answers": "answers moved, %",
        "similarity": "similarity",
    }
    typer.echo("\nfrom the pretrained network (similarity: linear CKA of the answers)")
    echo_table(
        [
            {
                "layer": row.layer,
                "parameters": row.parameters,
                names["weights"]: 100 * row.weights,
                names["answers"]: 100 * row.answers,
                names["similarity"]: row.similarity,
            }
            for row in read_moved(run.moved_file)
        ]
    )


def echo_run(run: "Run") -> None:
    """Print where a trained run lies and its main figures."""
    evaluation = run.evaluation().as_dict()
    split = run.evaluated_split()
    typer.echo(
        f"{run.path}: accuracy {evaluation['accuracy']:.4f}, balanced accuracy "
        f"{evaluation['balanced_accuracy']:.4f} on {evaluation['n']} {split} examples"
    )
