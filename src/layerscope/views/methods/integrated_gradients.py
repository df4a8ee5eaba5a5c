"""Integrated gradients: the gradient averaged along the straight path from a baseline.

>>> import torch, layerscope as ls
>>> trace = ls.Scope(ls.nets.study_mnist()).trace(torch.rand(1, 1, 28, 28))
>>> trace.view("integrated_gradients")["input"].quality["relative_gap"] <= 0.01
array([ True])
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from layerscope.errors import Refused
from layerscope.progress import bar
from layerscope.views.again import gradients_of, scores_of
from layerscope.views.aims import Aim
from layerscope.views.interrupted import each_example
from layerscope.views.legal import baseline_like
from layerscope.views.registry import method
from layerscope.views.trace import Trace
from layerscope.views.view import View

FIRST = 7
"""Places on the path that every example starts with."""

MORE = 1
"""Places that are added at a time while the gap is too large."""


@method(
    "integrated_gradients",
    paper="Sundararajan et al. 2017, arXiv:1703.01365",
    needs=("target",),
    axes=("batch", "channel", "space"),
    signed=True,
    axioms=("completeness", "sensitivity", "implementation invariance"),
)
def integrated_gradients(
    trace: Trace,
    *,
    target: Any = "predicted",
    baseline: Any = None,
    tolerance: float = 0.01,
    steps: int = 64,
) -> dict[str, View]:
    """Return (x - baseline) times the mean gradient on the way, `"batch channel y x"`.

    The sum should be score(x) - score(baseline); no value is rescaled to make it so. The integral
    is the trapezoid rule on places that lie closer towards the baseline, and are added where
    score and slope disagree most, to the gap's side, until the gap is small enough; pixels are
    then still some 17 % from the limit (`tolerance=0, steps=64`: 4 %). `quality` tells of each
    example "gap" (sum - difference), "relative_gap" (its share of that) and "steps".

    Args:
        trace: the recorded batch.
        target: what is explained; see `Trace.aim`.
        baseline: a number, one per channel or an input; None: the scope's, else 0, which is the
            mean colour of normalised photographs.
        tolerance: the gap that is small enough, as a share of the difference.
        steps: the largest number of gradients an example may take.

    """
    if not steps >= 1 or not tolerance >= 0:
        raise Refused(
            f"steps={steps!r}, tolerance={tolerance!r}: give at least 1 step and a tolerance of at "
            "least 0"
        )
    aim, source = trace.aim(target), trace.tape.input
    images = source.tensor
    starts = baseline_like(images, trace.scope.baseline if baseline is None else baseline)
    values, facts = torch.empty_like(images), list[tuple[float, float, int]]()

    def made() -> dict[str, View]:
        return {"input": _view(trace, aim, values, facts)}

    with bar("integrated gradients", total=len(images), unit="examples") as step:

        def one(row: int) -> None:
            path = _Path(trace, aim, row, starts[row])
            values[row], gap, difference, taken = path.integral(tolerance, steps)
            facts.append((gap, difference, taken))
            step()

        return each_example(trace, one, made)


def _view(
    trace: Trace, aim: Aim, values: Tensor, facts: Sequence[tuple[float, float, int]]
) -> View:
    """Make the view from the values and each example's gap, difference and number of steps."""
    gap, difference, taken = (torch.tensor(column).numpy() for column in zip(*facts, strict=True))
    quality = {
        "gap": gap,
        "relative_gap": abs(gap) / abs(difference).clip(min=1e-30),
        "steps": taken,
    }
    axes = ("batch", "channel", *trace.spatial(values))
    args = ("integrated_gradients", "input", trace.tape.input, values, axes, aim)
    return trace.make_view(*args, signed=True, quality=quality)


class _Path:
    """The straight path from a baseline to one example, and the gradients taken on it."""

    def __init__(self, trace: Trace, aim: Aim, row: int, start: Tensor) -> None:
        self.trace, self.aim, self.row, self.start = trace, aim, row, start
        self.way = trace.tape.input.tensor[row] - start  # (C, ...)
        self.kept: dict[float, Tensor] = {}  # the gradients, as far as a quarter of the memory goes
        self.room = trace.scope.memory // (4 * self.way.numel() * self.way.element_size())

    def integral(self, tolerance: float, steps: int) -> tuple[Tensor, float, float, int]:
        """Return the integral along the path, its gap, the difference, and the steps taken."""
        ends = self._scores_at(torch.tensor([0.0, 1.0], dtype=torch.float64))
        difference = float(ends[1] - ends[0])
        first = min(FIRST, steps)
        places = ((torch.arange(first, dtype=torch.float64) + 0.5) / first) ** 2
        scores, slopes = self._look(places)
        while len(places) < steps:
            missed = _missed(places, scores, slopes, ends)
            if abs(float(missed.sum())) <= tolerance * abs(difference):
                break
            new = _halves(places, missed, min(MORE, steps - len(places)))
            new_scores, new_slopes = self._look(new)
            places, order = torch.cat([places, new]).sort()
            scores = torch.cat([scores, new_scores])[order]
            slopes = torch.cat([slopes, new_slopes])[order]
        value = self.way * self._mean(places)
        return value, float(value.double().sum()) - difference, difference, len(places)

    def _inputs(self, places: Tensor) -> Tensor:
        share = places.to(self.way).view(-1, *[1] * self.way.dim())
        return self.start + share * self.way

    def _scores_at(self, places: Tensor) -> Tensor:
        scores = scores_of(self.trace, self.aim, self.row, self._inputs(places))
        return scores.to(places)

    def _gradients_at(self, places: Tensor) -> Iterator[tuple[slice, Tensor, Tensor]]:
        def inputs(some: slice) -> Tensor:
            return self._inputs(places[some])

        return gradients_of(self.trace, self.aim, self.row, len(places), inputs)

    def _look(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """Return the score and the slope at each place, `(n,)`, and keep the gradients there."""
        scores, slopes = torch.empty_like(places), torch.empty_like(places)
        for some, score, gradient in self._gradients_at(places):
            scores[some] = score.to(places)
            slopes[some] = (gradient * self.way).double().flatten(1).sum(1).to(places)
            for place, one in zip(places[some].tolist(), gradient, strict=True):
                if len(self.kept) < self.room:
                    self.kept[place] = one
        return scores, slopes

    def _mean(self, places: Tensor) -> Tensor:
        """Return the trapezoid rule's mean gradient; beyond the outermost places theirs hold."""
        borders = torch.cat([places.new_zeros(1), (places[1:] + places[:-1]) / 2])
        weights = torch.cat([borders, places.new_ones(1)]).diff()  # (n,), sum 1
        weight = dict(zip(places.tolist(), weights.tolist(), strict=True))
        mean = torch.zeros_like(self.way)
        for place, gradient in self.kept.items():
            mean.add_(gradient, alpha=weight[place])
        again = [place for place in weight if place not in self.kept]  # what did not fit
        for some, _, gradients in self._gradients_at(places.new_tensor(again)):
            for place, gradient in zip(again[some], gradients, strict=True):
                mean.add_(gradient, alpha=weight[place])
        return mean


def _missed(places: Tensor, scores: Tensor, slopes: Tensor, ends: Tensor) -> Tensor:
    """Return what the trapezoid rule has too little of between two places, `(n + 1,)`."""
    at = torch.cat([places.new_zeros(1), places, places.new_ones(1)])
    known = torch.cat([ends[:1], scores, ends[1:]])
    slope = torch.cat([slopes[:1], slopes, slopes[-1:]])
    return known.diff() - at.diff() * (slope[1:] + slope[:-1]) / 2


def _halves(places: Tensor, missed: Tensor, count: int) -> Tensor:
    """Return places in the middle of the intervals that have most part in the gap.

    What is missed in some intervals and found too much in others cancels in the sum: only the
    intervals that miss to the gap's side are worth a look.
    """
    at = torch.cat([places.new_zeros(1), places, places.new_ones(1)]).sqrt()
    worst = (missed * missed.sum().sign()).argsort(descending=True, stable=True)[:count]
    return ((at[worst] + at[worst + 1]) / 2) ** 2
