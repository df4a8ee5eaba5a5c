"""Occlusion on the time-frequency plane: how far the score falls without a piece of the sound."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from layerscope.errors import Refused
from layerscope.progress import bar
from layerscope.views.again import scores_of
from layerscope.views.interrupted import each_example
from layerscope.views.registry import method
from layerscope.views.sound.plane import Plane
from layerscope.views.sound.traced import plane_for
from layerscope.views.trace import Trace
from layerscope.views.view import View

TILES = (16, 25)
"""How many pieces the plane is cut into, along frequency and along time."""
TOGETHER = 24
"""Pieces that are followed together at most; more is no faster."""


@method(
    "time_frequency_occlusion",
    paper="Zeiler and Fergus 2014, arXiv:1311.2901, on the short-time Fourier transform",
    needs=("target",),
    axes=("batch", "frequency", "time"),
    signed=True,
    axioms=("implementation invariance", "linear in the target"),
)
def time_frequency_occlusion(
    trace: Trace,
    *,
    target: Any = "predicted",
    tiles: Sequence[int] = TILES,
    window: float | None = None,
) -> dict[str, View]:
    """Return by how much the score falls when a piece of the time-frequency plane is silent.

    `"batch frequency time"`, a value for each piece. Its cells are set to 0 and the sound is made
    anew by overlap-add, in the units that the network takes: its level is not corrected. Pieces
    are even in windows and, of frequency, in the mel scale (even up to about 1 kHz, then in pitch).

    `quality`, "batch" first: "low", "high" of each piece in Hz, "begin", "end" in s.

    Args:
        trace: the recorded batch.
        target: a class, a difference, a unit, a channel or a region; see `Trace.aim`.
        tiles: how many pieces along frequency and along time.
        window: of the plane, in seconds; None: 32 ms of sounds, half a second of recordings.

    """
    aim, images = trace.aim(target), trace.tape.input.tensor
    plane = plane_for(trace, "time_frequency_occlusion", window)
    rows, columns = _edges(plane, tiles)
    together = max(1, min(TOGETHER, trace.examples_at_once() - 1))
    drops = images.new_zeros((len(images), len(rows) - 1, len(columns) - 1))

    def made() -> dict[str, View]:
        axes = ("batch", "frequency", "time")
        view = trace.make_view(
            *("time_frequency_occlusion", "input", trace.tape.input, drops, axes, aim),
            signed=True,
            quality=_where(plane, rows, columns, len(images)),
        )
        return {"input": replace(view, grid=None)}

    with bar("time-frequency occlusion", total=drops.numel(), unit="pieces") as step:

        def one(row: int) -> None:
            sound, fallen = images[row], drops[row].view(-1)
            fine = sound.to(torch.promote_types(sound.dtype, torch.float32))
            for first in range(0, len(fallen), together):
                some = np.arange(first, min(first + together, len(fallen)))
                less = _without(plane, fine, rows, columns, some).to(sound)
                scores = scores_of(trace, aim, row, torch.cat([sound[None], less]))
                fallen[first : first + together] = scores[0] - scores[1:]
                step(len(some))

        return each_example(trace, one, made)


def _edges(plane: Plane, tiles: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the bins and the windows where pieces begin, and where the last ends."""
    counts = [n for n in tiles if isinstance(n, int | np.integer) and n >= 1]
    if len(counts) != 2 or len(tiles) != 2:
        raise Refused(f"tiles={tiles!r}: two whole numbers, along frequency and along time")
    bins, windows = plane.shape
    pitch = np.log1p(plane.frequencies / 700)  # the mel scale, but for a factor
    even = np.linspace(0, pitch[-1], min(counts[0], bins) + 1)
    rows = np.searchsorted(pitch, even)
    rows[-1] = bins
    columns = np.linspace(0, windows, min(counts[1], windows) + 1).round().astype(int)
    return np.unique(rows), columns


def _without(
    plane: Plane, sound: Tensor, rows: np.ndarray, columns: np.ndarray, some: np.ndarray
) -> Tensor:
    """Return a sound `(channel, time)` without each of some pieces, `(P, channel, time)`."""
    cells = plane.cells(sound)
    alone = cells.new_zeros((len(some), *cells.shape))
    across = len(columns) - 1
    for place, piece in enumerate(some):
        row, column = divmod(int(piece), across)
        here = (
            slice(None),
            slice(rows[row], rows[row + 1]),
            slice(columns[column], columns[column + 1]),
        )
        alone[(place, *here)] = cells[here]
    return sound - plane.samples(alone)


def _where(
    plane: Plane, rows: np.ndarray, columns: np.ndarray, batch: int
) -> dict[str, np.ndarray]:
    """Say which frequencies and times each piece has, `(batch, pieces)`."""
    step = plane.frequencies[1]
    ends = plane.length / plane.sfreq
    at = {
        "low": (rows[:-1] - 0.5) * step,
        "high": (rows[1:] - 0.5) * step,
        "begin": (columns[:-1] - 0.5) * plane.hop / plane.sfreq,
        "end": (columns[1:] - 0.5) * plane.hop / plane.sfreq,
    }
    tops = {"low": plane.sfreq / 2, "high": plane.sfreq / 2, "begin": ends, "end": ends}
    return {name: np.tile(np.clip(x, 0, tops[name]), (batch, 1)) for name, x in at.items()}
