"""Which examples of each class are looked at: some that the network gets right, some wrong."""

from dataclasses import dataclass

import numpy as np

from layerscope.evaluation import Predictions


@dataclass(frozen=True)
class Chosen:
    """One example to look at, with what the network said of it."""

    id: str
    true: str
    predicted: str
    probability: float


def choose(predictions: Predictions, name: str, *, correct: int, wrong: int) -> list[Chosen]:
    """Choose examples of one class, from what the network said of them.

    The correct ones are spread evenly from the most to the least confident; the wrong ones are
    the surest mistake for each class that it is taken for, the commonest first, then the next
    surest of each. Fewer are given where there are fewer.

    >>> said = Predictions(["a", "b"], [0, 0], [[0.9, 0.1], [0.3, 0.7]], ["cat", "dog"])
    >>> [example.id for example in choose(said, "cat", correct=3, wrong=2)]
    ['a', 'b']
    """
    label = predictions.classes.index(name)
    order = np.argsort(-predictions.confidence, kind="stable")
    order = order[predictions.true[order] == label]
    hit = predictions.predicted[order] == label
    right, mistaken = order[hit], order[~hit]
    spread = np.linspace(0, len(right) - 1, min(correct, len(right))).round().astype(int)
    return [
        Chosen(
            predictions.ids[place],
            name,
            predictions.classes[predictions.predicted[place]],
            float(predictions.confidence[place]),
        )
        for place in [*right[spread], *_in_turn(mistaken, predictions.predicted)[:wrong]]
    ]


def _in_turn(mistaken: np.ndarray, predicted: np.ndarray) -> list[int]:
    """Order mistakes, given from the surest: one of each class taken for, the commonest first."""
    taken_for = predicted[mistaken]
    counts = np.bincount(taken_for)
    turn = np.array([np.sum(taken_for[:k] == taken_for[k]) for k in range(len(taken_for))], int)
    return mistaken[np.lexsort((taken_for, -counts[taken_for], turn))].tolist()
