"""RISE: the mean of random masks, each weighted by what the network says behind it.

>>> import torch, layerscope as ls
>>> trace = ls.Scope(ls.nets.study_mnist()).trace(torch.rand(1, 1, 28, 28))
>>> trace.view("rise", samples=8)["input"].values.shape
(1, 28, 28)
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from layerscope.errors import Refused
from layerscope.progress import bar
from layerscope.views.aims import Aim
from layerscope.views.covered import Covered, covered
from layerscope.views.draws import uniform
from layerscope.views.interrupted import each_example
from layerscope.views.legal import baseline_like
from layerscope.views.local import Box
from layerscope.views.registry import method
from layerscope.views.trace import Trace
from layerscope.views.view import View

#: Bytes of inputs that are computed together; more is no faster.
_CACHED = 64 * 2**20


@method(
    "rise",
    paper="Petsiuk, Das and Saenko 2018, arXiv:1806.07421",
    needs=("target",),
    axes=("batch", "space"),
    signed=True,
    axioms=("implementation invariance",),
    tolerance=0.02,
)
def rise(
    trace: Trace,
    *,
    target: Any = "predicted",
    samples: int = 1000,
    cells: int | Sequence[int] = 7,
    keep: float = 0.5,
    seed: int = 0,
    exact: bool = False,
) -> dict[str, View]:
    """Return the expected score behind a random mask, given that a position is seen.

    Values `"batch y x"` in the input's size: the mean of the masks, each weighted by the class's
    probability on the masked input, over `keep`. A mask is a coarse grid of cells that are kept or
    not, enlarged linearly and shifted; what is not kept fades to the scope's baseline (0 where it
    has none). For a target that is no class the aim's score stands for the probability.

    Args:
        trace: the recorded batch.
        target: a class, a difference, a unit, a channel or a region; see `Trace.aim`.
        samples: masks of each example.
        cells: of the coarse grid, one number or one per axis.
        keep: the probability that a cell is kept.
        seed: the masks are drawn from it and the example's identifier.
        exact: computes in the model's precision in the place of bfloat16.

    """
    aim = trace.aim(target)
    images = trace.tape.input.tensor
    space = tuple(images.shape[2:])
    _check(images, samples, keep)
    grid = _grid(cells, space)
    way = covered(trace, aim, Box(np.zeros((1, len(space)), dtype=np.int64), space), exact=exact)
    sums = torch.zeros((len(images), *space), dtype=torch.float32, device=images.device)
    axes = ("batch", *trace.spatial(images))

    def made() -> dict[str, View]:
        args = ("rise", "input", trace.tape.input, sums / (samples * keep), axes, aim)
        return {"input": trace.make_view(*args, signed=aim.classes is None)}

    with bar("rise", total=len(images) * samples, unit="masks") as done:

        def one(row: int) -> None:
            drawn = uniform((samples, _numbers(grid, space)), seed, trace.examples[row])
            for some in drawn.split(max(1, min(trace.scope.memory, _CACHED) // way.bytes_of_one)):
                masks = _masks(some, grid, space, keep).to(images.device)
                sums[row] += torch.tensordot(_scores(trace, aim, way, row, masks), masks, 1)
                done(len(some))

        return each_example(trace, one, made)


def _check(images: Tensor, samples: Any, keep: Any) -> None:
    if images.dim() < 3:
        raise Refused(f"rise masks space; inputs of {tuple(images.shape)} have none")
    if not isinstance(samples, int) or samples < 1:
        raise Refused(f"samples={samples!r}: give a whole number above 0")
    if not isinstance(keep, int | float) or not 0 < keep <= 1:
        raise Refused(f"keep={keep!r}: give a probability above 0 and at most 1")


def _grid(cells: Any, space: Sequence[int]) -> list[int]:
    numbers = [cells] * len(space) if isinstance(cells, int | np.integer) else list(cells)
    if len(numbers) != len(space) or not all(
        isinstance(n, int | np.integer) and n >= 1 for n in numbers
    ):
        raise Refused(
            f"cells={cells!r}: give a whole number above 0, or one for each of the input's "
            f"{len(space)} spatial axes"
        )
    return [min(int(n), size) for n, size in zip(numbers, space, strict=True)]


def _numbers(grid: Sequence[int], space: Sequence[int]) -> int:
    """Count the random numbers of a mask: its cells, then its shift along each axis above 1."""
    return math.prod(grid) + sum(size > 1 for size in space)


def _masks(drawn: Tensor, grid: Sequence[int], space: Sequence[int], keep: float) -> Tensor:
    """Make masks `(N, *space)` from uniform numbers, `_numbers` of each."""
    cells, shifts = drawn.split([math.prod(grid), drawn.shape[1] - math.prod(grid)], dim=1)
    kept = (cells < keep).float().view(-1, 1, *grid)
    cell = [math.ceil(size / n) for size, n in zip(space, grid, strict=True)]
    enlarged = [(n + 1) * c for n, c in zip(grid, cell, strict=True)]
    mode = ("linear", "bilinear", "trilinear")[len(space) - 1]
    wide = F.interpolate(kept, size=enlarged, mode=mode, align_corners=False)[:, 0]
    masks = torch.empty((len(drawn), *space))
    for mask, source, shift in zip(masks, wide, shifts.tolist(), strict=True):
        along = iter(shift)
        first = [int(next(along) * c) if n > 1 else 0 for c, n in zip(cell, space, strict=True)]
        mask.copy_(source[tuple(slice(s, s + n) for s, n in zip(first, space, strict=True))])
    return masks


def _scores(trace: Trace, aim: Aim, way: Covered, row: int, masks: Tensor) -> Tensor:
    """Return what the network says of one example behind each mask, `(N,)` in float32."""
    image = trace.tape.input.tensor[row : row + 1]
    base = baseline_like(image, trace.scope.baseline)
    seen = base + masks[:, None].to(image.dtype) * (image - base)
    rows = np.full(len(masks), row)
    answers = way.answers(seen, rows, np.zeros_like(rows)).float()
    if aim.classes is not None:
        return answers.softmax(1)[:, aim.classes[row]]
    return (aim.seed[row].float() * answers).flatten(1).sum(1)
