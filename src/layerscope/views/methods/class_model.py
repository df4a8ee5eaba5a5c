"""Class model: the input of the largest logit, less the square of its size.

>>> import torch, layerscope as ls
>>> trace = ls.Scope(ls.nets.study_mnist()).trace(torch.rand(1, 1, 28, 28))
>>> trace.view("class_model", classes=[3], steps=2)["input"].axes
('unit', 'channel', 'y', 'x')
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from layerscope.errors import Refused
from layerscope.progress import bar
from layerscope.views.draws import generator
from layerscope.views.interrupted import Interrupted
from layerscope.views.registry import method
from layerscope.views.synthesis.ascent import (
    Step,
    along_gradient,
    climb,
    gradient,
    root_mean_square,
)
from layerscope.views.synthesis.canvas import answers, pictures_at_once, whole_canvas
from layerscope.views.synthesis.limits import limits_of
from layerscope.views.synthesis.objectives import mean_of_channel
from layerscope.views.synthesis.parametrisation import Parametrisation, parametrise
from layerscope.views.synthesis.units import chosen_classes
from layerscope.views.trace import Trace
from layerscope.views.view import View

RATE = 0.1
"""Root mean square of the first step, as a share of the contrast."""


@method(
    "class_model",
    paper="Simonyan et al. 2014, arXiv:1312.6034, equation 1",
    needs=("target",),
    axes=("unit", "channel", "space"),
    signed=True,
    axioms=("none claimed",),
)
def class_model(
    trace: Trace,
    *,
    classes: Any = None,
    l2: float | None = None,
    contrast: float = 2.0,
    steps: int = 64,
    parametrisation: str = "fourier",
    decorrelate: bool = True,
    seed: int = 0,
) -> dict[str, View]:
    """Climb from zero to the largest `logit - l2 * sum(input ** 2)`: one input for each class.

    `"unit channel y x"` in model units (0 is the mean image), where the axis "unit" holds the
    classes. Steps follow the gradient; their size, which the paper does not tell, falls to zero.

    Args:
        trace: the recorded batch; only the network and the limits matter.
        classes: a class or several, by name or index; None: all.
        l2: the weight; None: for each class such that the answer would have the root mean square
            `contrast`, were its logit as steep everywhere as at zero.
        contrast: see there; steps are a share of it.
        steps: of the ascent.
        parametrisation: "fourier", which finds what is smooth first, or the paper's "pixel".
        decorrelate: climb in the uncorrelated colours of photographs.
        seed: of the faint noise from which a class starts whose logit has no slope at zero.

    """
    if not isinstance(steps, int) or steps < 1 or not contrast > 0:
        raise Refused(f"steps={steps!r}, contrast={contrast!r}: a whole number and one above 0")
    if l2 is not None and l2 < 0:
        raise Refused(f"l2={l2!r}: a weight of at least 0, or None")
    wanted = chosen_classes(trace, classes)
    source = trace.tape.input.tensor
    way = parametrise(
        *(parametrisation, trace.scope, source.shape[1], source.shape[2:]),
        decorrelate=decorrelate,
    )
    at_once = pictures_at_once(trace, trace.output, whole_canvas(trace))
    done: list[tuple[Tensor, Tensor]] = []
    with bar("class models", steps * -(-len(wanted) // at_once)) as step:
        try:
            for some in wanted.split(at_once):
                done.append(_models(trace, some, way, l2, contrast, steps, seed, step))
        except KeyboardInterrupt:
            raise Interrupted(_views(trace, wanted, done)) from None
    return _views(trace, wanted, done)


def _models(
    trace: Trace,
    classes: Tensor,
    way: Parametrisation,
    l2: float | None,
    contrast: float,
    steps: int,
    seed: int,
    step: Step,
) -> tuple[Tensor, Tensor]:
    """Climb for some classes together; return the inputs `(K, channel, ...)` and weights `(K,)`."""
    limits = limits_of(trace.scope, trace.tape.input.tensor)
    bounded = trace.scope.bounds is not None
    read = mean_of_channel(classes)

    def legal(numbers: Tensor) -> Tensor:
        inputs = way.picture(numbers)
        return inputs + (limits.clip(inputs) - inputs).detach() if bounded else inputs

    def logits(inputs: Tensor) -> Tensor:
        return read(answers(trace, trace.output, inputs))

    start, steepness = _start(way, logits, classes, seed)
    weight = steepness / (2 * contrast) if l2 is None else torch.full_like(steepness, l2)

    def score(numbers: Tensor) -> Tensor:
        inputs = legal(numbers)
        return logits(inputs) - weight * inputs.square().flatten(1).sum(1)

    made = climb(
        *(score, start, along_gradient()),
        steps=steps,
        rate=RATE * contrast,
        falling=True,
        after=step,
    )
    return legal(made), weight


def _start(
    way: Parametrisation, logits: Callable[[Tensor], Tensor], classes: Tensor, seed: int
) -> tuple[Tensor, Tensor]:
    """Return the numbers `(K, *shape)` to start from, and how steep the logits are there `(K,)`.

    Zeros; but at zero a rectifier without a bias has no slope, and noise is needed.
    """
    start = torch.zeros((len(classes), *way.shape), device=classes.device)
    steepness = root_mean_square(gradient(logits, way.picture(start)))
    if bool((steepness == 0).any()):
        noise = way.start([generator(seed, f"class {k}") for k in classes.tolist()]).to(start)
        flat = steepness.flatten() == 0
        start = torch.where(flat.view(-1, *[1] * len(way.shape)), noise, start)
        steepness = root_mean_square(gradient(logits, way.picture(start)))
    return start, steepness.flatten()


def _views(trace: Trace, classes: Tensor, done: list[tuple[Tensor, Tensor]]) -> dict[str, View]:
    """Make the view of the classes that are finished; none where none is."""
    if not done:
        return {}
    made, weights = (torch.cat(parts) for parts in zip(*done, strict=True))
    classes, source = classes[: len(made)], trace.tape.input
    rows = torch.arange(len(made), device=made.device)
    with torch.no_grad():
        reached = torch.cat([answers(trace, trace.output, part) for part in made.split(1)])
        start = answers(trace, trace.output, torch.zeros_like(made[:1]))
    names = trace.scope.classes
    view = trace.make_view(
        *("class_model", "input", source, made),
        ("unit", "channel", *trace.spatial(source.tensor)),
        unit=classes,
        about=tuple(names[k] if names else f"class {k}" for k in classes.tolist()),
        signed=True,
        quality={
            "activation": reached[rows, classes].cpu().numpy(),
            "start": start[0, classes].cpu().numpy(),
            "l2": weights.cpu().numpy(),
        },
    )
    return {"input": view}
