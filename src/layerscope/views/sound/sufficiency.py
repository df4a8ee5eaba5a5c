"""Sufficiency: what a network still says when it hears only what a view calls relevant."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from layerscope.errors import Refused
from layerscope.views.draws import generator
from layerscope.views.sound.masks import SHARE, strongest
from layerscope.views.sound.plane import Plane, plane_of

BASELINES = ("loudest", "quietest", "random", "random patches")
PATCH = 5
"""Side of the patches of the random mask that is as coarse as a view may be, in cells."""


@dataclass(frozen=True)
class Kept:
    """For how many clips a mask alone keeps what the network says.

    Attributes:
        name: the method, or a baseline.
        kept: whether each clip's prediction stayed, `(N,)` of booleans.
        cells: the share of the plane's cells that was kept, the mean over clips.

    """

    name: str
    kept: np.ndarray
    cells: float

    @property
    def share(self) -> float:
        """The share of clips whose prediction stayed."""
        return float(self.kept.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """Its 95 % interval (Wilson)."""
        from scipy.stats import binomtest

        found = binomtest(int(self.kept.sum()), len(self.kept)).proportion_ci(method="wilson")
        return float(found.low), float(found.high)

    def against(self, other: "Kept") -> float:
        """Return how likely a difference this large is by chance: McNemar's exact test, two-sided.

        >>> one, other = np.array([True] * 8), np.array([False] * 6 + [True] * 2)
        >>> Kept("a", one, 0.1).against(Kept("b", other, 0.1))
        0.03125
        """
        from scipy.stats import binomtest

        if self.kept.shape != other.kept.shape:
            raise Refused(f"{self.name} and {other.name} were not heard on the same clips")
        mine, theirs = int((self.kept & ~other.kept).sum()), int((other.kept & ~self.kept).sum())
        return 1.0 if mine + theirs == 0 else float(binomtest(mine, mine + theirs).pvalue)

    def beats(self, other: "Kept") -> bool:
        """Tell whether it keeps more clips than another, by more than chance (p below 0.05)."""
        return self.share > other.share and self.against(other) < 0.05


def sufficiency(
    says: Callable[[Tensor], Tensor],
    sounds: Any,
    sfreq: float,
    relevances: Mapping[str, np.ndarray],
    *,
    share: float = SHARE,
    first: str = "density",
    window: float | None = None,
) -> list[Kept]:
    """Let a network hear only the most relevant cells of clips, by every method and baseline.

    The masked sound is given as a recording of it would be: what scales a clip to its own root
    mean square does so again. Baselines have the same energy: the loudest cells, the quietest,
    random cells, and random patches of 5 x 5.

    Args:
        says: sounds `(N, T)` as they are stored (before any scaling) -> logits `(N, K)`.
        sounds: the clips, `(N, T)`, for each of which the network is right.
        sfreq: in Hz.
        relevances: by method, `(N, F, M)` on the plane of these sounds.
        share: of the energy that is kept.
        first: how methods' cells are chosen; see `strongest`.
        window: of the plane, in seconds.

    """
    given = torch.as_tensor(np.asarray(sounds), dtype=torch.float64)
    if given.dim() != 2:
        raise Refused(f"sounds of the shape {tuple(given.shape)}: give clips (N, T)")
    plane = plane_of(given.shape[-1], sfreq, window)
    wanted = says(given.float()).argmax(1)
    power = plane.power(plane.cells(given)).numpy()
    largest = power.max((1, 2), keepdims=True)
    found = []
    for name in (*relevances, *BASELINES):
        if name in relevances:
            masks = _each(relevances[name], power, share, first)
        elif name in ("loudest", "quietest"):
            ranked = power if name == "loudest" else 1 + largest - power
            masks = _each(ranked, power, share, "value")
        else:
            masks = _each(_drawn(plane, len(given), name), power, share, "value")
        found.append(_heard(name, says, plane, given, masks, wanted))
    return found


def _each(relevance: np.ndarray, power: np.ndarray, share: float, first: str) -> np.ndarray:
    """Give a mask for each clip, `(N, F, M)`."""
    if np.shape(relevance) != power.shape:
        raise Refused(f"relevance of the shape {np.shape(relevance)} for cells of {power.shape}")
    pairs = zip(relevance, power, strict=True)
    return np.stack([strongest(one, cells, share, first=first) for one, cells in pairs])


def _drawn(plane: Plane, count: int, name: str) -> np.ndarray:
    """Draw a rank from 1 to 2 for each cell, or one for each patch of cells, `(N, F, M)`."""
    bins, windows = plane.shape
    step = PATCH if name == "random patches" else 1
    shape = (-(-bins // step), -(-windows // step))
    drawn = np.stack(
        [torch.rand(shape, generator=generator(0, name, k)).numpy() for k in range(count)]
    )
    return 1 + drawn.repeat(step, 1).repeat(step, 2)[:, :bins, :windows]


def _heard(
    name: str,
    says: Callable[[Tensor], Tensor],
    plane: Plane,
    sounds: Tensor,
    masks: np.ndarray,
    wanted: Tensor,
) -> Kept:
    """Ask the network what it hears behind each mask."""
    left = [
        plane.samples(plane.cells(sound) * torch.from_numpy(mask))
        for sound, mask in zip(sounds, masks, strict=True)
    ]
    heard = says(torch.stack(left).float()).argmax(1)
    return Kept(name, (heard == wanted).cpu().numpy(), float(masks.mean()))
