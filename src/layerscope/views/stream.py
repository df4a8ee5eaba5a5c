"""A whole data set read once: a batch at a time, cut into traces that fit into the memory."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import length_hint
from typing import Any

import numpy as np
import torch
from torch import Tensor

from layerscope.errors import Refused
from layerscope.progress import bar
from layerscope.tape import record
from layerscope.views.legal import refuse_not_finite
from layerscope.views.trace import Trace

#: A class as labels name it: an index into the scope's classes, or a name of its own.
Label = int | str


@dataclass(frozen=True, eq=False)
class Part:
    """Some neighbouring examples of a data set, traced together.

    Attributes:
        trace: their trace; `trace.examples` are their ids.
        labels: one for each: an index into the scope's classes, or a name; None: not known.

    """

    trace: Trace
    labels: tuple[Label, ...] | None


def known_labels(labels: tuple[Label, ...] | None, method: str) -> tuple[Label, ...]:
    """Return the labels; refuse the method that needs them where there are none."""
    if labels is None:
        raise Refused(
            f"{method} needs the labels of the data: give batches of (images, labels) as data=, or "
            "the trace its own with scope.trace(images, true=labels)"
        )
    return labels


def read(
    trace: Trace, data: Iterable[Any] | None, visit: Callable[[Part], None], method: str
) -> int:
    """Show every example of a data set once, in its order, and return how many there are.

    Args:
        trace: whose network looks; its own batch is the data set where `data` is None.
        data: batches: each `images`, or `(images, labels or None, ids or None)`. Images are as
            `scope.trace` takes them, of the size of the trace's; labels are class indices or
            names; ids are the examples' numbers in the data set where none are given.
        visit: is called with one `Part` after the other, which is released afterwards. How the
            data are cut into parts depends on the batches and on `scope.memory`, of which a part
            takes a quarter at most.
        method: who reads, for messages.

    Raises:
        Refused: no batches, or one that is none of these.

    """
    if data is None:
        visit(Part(trace, None if trace.true is None else tuple(trace.true.tolist())))
        return len(trace.examples)
    if isinstance(data, Tensor | np.ndarray) or not isinstance(data, Iterable):
        raise Refused(
            f"{method}: data= is a {type(data).__name__}; give an iterable of batches, each images "
            "or (images, labels, ids): data=[images] for a single one"
        )
    together = max(1, trace.examples_at_once() // 2)
    seen = 0
    total = length_hint(data) or None
    with bar(f"{method}: reading the data", total, "batches") as step:
        for number, batch in enumerate(data):
            images, labels, ids = _unpacked(trace, batch, f"{method}: batch {number}", seen)
            for some in _slices(len(images), together):
                part = _part(trace, images[some], labels and labels[some], ids[some])
                visit(part)
                part.trace.tape.release()
            seen += len(images)
            step()
    if not seen:
        raise Refused(f"{method}: data= gave no examples; an iterator that was read is empty")
    return seen


def _slices(count: int, together: int) -> Iterator[slice]:
    return (slice(start, start + together) for start in range(0, count, together))


def _part(
    trace: Trace, images: Tensor, labels: tuple[Label, ...] | None, ids: Sequence[str]
) -> Part:
    """Trace some examples; the trace knows their true classes where they are the network's."""
    logits = trace.output.tensor
    known = labels is not None and logits.dim() == 2
    known = known and all(isinstance(x, int) and x < logits.shape[1] for x in labels or ())
    true = labels if known else None
    tape = record(trace.scope.model, images)
    return Part(Trace(trace.scope, tape, tuple(ids), true), labels)


def _unpacked(
    trace: Trace, batch: Any, where: str, seen: int
) -> tuple[Tensor, tuple[Label, ...] | None, list[str]]:
    """Take a batch apart: images, labels, ids."""
    parts = list(batch) if isinstance(batch, tuple | list) else [batch]
    if not 1 <= len(parts) <= 3 or not hasattr(parts[0], "shape"):
        raise Refused(
            f"{where} is a {type(batch).__name__} of {len(parts)}; give images, or "
            "(images, labels or None, ids or None)"
        )
    images, labels, ids = (*parts, None, None)[:3]
    size, wanted = tuple(images.shape[1:]), tuple(trace.tape.input.tensor.shape[1:])
    if size != wanted:
        raise Refused(
            f"{where} holds examples of the shape {size}, the trace of {wanted}; the examples of a "
            "data set have one shape"
        )
    like = trace.tape.input.tensor
    images, count = torch.as_tensor(images), len(images)
    if not images.is_floating_point():
        raise Refused(
            f"{where} is {images.dtype}; give floats in the model's units: divide and normalise "
            "first"
        )
    ids = [str(seen + n) for n in range(count)] if ids is None else [str(x) for x in ids]
    known = None if labels is None else _labels(trace, labels, where)
    for name, given in (("labels", known), ("ids", ids)):
        if given is not None and len(given) != count:
            raise Refused(f"{where} has {len(given)} {name} for {count} examples")
    images = images.to(like.device, like.dtype)
    refuse_not_finite(images, where)
    return images, known, ids


def _labels(trace: Trace, labels: Any, where: str) -> tuple[Label, ...]:
    """Turn labels into indices of the scope's classes where they are these, else keep names."""
    given = labels.tolist() if isinstance(labels, Tensor | np.ndarray) else list(labels)
    given = [x.item() if hasattr(x, "item") else x for x in given]
    index = {name: number for number, name in enumerate(trace.scope.classes or ())}
    for label in given:
        known = isinstance(label, int | str) and not isinstance(label, bool)
        if not known or label == "" or (isinstance(label, int) and label < 0):
            raise Refused(
                f"{where} has the label {label!r}; give class indices from 0, or class names"
            )
    return tuple(index.get(x, x) if isinstance(x, str) else x for x in given)


def responses(
    trace: Trace, layers: Iterable[str], pool: str, *, raw: bool = False, rectified: bool = False
) -> dict[str, Tensor]:
    """Return one number for each example and unit of each layer, `(B, units)`.

    Args:
        trace: of the examples.
        layers: full names.
        pool: "mean" or "max" over the layer's spatial axes, where it has any.
        raw: at a convolution, before its norm and rectifier.
        rectified: count what a unit answers below 0 as 0.

    """
    if pool not in ("mean", "max"):
        raise Refused(f'pool={pool!r}: "mean" or "max" over a map')
    found = {}
    for layer in layers:
        maps = trace.value(layer, raw=raw).tensor
        maps = maps.clamp(min=0) if rectified else maps
        space = tuple(range(2, maps.dim()))
        if space:
            maps = maps.mean(space) if pool == "mean" else maps.amax(space)
        found[layer] = maps
    return found
