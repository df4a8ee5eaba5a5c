"""Occlusion: how far the score falls when a window of the input is covered.

>>> import torch, layerscope as ls
>>> trace = ls.Scope(ls.nets.study_mnist()).trace(torch.rand(1, 1, 28, 28))
>>> trace.view("occlusion", window=8, stride=4)["input"].values.shape
(1, 6, 6)
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from layerscope.errors import Refused
from layerscope.progress import bar
from layerscope.views.aims import Aim
from layerscope.views.covered import covered
from layerscope.views.interrupted import each_example
from layerscope.views.legal import baseline_like
from layerscope.views.local import Box, Needed
from layerscope.views.regions import cut
from layerscope.views.registry import method
from layerscope.views.trace import Trace
from layerscope.views.view import View

#: Bytes of windows followed together: what lies in cache from one layer to the next is faster.
_CACHED = 48 * 2**20


@method(
    "occlusion",
    paper="Zeiler and Fergus 2014, arXiv:1311.2901",
    needs=("target",),
    axes=("batch", "space"),
    signed=True,
    axioms=("implementation invariance", "linear in the target"),
)
def occlusion(
    trace: Trace,
    *,
    target: Any = "predicted",
    window: int | Sequence[int] | None = None,
    stride: int | Sequence[int] | None = None,
    fill: Any = None,
) -> dict[str, View]:
    """Return by how much the score falls when each window of the input is covered.

    One value for each window, `"batch y x"`: windows begin at 0, stride, 2 stride, ... until one
    reaches the end, where it is cut off. The score is the logit (or what `target` names) itself,
    not its probability. Only what a window can change is computed again, layer by layer; the
    result is that of covering each window and running the whole network.

    Args:
        trace: the recorded batch.
        target: a class, a difference, a unit, a channel or a region; see `Trace.aim`.
        window: its size, one number or one per axis; an eighth of the input where none is given.
        stride: the step between windows; half a window where none is given.
        fill: what covers: None for the scope's baseline (0 where it has none), "mean" for each
            example's channel means, a number, one per channel, or an input.

    """
    aim = trace.aim(target)
    images = trace.tape.input.tensor
    size, step, each = _laid(window, stride, images.shape)
    counts = [len(starts) for starts in each]
    starts = np.stack([x.ravel() for x in np.meshgrid(*each, indexing="ij")], axis=1)  # (P, axes)
    covering = _covering(images, fill, trace.scope.baseline)
    drop = images.new_empty((len(images), len(starts)))
    blocks, axes = _blocks(counts), ("batch", *trace.spatial(images))
    grid = tuple(((n - 1) / 2, float(s)) for n, s in zip(size, step, strict=True))

    def made() -> dict[str, View]:
        place, values = trace.tape.input, drop.view(len(images), *counts)
        view = trace.make_view("occlusion", "input", place, values, axes, aim, signed=True)
        return {"input": replace(view, grid=grid)}

    with bar("occlusion", total=drop.numel(), unit="windows") as done:

        def one(row: int) -> None:
            for some, falls in _drops(trace, aim, row, covering, starts, size, blocks):
                drop[row, torch.from_numpy(some).to(images.device)] = falls
                done(len(some))

        return each_example(trace, one, made)


def _laid(
    window: Any, stride: Any, shape: Sequence[int]
) -> tuple[list[int], list[int], list[np.ndarray]]:
    """Return along each axis the windows' size, the step between them, and where they begin."""
    space = shape[2:]
    if not space:
        raise Refused(f"occlusion covers windows; inputs of {tuple(shape)} have no space")
    size = _per_axis("window", window, [max(1, n // 8) for n in space], space)
    step = _per_axis("stride", stride, [max(1, n // 2) for n in size], space)
    return size, step, _starts(space, size, step)


def _per_axis(name: str, given: Any, default: list[int], space: Sequence[int]) -> list[int]:
    if given is None:
        return default
    numbers = [given] * len(space) if isinstance(given, int | np.integer) else list(given)
    whole = all(isinstance(n, int | np.integer) and n >= 1 for n in numbers)
    if len(numbers) != len(space) or not whole:
        raise Refused(
            f"{name}={given!r}: give a whole number above 0, or one for each of the input's "
            f"{len(space)} spatial axes"
        )
    return [min(int(n), size) for n, size in zip(numbers, space, strict=True)]


def _starts(space: Sequence[int], size: Sequence[int], step: Sequence[int]) -> list[np.ndarray]:
    """Return where the windows begin along each axis; the last reaches the end."""
    return [
        np.arange(-(-(whole - window) // stride) + 1) * stride
        for whole, window, stride in zip(space, size, step, strict=True)
    ]


def _blocks(counts: Sequence[int], parts: int = 2) -> list[np.ndarray]:
    """Divide the windows into blocks of neighbours, by number.

    The boxes of a block are of one size at every layer. Near the border of a map they are smaller,
    and blocks let them be so.
    """
    blocks = [np.arange(np.prod(counts)).reshape(counts)]
    for axis in range(len(counts)):
        blocks = [part for block in blocks for part in np.array_split(block, parts, axis)]
    return [block.ravel() for block in blocks if block.size]


def _covering(images: Tensor, fill: Any, baseline: Any) -> Tensor:
    """Return what is seen where a window covers the input."""
    if isinstance(fill, str):
        if fill != "mean":
            raise Refused(f'fill={fill!r}: give "mean", a number, one per channel, or an input')
        return images.mean(tuple(range(2, images.dim())), keepdim=True).expand_as(images)
    if fill is None:
        return baseline_like(images, baseline)
    return baseline_like(images, fill, name="fill")


def _drops(
    trace: Trace,
    aim: Aim,
    row: int,
    covering: Tensor,
    starts: np.ndarray,
    size: Sequence[int],
    blocks: Sequence[np.ndarray],
) -> Iterator[tuple[np.ndarray, Tensor]]:
    """Yield some windows of one example and how far its score falls when each is covered.

    The example is traced alone, and each time its score is computed beside those of the covered
    ones, from a box left as it is: in their difference no rounding of the batch is left.
    """
    alone = torch.tensor([row])
    other = trace.again(trace.tape.input.tensor[alone], alone)
    there, image = aim.on(other, alone), other.tape.input.tensor
    inside = np.minimum(starts, np.array(image.shape[2:]) - np.array(size))
    for block in blocks:
        box = Box(inside[block], tuple(size))
        way = covered(other, there, box)
        together = max(1, min(trace.scope.memory, _CACHED) // way.bytes_of_one - 1)
        for first in range(0, len(block), together):
            some = np.arange(first, min(first + together, len(block)))
            which = np.concatenate([some[:1], some])
            rows = np.zeros_like(which)
            content = torch.cat(
                [
                    cut(image, rows[:1], Needed(box.start[some[:1]], box.size)),
                    _covered(image, covering[alone], rows[1:], box.at(some), starts[block[some]]),
                ]
            )
            scores = there.score(way.answers(content, rows, which))
            yield block[some], scores[0] - scores[1:]
    other.tape.release()


def _covered(
    images: Tensor, covering: Tensor, rows: np.ndarray, box: Box, starts: np.ndarray
) -> Tensor:
    """Return the boxes of the input with what covers them, `(N, channel, *size)`.

    A box that was moved inside the input is covered from where its window begins.
    """
    part = Needed(box.start, box.size)
    content = cut(covering, rows, part)
    skipped = starts - box.start  # (N, axes)
    if not skipped.any():
        return content
    axes = len(box.size)
    seen = np.zeros((len(rows), 1, *[1] * axes), dtype=bool)
    for axis, length in enumerate(box.size):
        shape = [1] * axes
        shape[axis] = length
        before = np.arange(length) < skipped[:, axis, None]
        seen = seen | before.reshape(-1, 1, *shape)
    return torch.where(torch.from_numpy(seen).to(images.device), cut(images, rows, part), content)
