"""Class activation maps: what the methods of the family share."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from layerscope.errors import Refused
from layerscope.progress import bar
from layerscope.tape import Value, resume
from layerscope.views.aims import Aim
from layerscope.views.resize import refuse_if_moved, resize
from layerscope.views.trace import Trace
from layerscope.views.view import View

#: From maps and what weighs them, both `(B, C, P)` over P positions, to the map `(B, P)`.
Reading = Callable[[Tensor, Tensor], Tensor]
#: Elements of a map that are read together: they and what is made of them fit a cache.
TOGETHER = 2**20


def gradient_cams(
    trace: Trace,
    method: str,
    layers: str | Sequence[str],
    target: Any,
    raw: bool,
    reading: Reading,
    *,
    rectify: bool = True,
) -> dict[str, View]:
    """Read a map off the answers of each layer and the score's gradient there.

    All layers, and all methods asked for the same aim, come from one backward pass.
    """
    aim = trace.aim(target)
    places = trace.maps(layers, raw=raw)
    gradients = trace.gradients(aim, list(places.values()))
    views = {}
    for (layer, value), gradient in zip(places.items(), gradients, strict=True):
        cam = read(reading, value.tensor, gradient)
        views[layer] = cam_view(trace, method, layer, value, cam, aim, rectify=rectify)
    return views


def read(reading: Reading, maps: Tensor, gradient: Tensor) -> Tensor:
    """Apply a reading to `(B, C, *space)`, a few examples at a time, and return `(B, *space)`."""
    together = max(1, TOGETHER // max(1, maps[0].numel()))
    pairs = zip(maps.flatten(2).split(together), gradient.flatten(2).split(together), strict=True)
    cams = torch.cat([reading(some, their_gradient) for some, their_gradient in pairs])
    return cams.unflatten(1, maps.shape[2:])


def weighted_sum(weights: Tensor, maps: Tensor) -> Tensor:
    """Sum maps `(B, C, P)`, each times its weight `(B, C)`: `(B, P)`."""
    return torch.bmm(weights[:, None], maps)[:, 0]


def product_sum(one: Tensor, other: Tensor) -> Tensor:
    """Sum the products of two `(B, C, P)` over the channels: `(B, P)`."""
    return torch.einsum("bcp,bcp->bp", one, other)


def cam_view(
    trace: Trace,
    method: str,
    layer: str,
    value: Value,
    cam: Tensor,
    aim: Aim | None,
    *,
    rectify: bool = True,
) -> View:
    """Return the map `(B, *space)` of a layer as a view, rectified unless it is to be signed."""
    axes = ("batch", *trace.spatial(value.tensor))
    cam = cam.clamp(min=0) if rectify else cam
    return trace.make_view(method, layer, value, cam, axes, aim, signed=not rectify)


def lay_over_input(trace: Trace, layer: str, value: Value, maps: Tensor) -> Tensor:
    """Resize maps `(N, *space)` of a layer to the input's size, as `View.over_input` does."""
    size = trace.tape.input.tensor.shape[2:]
    if maps.dim() - 1 != len(size):
        raise Refused(
            f"layer {layer!r} has maps of {tuple(maps.shape[1:])}, which cannot be laid over an "
            f"input of {tuple(size)}: they have not the input's axes"
        )
    refuse_if_moved(f"the map of layer {layer!r}", trace.moved(value))
    return resize(maps, trace.grid(value), size)


def scores(
    trace: Trace,
    aim: Aim,
    at: Value,
    instead: Callable[[Tensor, int, Tensor], Tensor],
    wanted: Tensor,
    description: str,
) -> Tensor:
    """Score variants of each example, as many at a time as the scope's memory allows: `(B, K)`.

    An example is traced alone and its variants are computed beside no other's, so that its scores
    do not depend on the batch, not by a rounding.

    Args:
        trace: the recorded batch.
        aim: what is scored.
        at: the value that is another in each variant; only what lies above it is computed.
        instead: `(recorded, row, which)` to `(n, *shape)`: what stands in the place of the value
            recorded of an example, `(*shape)`, in some of its variants `(n,)`.
        wanted: `(B, K)`, which variants there are; the others are given the score 0.
        description: what the progress is called.

    """
    found = aim.seed.new_zeros(wanted.shape)
    images = trace.tape.input.tensor
    with bar(description, total=int(wanted.sum()), unit="maps") as step:
        for row in wanted.any(1).nonzero()[:, 0].tolist():
            alone = torch.tensor([row])
            other = trace.again(images[alone], alone)
            there, here = aim.on(other, alone), other.value_like(at)
            for which in wanted[row].nonzero()[:, 0].split(other.examples_at_once()):
                tensors = instead(here.tensor[0], row, which)
                if tensors.dim() == 4:
                    tensors = tensors.contiguous(memory_format=torch.channels_last)
                rows = torch.zeros_like(which)
                (answers,) = resume(other.tape, {here: tensors}, [there.at], rows)
                found[row, which] = there.score(answers)
                step(len(which))
            other.tape.release()
    return found


def refuse_after(aim: Aim, places: dict[str, Value]) -> None:
    """Refuse layers that come after what is explained."""
    for layer, value in places.items():
        if value.index > aim.at.index:
            raise Refused(
                f"layer {layer!r} comes after what is explained ({aim.about[0]}); name layers "
                "that lead to it"
            )
