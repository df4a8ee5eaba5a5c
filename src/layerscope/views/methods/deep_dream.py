"""DeepDream: a photograph in which a layer sees more and more of what it looks for.

>>> import torch, layerscope as ls
>>> trace = ls.Scope(ls.nets.study_mnist()).trace(torch.rand(1, 1, 28, 28))
>>> trace.view("deep_dream", "conv2", steps=1)["conv2"].values.shape
(1, 1, 28, 28)
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from layerscope.errors import Refused
from layerscope.progress import bar
from layerscope.tape import Value
from layerscope.views.draws import generator
from layerscope.views.interrupted import Interrupted
from layerscope.views.registry import method
from layerscope.views.synthesis.ascent import along_gradient, climb
from layerscope.views.synthesis.canvas import answers
from layerscope.views.synthesis.limits import limits_of
from layerscope.views.synthesis.objectives import Objective, strength, strength_of_channel
from layerscope.views.synthesis.octaves import octave_sizes, through_octaves
from layerscope.views.trace import Trace
from layerscope.views.units import choose_units
from layerscope.views.view import View

SHIFT = 1 / 8
"""The largest roll of a picture along each axis, as a share of it."""

MOST_OCTAVES, MOST_RATIO = 64, 1024
"""Beyond these no picture has another octave."""


@method(
    "deep_dream",
    paper="Mordvintsev et al. 2015, Inceptionism",
    needs=("layer",),
    axes=("batch", "channel", "space"),
    signed=True,
    axioms=("none claimed",),
)
def deep_dream(
    trace: Trace,
    layers: str | Sequence[str] = "conv",
    *,
    unit: Any = None,
    octaves: int = 4,
    ratio: float = 1.4,
    steps: int = 10,
    rate: float = 0.01,
    seed: int = 0,
) -> dict[str, View]:
    """Change each input so that the mean square of a layer's answer grows: `"batch channel y x"`.

    From the smallest octave to the input's size, each starting from what the last one added,
    rolled at random at every step. Each example is worked on alone, in float32, so that its
    picture does not depend on its batch. Ctrl-C raises `Interrupted` with the finished layers.

    Args:
        trace: the recorded batch, whose inputs are changed.
        layers: which layers.
        unit: only the square of this channel, one for all or one per example; None: of all.
        octaves: how many sizes; those that the network below the layer cannot take are left out.
        ratio: of one to the next.
        steps: at each size.
        rate: root mean square of a step, as a share of the span of legal inputs.
        seed: of the rolls, which are an example's own.

    """
    _check(octaves, steps, ratio, rate)
    source = trace.tape.input.tensor
    names, views = trace.layer_names(layers), dict[str, View]()
    with bar("dreaming", len(names) * len(source), "pictures") as step:
        for layer in names:
            value = trace.value(layer)
            sizes = _sizes(trace, value, octaves, ratio)
            done = []
            for row, objective in enumerate(_objectives(value, layer, unit)):
                draw = generator(seed, trace.examples[row], layer)
                image = source[row : row + 1].float()
                try:
                    done.append(_dream(trace, value, objective, image, sizes, steps, rate, draw))
                except KeyboardInterrupt:
                    raise Interrupted(views) from None
                step()
            views[layer] = _view(trace, layer, done, unit)
    return views


def _check(octaves: int, steps: int, ratio: float, rate: float) -> None:
    for name, number in (("octaves", octaves), ("steps", steps), ("ratio", ratio)):
        if not isinstance(number, int | float) or number < 1:
            raise Refused(f"{name}={number!r}: a number of at least 1")
    for name, number, most in (("octaves", octaves, MOST_OCTAVES), ("ratio", ratio, MOST_RATIO)):
        if number > most:
            raise Refused(f"{name}={number!r}: at most {most}; the smallest octave is one sample")
    if not rate > 0:
        raise Refused(f"rate={rate!r}: a share above 0; below it the layer would see less")


def _dream(
    trace: Trace,
    value: Value,
    objective: Objective,
    image: Tensor,
    sizes: Sequence[Sequence[int]],
    steps: int,
    rate: float,
    draw: torch.Generator,
) -> tuple[Tensor, float, float]:
    """Dream on one input `(1, channel, ...)`; return it and its strength before and after."""
    limits = limits_of(trace.scope, image)
    space = tuple(range(2, image.dim()))

    def score(pictures: Tensor) -> Tensor:
        return objective(answers(trace, value, pictures))

    def rolled(pictures: Tensor) -> Tensor:
        most = [int(n * SHIFT) for n in pictures.shape[2:]]
        shift = [int(torch.randint(-n, n + 1, (), generator=draw)) if n else 0 for n in most]
        return score(pictures.roll(shift, space))

    def improve(pictures: Tensor) -> Tensor:
        way = along_gradient()
        return climb(rolled, pictures, way, steps=steps, rate=rate * limits.span, keep=limits.clip)

    picture = limits.clip(through_octaves(image, sizes, improve))
    with torch.no_grad():
        before, after = score(image).item(), score(picture).item()
    return picture, before, after


def _objectives(value: Value, layer: str, unit: Any) -> list[Objective]:
    """Return what is made stronger for each example."""
    if unit is None:
        return [strength] * len(value.tensor)
    return [
        strength_of_channel(k) for k in choose_units(value.tensor, layer, unit, None)[0].tolist()
    ]


def _sizes(trace: Trace, value: Value, octaves: int, ratio: float) -> list[tuple[int, ...]]:
    """List the sizes of the octaves that the network below a value takes."""
    like = trace.tape.input.tensor
    whole = tuple(like.shape[2:])
    sizes = []
    for size in octave_sizes(whole, octaves, ratio):
        try:
            with torch.no_grad():
                answers(trace, value, like.new_zeros((1, like.shape[1], *size)))
        except Refused:
            if size == whole:
                raise
        else:
            sizes.append(size)
    return sizes


def _view(trace: Trace, layer: str, done: Sequence[tuple[Tensor, float, float]], unit: Any) -> View:
    source = trace.tape.input
    pictures, before, after = zip(*done, strict=True)
    return trace.make_view(
        *("deep_dream", layer, source, torch.cat(pictures)),
        ("batch", "channel", *trace.spatial(source.tensor)),
        unit=unit if unit is None or isinstance(unit, int) else np.asarray(unit),
        signed=True,
        quality={"start": np.array(before), "activation": np.array(after)},
    )
