"""Time-resolved RSA: an RDM for each window of time, and when a model is like it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from layerscope.brain.crossnobis import crossnobis, noise_precision
from layerscope.brain.rdm import rdm
from layerscope.errors import Refused


@dataclass(frozen=True, eq=False)
class Movie:
    """RDMs over time: `rdms` `(window, pair)`, and each window's first and last time in seconds."""

    rdms: np.ndarray
    starts: np.ndarray
    stops: np.ndarray


def rdm_movie(
    responses: np.ndarray,
    times: Sequence[float] | np.ndarray,
    *,
    width: float,
    step: float | None = None,
    distance: str = "correlation",
) -> Movie:
    """Compute an RDM in each window of a recording.

    Within a window responses are averaged over time, so that a pattern is one over channels.

    Args:
        responses: `(stimulus, channel, time)`, or `(repeat, stimulus, channel, time)`, which is
            averaged over repeats, or crossed for "crossnobis" (repeats are the folds; the noise
            is what differs from the mean over repeats).
        times: in seconds, equally spaced.
        width: of a window, in seconds.
        step: from one window to the next, in seconds; None: as wide as a window.
        distance: "correlation", "euclidean" or "crossnobis".

    >>> ramp = np.arange(24.0).reshape(3, 2, 4) ** 2
    >>> rdm_movie(ramp, [0, 0.1, 0.2, 0.3], width=0.2, distance="euclidean").rdms.shape
    (2, 3)

    """
    moments = np.asarray(times, dtype=np.float64)
    repeated = responses if responses.ndim == 4 else responses[None]
    if repeated.ndim != 4 or repeated.shape[-1] != len(moments):
        raise Refused(
            f"responses {responses.shape} at {len(moments)} times: expected (stimulus, channel, "
            "time), or (repeat, stimulus, channel, time)"
        )
    rdms, places = [], windows(moments, width, step)
    for some in places:
        patterns = repeated[..., some].mean(-1)  # (repeat, stimulus, channel)
        rdms.append(_of_window(patterns, distance))
    starts, stops = ([float(moments[index(p)]) for p in places] for index in (_first, _last))
    return Movie(np.stack(rdms), np.array(starts), np.array(stops))


def windows(times: np.ndarray, width: float, step: float | None = None) -> list[slice]:
    """Cut times into windows of whole samples, the last one whole.

    >>> windows(np.arange(6) / 10, 0.3, 0.2)
    [slice(0, 3, None), slice(2, 5, None)]
    """
    if len(times) < 2 or not np.allclose(np.diff(times), times[1] - times[0], rtol=1e-3):
        raise Refused("times must be equally spaced, two or more, in seconds")
    period = float(times[1] - times[0])
    samples = round(width / period)
    ahead = samples if step is None else round(step / period)
    if not 1 <= samples <= len(times) or ahead < 1:
        raise Refused(
            f"width = {width} s and step = {step} s: samples are {period:g} s apart and there are "
            f"{len(times)} of them"
        )
    return [slice(start, start + samples) for start in range(0, len(times) - samples + 1, ahead)]


def _of_window(patterns: np.ndarray, distance: str) -> np.ndarray:
    """Compute one window's RDM from `(repeat, stimulus, channel)`."""
    if distance != "crossnobis":
        return rdm(patterns.mean(0), distance)
    repeats, stimuli, channels = patterns.shape
    if repeats < 2:
        raise Refused("crossnobis distances need repeats: (repeat, stimulus, channel, time)")
    noise = (patterns - patterns.mean(0)).reshape(-1, channels)
    precision = noise_precision(noise, (repeats - 1) * stimuli)
    conditions = np.tile(np.arange(stimuli), repeats)
    folds = np.repeat(np.arange(repeats), stimuli)
    return crossnobis(patterns.reshape(-1, channels), conditions, folds, precision)[0]


def _first(some: slice) -> int:
    return some.start


def _last(some: slice) -> int:
    return some.stop - 1
