"""Faithfulness: whether the score falls when what a map calls relevant is hidden."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from layerscope.errors import Refused
from layerscope.trust.hiding import Hide

Score = Callable[[Tensor, Tensor], Tensor]
"""`(inputs (N, channel, ...), rows (N,))` to what the network says of each `(N,)`."""

FRACTIONS = (0.05, 0.1, 0.2, 0.4, 0.7)


@dataclass(frozen=True, eq=False)
class Curves:
    """Scores while places are hidden, from the most relevant (morf) and from the least (lerf).

    Attributes:
        fractions: of the places that are hidden, `(K,)`.
        whole: the score with nothing hidden, `(B,)`.
        morf, lerf: `(B, K)`.

    """

    fractions: np.ndarray
    whole: np.ndarray
    morf: np.ndarray
    lerf: np.ndarray

    @property
    def gap(self) -> np.ndarray:
        """The mean of lerf - morf over the fractions: larger is more faithful, 0 is chance, `(B,)`.

        Tomsett et al. 2020; between deletion's and insertion's curves of Petsiuk et al. 2018, as
        insertion of the share f is lerf at 1 - f.
        """
        return (self.lerf - self.morf).mean(1)

    @property
    def comprehensiveness(self) -> np.ndarray:
        """How far the score falls without the most relevant, mean over fractions, `(B,)`.

        DeYoung et al. 2020, arXiv:1911.03429.
        """
        return (self.whole[:, None] - self.morf).mean(1)

    @property
    def sufficiency(self) -> np.ndarray:
        """How far it falls with the most relevant alone (lower is better), `(B,)`."""
        return (self.whole[:, None] - self.lerf).mean(1)


def ranks(maps: np.ndarray, seed: int = 0) -> np.ndarray:
    """Rank places from the most relevant, 0, on; ties in an order drawn from the seed.

    >>> ranks(np.array([[0.1, 0.9, 0.5]])).tolist()
    [[2, 0, 1]]
    """
    flat = np.asarray(maps, float).reshape(len(maps), -1)
    tie = np.random.default_rng(seed).random(flat.shape[1])
    order = np.stack([np.lexsort((tie, -row)) for row in flat])
    places = np.empty_like(order)
    np.put_along_axis(places, order, np.arange(flat.shape[1])[None], 1)
    return places.reshape(maps.shape)


def curves(
    score: Score,
    images: Tensor,
    maps: np.ndarray,
    hide: Hide,
    *,
    fractions: Sequence[float] = FRACTIONS,
    together: int = 64,
) -> Curves:
    """Hide growing shares of each example's places, most and least relevant first.

    Deletion, insertion, ROAD (hide by imputation), sufficiency and comprehensiveness are all read
    from these scores.

    Args:
        score: what the network says.
        images: `(B, channel, ...)`.
        maps: relevance `(B, *map)`; larger is more relevant.
        hide: a way of hiding; see `hiding`.
        fractions: shares that are hidden, above 0, up to 1.
        together: so many hidden inputs are made and scored at once.

    """
    steps = np.asarray(fractions, float)
    if not len(steps) or (steps <= 0).any() or (steps > 1).any() or (np.diff(steps) <= 0).any():
        raise Refused(f"fractions = {fractions}: growing shares above 0, at most 1")
    rank = torch.from_numpy(ranks(maps))
    count = rank[0].numel()
    cut = torch.from_numpy(np.round(steps * count).astype(np.int64))
    total = 2 * len(steps)
    found = []
    for first in range(0, len(images) * total, together):
        job = torch.arange(first, min(first + together, len(images) * total))
        row, step = job // total, job % total
        shape = (-1, *[1] * (rank.dim() - 1))
        number = cut[step % len(steps)].view(shape)
        least = (step >= len(steps)).view(shape)
        hidden = torch.where(least, rank[row] >= count - number, rank[row] < number)
        found.append(score(hide(images[row], hidden, row), row))
    scores = torch.cat(found).view(len(images), 2, len(steps)).double().numpy()
    whole = score(images, torch.arange(len(images))).double().numpy()
    return Curves(steps, whole, scores[:, 0], scores[:, 1])


def pixel_flipping(
    score: Score,
    images: Tensor,
    maps: np.ndarray,
    *,
    step: int,
    fill: float = 0.0,
    together: int = 64,
) -> np.ndarray:
    """Flip features, the most relevant first, `step` more at a time: the score after each.

    Bach et al. 2015, doi:10.1371/journal.pone.0130140; the numbers of Quantus' PixelFlipping
    at the same fill (its "black" is the smallest value of an input, ours a number).

    Args:
        score: what the network says.
        images: `(B, channel, ...)`.
        maps: relevance of every feature, of the shape of the images.
        step: features flipped at a time.
        fill: what they become.
        together: so many flipped inputs are made and scored at once.

    Returns:
        `(B, ceil(features / step))`.

    """
    if tuple(maps.shape) != tuple(images.shape) or step < 1:
        raise Refused(f"maps {maps.shape} for inputs {tuple(images.shape)}, step {step}")
    rank = torch.from_numpy(ranks(maps))
    steps = -(-rank[0].numel() // step)
    found = []
    for first in range(0, len(images) * steps, together):
        job = torch.arange(first, min(first + together, len(images) * steps))
        row = job // steps
        flipped = (job % steps + 1).view(-1, *[1] * (images.dim() - 1)) * step
        inputs = images[row].masked_fill_(rank[row] < flipped, fill)
        found.append(score(inputs, row))
    return torch.cat(found).view(len(images), steps).double().numpy()
