"""When and where: relevance averaged over the epochs of each class, and in windows of time."""

from dataclasses import dataclass

import numpy as np

from layerscope.brain.contrasts import Contrast, class_contrast
from layerscope.brain.epochs import Epochs
from layerscope.brain.nulls import mean_interval
from layerscope.errors import LayerscopeError


@dataclass(frozen=True, eq=False)
class Moments:
    """Relevance of each class's margin, averaged over the epochs of that class.

    Attributes:
        mean, low, high: `(class, channel, time)`, with a 95 % bootstrap interval over epochs.
        contrast: own epochs less others, mean over the classes, `(channel, window)`.
        windows: start and end of each, in seconds, `(window, 2)`.

    """

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    contrast: Contrast
    windows: np.ndarray


def event_related(
    relevance: np.ndarray,
    epochs: Epochs,
    windows: np.ndarray,
    times: np.ndarray,
    *,
    permutations: int = 1000,
    draws: int = 1000,
    seed: int = 0,
) -> Moments:
    """Average relevance over the epochs of each class, time-locked to the event.

    Args:
        relevance: of each class's margin, `(class, N, channel, time)`.
        epochs: whose classes and recordings count.
        windows: in seconds, `(window, 2)`, the end excluded.
        times: of each sample, in seconds from the event, `(time,)`.
        permutations: of the labels, within recordings.
        draws: of the bootstrap.
        seed: of both.

    """
    found = np.zeros((3, len(relevance), *relevance.shape[2:]))
    for number, values in enumerate(relevance):
        own = values[epochs.labels == number]
        if len(own):
            found[:, number] = mean_interval(own, draws=draws, seed=seed)
    summed = in_windows(relevance, windows, times)
    given = {"permutations": permutations, "seed": seed}
    value, null = class_contrast(summed, epochs.labels, epochs.groups, **given)
    return Moments(found[0], found[1], found[2], Contrast.of(value, null), windows)


def even_windows(times: np.ndarray, length: float, *, first: float | None = None) -> np.ndarray:
    """Cut the time of an epoch into neighbouring windows of one length, in seconds.

    They start at whole multiples of the length from the event on; one that the epoch does not
    fill is left out.

    >>> even_windows(np.arange(-2, 11) / 10, 0.4).round(3).tolist()
    [[0.0, 0.4], [0.4, 0.8]]
    """
    if length <= 0:
        raise LayerscopeError(f"windows of {length:g} s: a length above 0")
    step = float(times[1] - times[0]) if len(times) > 1 else length
    start, end = float(times[0]) if first is None else first, float(times[-1]) + step
    low, high = np.ceil(start / length - 1e-9), np.floor(end / length + 1e-9)
    edges = np.arange(low, high + 1) * length + 0.0  # no negative zero
    if len(edges) < 2:
        return np.array([[start, end]])
    return np.stack([edges[:-1], edges[1:]], axis=1)


def in_windows(values: np.ndarray, windows: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Sum values `(..., time)` within each window: `(..., window)`."""
    held = (times >= windows[:, :1] - 1e-9) & (times < windows[:, 1:] - 1e-9)  # (window, time)
    return np.asarray(values) @ held.T.astype(values.dtype)


def peak(values: np.ndarray, times: np.ndarray) -> float:
    """Give the time, in seconds, at which values `(time,)` are largest."""
    return float(times[int(np.argmax(values))])
