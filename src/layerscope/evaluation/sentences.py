"""Sentences that an evaluation's numbers carry, and notes on what is undefined in it."""

from layerscope.evaluation.figures import wilson
from layerscope.evaluation.tables import ClassFigures, Evaluation, Pair

VISIBLE = 0.05  # a difference in precision that is worth a sentence
MOST = 10  # sentences of a kind


def findings(result: Evaluation) -> list[str]:
    """Say what is confused with what, and where imbalance makes precision, with the numbers.

    A sentence is given only where the intervals carry it; the surest first, ten of a kind at most.
    Of recordings it is first said whether they are above chance, and above a linear classifier.

    >>> from layerscope.evaluation import Predictions, evaluate
    >>> matrix = [[62, 13, 3], [5, 95, 0], [0, 0, 100]]
    >>> findings(evaluate(Predictions.from_confusion(matrix, ["cat", "dog", "bird"])))[0]
    'cat is most often confused with dog: 13 of 78 (17 %, 95 % interval 10 to 26 %).'
    """
    clear = [
        f"{first.true} is most often confused with {first.predicted}: {counted(result, first)}."
        for first, second in _strongest(result)
        if _clearly_first(result, first, second)
    ]
    rare = [said for each in result.per_class if (said := _prevalence(result, each))]
    above = result.recordings.sentences() if result.recordings else []
    return above + clear[:MOST] + rare[:MOST]


def confused_with(result: Evaluation, name: str) -> str | None:
    """Say what one class is most often confused with; None where it is confused with nothing.

    Two confusions whose counts cannot be told apart are named together.

    >>> from layerscope.evaluation import Predictions, evaluate
    >>> matrix = [[9, 1, 0], [1, 9, 0], [0, 0, 9]]
    >>> result = evaluate(Predictions.from_confusion(matrix, ["cat", "dog", "bird"]))
    >>> confused_with(result, "cat")
    'cat is confused only with dog: 1 of 10 (10 %, 95 % interval 1.8 to 40 %).'
    """
    for first, second in _strongest(result):
        if first.true != name:
            continue
        if second is None:
            return f"{name} is confused only with {first.predicted}: {counted(result, first)}."
        if _clearly_first(result, first, second):
            return (
                f"{name} is most often confused with {first.predicted}: {counted(result, first)}."
            )
        return (
            f"{name} is confused with {first.predicted}, {counted(result, first)}, and with "
            f"{second.predicted}, {counted(result, second)}; "
            "which of the two is more frequent cannot be told."
        )
    return None


def _strongest(result: Evaluation) -> list[tuple[Pair, Pair | None]]:
    """Give each class's most frequent confusion and the next one, the surest class first."""
    by_class: dict[str, list[Pair]] = {}
    for pair in result.most_confused:
        by_class.setdefault(pair.true, []).append(pair)
    ranked = [sorted(pairs, key=lambda pair: -pair.count) for pairs in by_class.values()]
    return [(pairs[0], pairs[1] if len(pairs) > 1 else None) for pairs in ranked]


def _clearly_first(result: Evaluation, first: Pair, second: Pair | None) -> bool:
    """Tell whether the interval of the first one's share of both lies above one half."""
    both = first.count + (second.count if second else 0)
    return (wilson(first.count, both, result.confidence).low or 0.0) > 0.5


def notes(result: Evaluation) -> list[str]:
    """Say which figures are undefined, why, and what the averages leave out.

    >>> from layerscope.evaluation import Predictions, evaluate
    >>> notes(evaluate(Predictions.from_confusion([[4, 0], [2, 0]], ["cat", "dog"])))
    ['Never predicted, so precision is undefined and left out of averages: dog.']
    """
    empty = [each.name for each in result.per_class if each.support == 0]
    silent = [each.name for each in result.per_class if each.predicted == 0]
    said = []
    if result.n == 0:
        return ["There are no examples: every figure is undefined."]
    if empty:
        said.append(
            f"No examples, so recall is undefined and left out of averages: {', '.join(empty)}."
        )
    if silent:
        said.append(
            "Never predicted, so precision is undefined and left out of averages: "
            f"{', '.join(silent)}."
        )
    return said


def counted(result: Evaluation, pair: Pair) -> str:
    """Write a confusion as `13 of 78 (17 %, 95 % interval 10 to 26 %)`."""
    low, high = pair.rate.interval or (0.0, 0.0)
    return (
        f"{pair.count:,} of {pair.support:,} ({percent(pair.rate.value)} %, "
        f"{percent(result.confidence)} % interval {percent(low)} to {percent(high)} %)"
    )


def percent(share: float | None) -> str:
    """Write a share in percent, without the sign, with a decimal below ten; n/a for None.

    >>> percent(0.0386), percent(0.1667), percent(None)
    ('3.9', '17', 'n/a')
    """
    if share is None:
        return "n/a"
    return f"{100 * share:.1f}" if 0 < share < 0.0995 else f"{100 * share:.0f}"


def _prevalence(result: Evaluation, each: ClassFigures) -> str | None:
    """Say that precision is what it is because the class is rare or common, where that is sure."""
    here, equal = each.precision, each.precision_equal_prevalence
    if here.value is None or equal.value is None or not here.interval or not equal.interval:
        return None
    overlap = here.interval[0] <= equal.interval[1] and equal.interval[0] <= here.interval[1]
    if overlap or abs(equal.value - here.value) < VISIBLE:
        return None
    return (
        f"{each.name} has precision {here.value:.2f} here, where {percent(each.support / result.n)}"
        f" % of the examples are {each.name}; with equally many of every class it would be "
        f"{equal.value:.2f} ({percent(result.confidence)} % interval {equal.low:.2f} to "
        f"{equal.high:.2f})."
    )
