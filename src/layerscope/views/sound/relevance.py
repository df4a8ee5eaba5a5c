"""What a view says of time, shared out over time and frequency."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from layerscope.errors import Refused
from layerscope.views.sound.plane import Plane, plane_of
from layerscope.views.view import View

CONTRIBUTIONS = frozenset(
    {
        *("input_x_gradient", "integrated_gradients", "expected_gradients"),
        *("lrp", "deep_lift", "concept_relevance"),
    }
)
"""Methods whose values at the input are what each sample adds to the score."""
READINGS = ("contribution", "slope", "place")
STABLE = 0.01
"""A sample that is weaker than this share of the sound's root mean square shares less out."""


def reading_of(view: View) -> str:
    """Say how the values of a view at the input are read: see `on_plane`."""
    if "channel" not in view.axes or not view.signed:
        return "place"
    return "contribution" if view.method in CONTRIBUTIONS else "slope"


def on_plane(values: Tensor, samples: Tensor, plane: Plane, reading: str) -> Tensor:
    """Share values `(..., T)` out over the cells of sounds `(..., T)`: `(..., F, M)`.

    A sound is the sum of what its cells add: `x[t] = sum of c[f, m, t]`, the inverse transform
    written out. As a layer before the network it is linear, and relevance goes through it as in
    Vielhaben et al. 2024 (a virtual inspection layer, arXiv:2303.06365):

    - "contribution" `R[t]`, what a sample adds to the score: a cell gets `R[t] * c / x[t]` of each
      sample, stabilised as `x / (x ** 2 + e ** 2)` with e 1 % of the sound's root mean square. What
      that keeps back is the gap between the sums.
    - "slope" `g[t]`, a gradient or a projection: a cell gets `g[t] * c`, the gradient times the
      cell; of a projection, what of it is in phase with the sound.
    - "place" `r[t]`, a map that knows of time alone: a cell gets `r[t] * x[t] * c`, its energy
      weighted by the map. Of frequency it says no more than where there is energy.

    """
    if reading not in READINGS:
        raise Refused(f"reading={reading!r}: one of {', '.join(map(repr, READINGS))}")
    if reading == "place":
        return plane.products(samples, values * samples)
    if reading == "slope":
        return plane.products(samples, values)
    least = STABLE * samples.square().mean(-1, keepdim=True).sqrt()
    divisor = samples.square() + least.square()
    return plane.products(samples, values * samples / divisor.clamp(min=1e-30))


def time_frequency_of(
    view: View,
    samples: Any,
    sfreq: float | None,
    *,
    window: float | None = None,
    reading: str | None = None,
) -> View:
    """Return any view of examples along time as one over time and frequency.

    `"batch channel frequency time"`, float32. `quality`: "frequency" in Hz and "time" in s, each
    with the axis "batch" first; "gap", the sum of the cells less that of the view, "batch".

    Args:
        view: of examples, along time; what is coarser than the input is laid over it first. Of
            "time_frequency_occlusion" a piece's value is shared out over its cells by energy.
        samples: the examples, `(B, channel, T)`, in the units that the network takes.
        sfreq: samples per second, in Hz.
        window: of the plane, in seconds; None: 32 ms.
        reading: "contribution", "slope" or "place"; None: as `reading_of` says. See `on_plane`.

    """
    sounds = torch.as_tensor(np.asarray(samples), dtype=torch.float64)
    plane = plane_of(sounds.shape[-1], sfreq, window)
    if view.axes == ("batch", "channel", "frequency", "time"):
        return view
    if view.axes == ("batch", "frequency", "time") and "begin" in view.quality:
        return _of_pieces(view, sounds, plane)
    if view.axes not in (("batch", "time"), ("batch", "channel", "time")):
        raise Refused(f"{view!r} has not the axes batch time: nothing to share out over frequency")
    laid = view if view.values.shape[-1:] == sounds.shape[-1:] else view.over_input()
    values = torch.as_tensor(laid.values, dtype=torch.float64)
    if values.dim() == 2 or values.shape[1] != sounds.shape[1]:
        values = values.view(len(values), -1, values.shape[-1]).sum(1, keepdim=True)
    how = reading or reading_of(view)
    cells = on_plane(values.expand_as(sounds), sounds, plane, how)
    shared = (values * sounds.square() if how == "place" else values).flatten(1).sum(1)
    shared = (values * sounds).flatten(1).sum(1) if how == "slope" else shared
    return replace(
        view,
        values=np.ascontiguousarray(cells.float().numpy()),
        axes=("batch", "channel", "frequency", "time"),
        signed=True,
        grid=None,
        quality={
            **_places(plane, len(sounds)),
            "gap": (cells.flatten(1).sum(1) - shared).float().numpy(),
        },
    )


def _of_pieces(view: View, sounds: Tensor, plane: Plane) -> View:
    """Share the value of each piece of the plane out over its cells, by their energy."""
    power = plane.power(plane.cells(sounds))  # (B, channel, F, M)
    values, gap = torch.zeros_like(power), []
    for row, pieces in enumerate(view.values):
        facts = {name: view.quality[name][row] for name in ("low", "high", "begin", "end")}
        up = _counted(facts["high"], plane.frequencies)
        along = _counted(facts["end"], plane.times)
        for k, m in np.ndindex(*pieces.shape):
            here = (row, slice(None), slice(up[k], up[k + 1]), slice(along[m], along[m + 1]))
            cells = power[here]
            values[here] = float(pieces[k, m]) * cells / cells.sum().clamp(min=1e-30)
        gap.append(float(values[row].sum()) - float(pieces.sum()))
    return replace(
        view,
        values=np.ascontiguousarray(values.float().numpy()),
        axes=("batch", "channel", "frequency", "time"),
        quality={**_places(plane, len(sounds)), "gap": np.array(gap, np.float32)},
    )


def _counted(ends: np.ndarray, at: np.ndarray) -> list[int]:
    """Return how many rows or windows lie before each piece, and before the end."""
    inner = np.searchsorted(at, ends[:-1])
    return [0, *inner.tolist(), len(at)]


def _places(plane: Plane, batch: int) -> dict[str, np.ndarray]:
    return {
        "frequency": np.tile(plane.frequencies, (batch, 1)),
        "time": np.tile(plane.times, (batch, 1)),
    }
