"""Calibration: whether a probability of 0.8 is right eight times in ten."""

from dataclasses import dataclass

import numpy as np

from layerscope.evaluation.predictions import Predictions

BINS = 15


@dataclass(frozen=True)
class Bin:
    """Examples with a confidence above `low` and up to `high`; the means are None when none are."""

    low: float
    high: float
    count: int
    confidence: float | None
    accuracy: float | None


def calibration(predictions: Predictions, bins: int = BINS) -> tuple[float | None, tuple[Bin, ...]]:
    """Compare confidence with accuracy: the expected calibration error and its bins.

    The confidence of the predicted class is cut into equal widths, open below and closed above;
    the error is the mean over examples of |accuracy - mean confidence| of their bin (Guo, Pleiss,
    Sun and Weinberger 2017). None without examples.

    >>> sure = Predictions(["a", "b"], [0, 1], [[1, 0], [1, 0]], ["cat", "dog"])
    >>> calibration(sure)[0]
    0.5
    """
    confidence = predictions.confidence.astype(np.float64)
    correct = predictions.predicted == predictions.true
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    table, error = [], 0.0
    for number in range(bins):
        inside = place == number
        count = int(inside.sum())
        sure = float(confidence[inside].mean()) if count else None
        right = float(correct[inside].mean()) if count else None
        if sure is not None and right is not None:
            error += count * abs(right - sure)
        table.append(Bin(float(edges[number]), float(edges[number + 1]), count, sure, right))
    return (error / len(predictions) if len(predictions) else None), tuple(table)
