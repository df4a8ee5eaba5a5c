"""Making pictures for some units of one layer together: all that an ascent needs, joined."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from layerscope.errors import Refused
from layerscope.tape import Value
from layerscope.views.draws import generator
from layerscope.views.synthesis.ascent import Step, adam, along_gradient, climb, root_mean_square
from layerscope.views.synthesis.canvas import Canvas, answers, bfloat16_holds
from layerscope.views.synthesis.limits import limits_of
from layerscope.views.synthesis.objectives import at_position, likeness_among, mean_of_channel
from layerscope.views.synthesis.parametrisation import parametrise
from layerscope.views.synthesis.variations import varied
from layerscope.views.trace import Trace

RATE = 0.3
"""Size of a step along the gradient, as a share of the contrast."""
MEMORY = 0.7
"""How much of the last step the next one keeps."""
FREE_RATE = 2.0
"""Size of a step of Adam, where nothing but the limits holds the contrast."""


@dataclass(frozen=True)
class Recipe:
    """How pictures are made, whatever the unit; `activation_maximization` has the same options."""

    pictures: int
    diversity: float
    contrast: float | None
    steps: int
    robust: bool
    parametrisation: str
    decorrelate: bool
    seed: int
    exact: bool

    def __post_init__(self) -> None:
        for name in ("pictures", "steps"):
            if not isinstance(getattr(self, name), int) or getattr(self, name) < 1:
                raise Refused(f"{name}={getattr(self, name)!r}: a whole number, at least 1")
        if self.contrast is not None and not self.contrast > 0:
            raise Refused(f"contrast={self.contrast!r}: a number above 0, or None for no limit")
        if not self.diversity >= 0:
            raise Refused(f"diversity={self.diversity!r}: a weight of at least 0")


@dataclass(frozen=True, eq=False)
class Job:
    """What is climbed at one layer: `units` `(U,)` of `value`, on canvases of their own."""

    layer: str
    value: Value
    units: Tensor
    canvas: Canvas
    at_once: int

    def activations(self, found: Tensor) -> Tensor:
        """Read the units off answers to one input each, `(U, channel, ...)`, in their order."""
        if found.dim() == 2 or not self.canvas.position:
            return mean_of_channel(self.units)(found)
        return at_position(self.units, self.canvas.position)(found)

    def of(self, units: Tensor) -> "Job":
        """Return the same job for other units."""
        return replace(self, units=units)


def make_pictures(trace: Trace, job: Job, recipe: Recipe, step: Step) -> Tensor:
    """Climb for the units of a job together.

    Returns:
        inputs of the network, `(picture, unit, channel, ...)`, on the whole canvas.

    """
    source = trace.tape.input.tensor
    draws = [
        generator(recipe.seed, job.layer, unit, number)
        for number in range(recipe.pictures)
        for unit in job.units.tolist()
    ]
    way = parametrise(
        *(recipe.parametrisation, trace.scope, source.shape[1], job.canvas.size),
        decorrelate=recipe.decorrelate,
    )
    limits = limits_of(trace.scope, source)
    exact = recipe.exact or not bfloat16_holds(trace)
    each = job.of(job.units.repeat(recipe.pictures))

    def score(numbers: Tensor) -> Tensor:
        shown = limits.squash(way.picture(numbers))
        shown = varied(shown, draws) if recipe.robust else shown
        found = answers(trace, job.value, shown, exact=exact)
        reached = each.activations(found)
        if recipe.pictures == 1 or not recipe.diversity:
            return reached
        alike = likeness_among(found, len(job.units))
        return reached - recipe.diversity * reached.detach().abs().mean() * alike

    start = way.start(draws).to(source.device)
    if recipe.contrast is None:
        numbers = climb(score, start, adam(), steps=recipe.steps, rate=FREE_RATE, after=step)
    else:
        numbers = climb(
            *(score, start, along_gradient(MEMORY)),
            steps=recipe.steps,
            rate=RATE * recipe.contrast,
            keep=partial(_faint, way.picture, recipe.contrast),
            after=step,
        )
    made = limits.squash(way.picture(numbers))
    return made.unflatten(0, (recipe.pictures, len(job.units)))


def _faint(picture: Callable[[Tensor], Tensor], contrast: float, numbers: Tensor) -> Tensor:
    """Scale numbers down where the root mean square of their picture exceeds the contrast."""
    share = contrast / root_mean_square(picture(numbers)).flatten()
    return numbers * share.clamp(max=1).view(-1, *[1] * (numbers.dim() - 1))


def reached_by(trace: Trace, job: Job, made: Tensor) -> Tensor:
    """Return the activations that pictures `(P, U, channel, ...)` reach, computed exactly."""
    flat, units = made.flatten(0, 1), job.units.repeat(len(made))
    found = []
    for inputs, some in zip(flat.split(job.at_once), units.split(job.at_once), strict=True):
        with torch.no_grad():
            found.append(job.of(some).activations(answers(trace, job.value, inputs)))
    return torch.cat(found).unflatten(0, (len(made), len(job.units)))


def at_rest(trace: Trace, job: Job) -> Tensor:
    """Return the activations of the units on an even input in the middle of the limits, `(U,)`."""
    source = trace.tape.input.tensor
    blank = source.new_zeros((1, source.shape[1], *job.canvas.size), dtype=torch.float32)
    even = limits_of(trace.scope, source).squash(blank)
    with torch.no_grad():
        found = answers(trace, job.value, even)
    return job.activations(found.expand(len(job.units), *found.shape[1:]))
