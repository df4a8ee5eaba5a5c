"""An evaluation's tables as text for the terminal."""

import io
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from layerscope.evaluation.figures import Estimate
from layerscope.evaluation.robustness import Condition
from layerscope.evaluation.sentences import findings, notes, percent
from layerscope.evaluation.tables import Averages, Evaluation

WIDEST = 24  # classes; a larger confusion matrix is not printed
PAIRS = 10


def as_text(result: Evaluation) -> str:
    """Write headline, per-class table, confusion matrix, most confused pairs and findings.

    >>> from layerscope.evaluation import Predictions, evaluate
    >>> said = evaluate(Predictions.from_confusion([[8, 2], [5, 85]], ["cat", "dog"]))
    >>> as_text(said).splitlines()[0]
    '100 examples, accuracy 0.930 (0.863 to 0.966), balanced accuracy 0.872 (0.728 to 0.984)'
    """
    parts = [
        f"{result.n:,} examples{_skipped(result)}, accuracy {figure(result.accuracy)}, "
        f"balanced accuracy {figure(result.balanced_accuracy)}",
        "Per class\n" + _rendered(_per_class(result)),
        _confusion(result) if len(result.classes) <= WIDEST else "",
        _pairs(result) if result.most_confused else "",
        _robustness(result.robustness) if result.robustness else "",
        result.recordings.text() if result.recordings else "",
        "\n".join(findings(result)),
        "\n".join([*notes(result), _footnote(result)]),
    ]
    return "\n\n".join(part for part in parts if part)


def figure(estimate: Estimate, digits: int = 3) -> str:
    """Write a figure with its interval, or n/a."""
    if estimate.value is None:
        return "n/a"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.{digits}f}"
    return f"{estimate.value:.{digits}f} ({estimate.low:.{digits}f} to {estimate.high:.{digits}f})"


def _skipped(result: Evaluation) -> str:
    strangers = sum(not each.label for each in result.refused)
    parts = []
    if unreadable := result.skipped - strangers:
        parts.append(f"{unreadable:,} more could not be read")
    if strangers:
        parts.append(f"{strangers:,} {'lies' if strangers == 1 else 'lie'} in no class's folder")
    return f" ({', '.join(parts)})" if parts else ""


def _per_class(result: Evaluation) -> Table:
    last = "precision at equal prevalence"
    table = _table(["class", "precision", "recall", "F1", "support", last])
    for each in result.per_class:
        table.add_row(
            each.name,
            figure(each.precision, 2),
            figure(each.recall, 2),
            figure(each.f1, 2),
            f"{each.support:,}",
            figure(each.precision_equal_prevalence, 2),
        )
    table.add_section()
    table.add_row("macro average", *_averages(result.macro), f"{result.n:,}", "")
    table.add_row("weighted average", *_averages(result.weighted), f"{result.n:,}", "")
    return table


def _averages(averages: Averages) -> list[str]:
    values = (averages.precision, averages.recall, averages.f1)
    return ["n/a" if value is None else f"{value:.2f}" for value in values]


def _confusion(result: Evaluation) -> str:
    table = _table(["true class", *result.classes])
    for name, row in zip(result.classes, result.confusion, strict=True):
        table.add_row(name, *(f"{count:,}" for count in row))
    return "Confusion: a row for each true class, a column for each predicted one\n" + _rendered(
        table
    )


def _pairs(result: Evaluation) -> str:
    table = _table(["true class", "taken for", "count", "of", "rate"])
    table.columns[1].justify = "left"
    for pair in result.most_confused[:PAIRS]:
        low, high = pair.rate.interval or (0.0, 0.0)
        rate = f"{percent(pair.rate.value)} % ({percent(low)} to {percent(high)})"
        table.add_row(pair.true, pair.predicted, f"{pair.count:,}", f"{pair.support:,}", rate)
    return "Most confused, the surest first\n" + _rendered(table)


def _robustness(conditions: Sequence[Condition]) -> str:
    table = _table(["condition", "accuracy", "correct", "of"])
    for each in conditions:
        name = {
            "clean": "clean",
            "snr": f"white noise, SNR {each.value:g} dB",
            "shift": f"{abs(each.value):g} ms {'later' if each.value > 0 else 'earlier'}",
        }[each.condition]
        accuracy = figure(Estimate(each.accuracy, each.low, each.high))
        table.add_row(name, accuracy, f"{each.correct:,}", f"{each.n:,}")
    return "Noise and time shift\n" + _rendered(table)


def _footnote(result: Evaluation) -> str:
    error = "n/a" if result.calibration_error is None else f"{result.calibration_error:.3f}"
    return (
        f"Expected calibration error {error} ({len(result.calibration)} equal-width bins). "
        f"In brackets: {percent(result.confidence)} % intervals, Wilson's for proportions, "
        f"bootstrap ({result.draws:,} draws) for F1 and averages; a bootstrap cannot see a "
        "confusion that never happened."
    )


def _table(columns: Sequence[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for number, name in enumerate(columns):
        table.add_column(name, justify="right" if number else "left", overflow="fold")
    return table


def _rendered(table: Table) -> str:
    """Render at the table's own width, names as they are; wide letters are counted as two."""
    out = io.StringIO()
    console = Console(
        file=out, width=10_000, color_system=None, markup=False, emoji=False, highlight=False
    )
    console.print(table)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()).strip("\n")
