"""Masks on the time-frequency plane: the sound that is left when only some cells are kept."""

from typing import Any

import numpy as np
import torch

from layerscope.errors import Refused
from layerscope.views.sound.plane import plane_of
from layerscope.views.sound.sonify import LEVEL, Sound, at_level, faded

SHARE = 0.2
"""The share of a sound's energy that a mask keeps."""
EMPTY = 1e-12
"""A cell that holds less than this share of the strongest one's energy is taken to hold it."""


def strongest(
    relevance: Any, power: Any, share: float = SHARE, *, first: str = "density"
) -> np.ndarray:
    """Return which cells a mask keeps: the most relevance that `share` of the energy can hold.

    The plane is measured by energy: empty cells cost nothing and loud ones much. Cells are taken
    in the order of their relevance for each unit of energy (the knapsack's greedy answer), as long
    as together they hold at most the share. Cells whose relevance is not above 0 are never kept;
    the first always is, if it is.

    Args:
        relevance: `(F, M)`.
        power: `(F, M)`.
        share: from 0 to 1.
        first: "density", or "value": the largest relevance first, whatever a cell holds.

    >>> strongest([[3.0, 2.0, 2.0, -1.0]], [[6.0, 2.0, 2.0, 2.0]], 0.5)
    array([[False,  True,  True, False]])

    """
    values, cost = np.asarray(relevance, np.float64), np.asarray(power, np.float64)
    if values.shape != cost.shape:
        raise Refused(f"relevance of the shape {values.shape} for cells of {cost.shape}")
    if not 0 <= share <= 1 or first not in ("density", "value"):
        raise Refused(f'share={share!r}, first={first!r}: from 0 to 1, "density" or "value"')
    least = max(float(cost.max(initial=0)), 1e-30) * EMPTY
    ranked = values / np.maximum(cost, least) if first == "density" else values
    order = np.argsort(-ranked, axis=None, kind="stable")
    spent = np.cumsum(cost.ravel()[order])
    kept = (spent <= share * spent[-1] * (1 + 1e-9)) & (values.ravel()[order] > 0)
    kept[0] = values.ravel()[order[0]] > 0
    mask = np.zeros(values.size, bool)
    mask[order[kept]] = True
    return mask.reshape(values.shape)


def through(samples: Any, mask: Any, sfreq: float, window: float | None = None) -> np.ndarray:
    """Return sounds `(..., T)` with each cell multiplied by its mask `(..., F, M)`, float32.

    Nothing else is done, so that a mask of ones gives the sound itself, to rounding, and a mask and
    its complement give sounds that sum to it.
    """
    given = torch.as_tensor(np.asarray(samples), dtype=torch.float64)
    plane = plane_of(given.shape[-1], sfreq, window)
    factor = torch.as_tensor(np.asarray(mask), dtype=torch.float64)
    return plane.samples(plane.cells(given) * factor).float().numpy()


def masked(
    samples: Any,
    relevance: Any,
    sfreq: float,
    share: float = SHARE,
    *,
    rest: bool = False,
    first: str = "density",
    window: float | None = None,
    level: float | None = LEVEL,
) -> Sound:
    """Return only what the network used of a sound, or all but that, at a level.

    Args:
        samples: `(T,)`.
        relevance: of each cell of the plane, `(F, M)`: a row of a view of "time_frequency".
        sfreq: samples per second, in Hz.
        share: of the energy that the most relevant cells may hold; see `strongest`.
        rest: all but that.
        first: see `strongest`.
        window: of the plane, in seconds; None: 32 ms.
        level: see `sonify`; None: as loud as it is in the sound.

    """
    given = np.asarray(samples, np.float64)
    plane = plane_of(given.shape[-1], sfreq, window)
    power = plane.power(plane.cells(torch.as_tensor(given))).numpy()
    mask = strongest(relevance, power, share, first=first)
    kept = float(power[mask].sum() / max(power.sum(), 1e-30))
    sound = through(given, ~mask if rest else mask, sfreq, window).astype(np.float64)
    whose = "all but the most relevant cells" if rest else "the most relevant cells alone"
    held = 1 - kept if rest else kept
    cells = int((~mask if rest else mask).sum())
    done = f"{whose}: {cells} of {mask.size}, {held:.1%} of the energy"
    return at_level(faded(sound, sfreq), sfreq, level, f"{done}; ends faded over 5 ms")
