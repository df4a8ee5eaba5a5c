"""Masks on the time-frequency plane: the sound that is left when only some cells are kept."""

from typing import Any

import numpy as np
import torch

from layerscope.errors import Refused
from layerscope.views.sound.plane import plane_of
from layerscope.views.sound.sonify import LEVEL, Sound, at_level, faded

SHARE = 0.2
"""The share of a sound's energy that a mask keeps."""


def strongest(
    relevance: Any, power: Any, share: float = SHARE, *, of: str = "energy"
) -> np.ndarray:
    """Return which cells have the strongest relevance, `(F, M)` of booleans.

    From the most relevant cell down, as long as together they hold at most `share` of the energy:
    the plane is measured by energy, so that empty cells cost nothing and loud ones much. Cells
    whose relevance is not above 0 are never kept; the most relevant one always is, if it is.

    Args:
        relevance: `(F, M)`.
        power: `(F, M)`.
        share: from 0 to 1.
        of: "energy", or "area": each cell costs the same.

    >>> strongest([[3.0, 2.0, 1.0, -1.0]], [[1.0, 4.0, 1.0, 4.0]], 0.5)
    array([[ True,  True, False, False]])

    """
    values, cost = np.asarray(relevance, np.float64), np.asarray(power, np.float64)
    if values.shape != cost.shape:
        raise Refused(f"relevance of the shape {values.shape} for cells of {cost.shape}")
    if not 0 <= share <= 1 or of not in ("energy", "area"):
        raise Refused(f'share={share!r}, of={of!r}: from 0 to 1, of "energy" or "area"')
    cost = np.ones_like(cost) if of == "area" else cost
    order = np.argsort(-values, axis=None, kind="stable")
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
        window: of the plane, in seconds; None: 32 ms.
        level: see `sonify`; None: as loud as it is in the sound.

    """
    given = np.asarray(samples, np.float64)
    plane = plane_of(given.shape[-1], sfreq, window)
    power = plane.power(plane.cells(torch.as_tensor(given))).numpy()
    mask = strongest(relevance, power, share)
    kept = float(power[mask].sum() / max(power.sum(), 1e-30))
    sound = through(given, ~mask if rest else mask, sfreq, window).astype(np.float64)
    whose = "all but the most relevant cells" if rest else "the most relevant cells alone"
    held = 1 - kept if rest else kept
    cells = int((~mask if rest else mask).sum())
    done = f"{whose}: {cells} of {mask.size}, {held:.1%} of the energy"
    return at_level(faded(sound, sfreq), sfreq, level, f"{done}; ends faded over 5 ms")
