"""Activation maximisation: the input that a unit, a channel or a class answers to most.

>>> import torch, layerscope as ls
>>> trace = ls.Scope(ls.nets.study_mnist()).trace(torch.rand(1, 1, 28, 28))
>>> trace.view("activation_maximization", "conv2", unit=[3, 5], steps=2)["conv2"].values.shape
(2, 1, 8, 8)
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from layerscope.errors import Refused
from layerscope.progress import bar
from layerscope.views.interrupted import Interrupted
from layerscope.views.registry import method
from layerscope.views.synthesis.canvas import (
    before_rectifier,
    pictures_at_once,
    receptive_canvas,
    whole_canvas,
)
from layerscope.views.synthesis.making import Job, Recipe, at_rest, make_pictures, reached_by
from layerscope.views.synthesis.units import chosen_units
from layerscope.views.trace import Trace
from layerscope.views.view import View


@method(
    "activation_maximization",
    paper="Erhan et al. 2009; Olah et al. 2017, doi:10.23915/distill.00007",
    needs=("layer", "unit"),
    axes=("unit", "channel", "space"),
    signed=True,
    axioms=("none claimed",),
    tolerance=0.05,
)
def activation_maximization(
    trace: Trace,
    layers: str | Sequence[str] = "conv",
    *,
    unit: Any = None,
    top: int = 1,
    of: str = "unit",
    pictures: int = 1,
    diversity: float = 1.0,
    contrast: float | None = 1.0,
    steps: int = 64,
    robust: bool = True,
    parametrisation: str = "fourier",
    decorrelate: bool = True,
    seed: int = 0,
    exact: bool = False,
) -> dict[str, View]:
    """Climb from faint noise to what units answer to most before their rectifier.

    `"unit channel y x"`, the receptive field of a unit in model units. The tolerance is of the
    units' mean activation. Ctrl-C raises `Interrupted`, which holds the views that are finished.

    Args:
        trace: the recorded batch, whose limits hold where the scope has no bounds.
        layers: which layers; a linear one's units may be classes, by name.
        unit: channels; None: those that answer most to the batch.
        top: how many of these.
        of: "unit", at one position, or "channel", the mean of a map over an input's size.
        pictures: how many of each; more than one: an axis "picture" comes first.
        diversity: weight of their likeness (Olah et al.), as a share of the activation.
        contrast: root mean square of a picture before the sigmoid, at most; None: any.
        steps: of the ascent.
        robust: under small random shifts, turns and changes of size.
        parametrisation: "fourier" or "pixel".
        decorrelate: climb in the uncorrelated colours of photographs.
        seed: of the draws.
        exact: no bfloat16.

    """
    recipe = Recipe(
        *(pictures, diversity, contrast, steps, robust, parametrisation, decorrelate, seed, exact)
    )
    jobs = [_job(trace, layer, unit, top, of, pictures) for layer in trace.layer_names(layers)]
    return _made(trace, jobs, recipe)


def _job(trace: Trace, layer: str, unit: Any, top: int, of: str, pictures: int) -> Job:
    """Say what is climbed at a layer."""
    if of not in ("unit", "channel"):
        raise Refused(f'of={of!r}: "unit" (one position) or "channel" (the mean of its map)')
    value = before_rectifier(trace, layer)
    canvas = receptive_canvas(trace, value) if of == "unit" else whole_canvas(trace)
    units = chosen_units(trace, layer, value, unit, top)
    at_once = max(1, pictures_at_once(trace, value, canvas) // pictures)
    return Job(layer, value, units, canvas, at_once)


def _made(trace: Trace, jobs: list[Job], recipe: Recipe) -> dict[str, View]:
    """Make the pictures of each layer; what is finished survives Ctrl-C."""
    views: dict[str, View] = {}
    total = sum(recipe.steps * -(-len(job.units) // job.at_once) for job in jobs)
    with bar("activation maximisation", total) as step:
        for job in jobs:
            done: list[Tensor] = []
            try:
                for units in job.units.split(job.at_once):
                    done.append(make_pictures(trace, job.of(units), recipe, step))
            except KeyboardInterrupt:
                if done:
                    views[job.layer] = _view(trace, job, recipe, torch.cat(done, dim=1))
                raise Interrupted(views) from None
            views[job.layer] = _view(trace, job, recipe, torch.cat(done, dim=1))
    return views


def _view(trace: Trace, job: Job, recipe: Recipe, made: Tensor) -> View:
    """Cut the pictures `(P, U, channel, ...)` to what the units see; say what they reached."""
    job = replace(job, units=job.units[: made.shape[1]])
    reached = reached_by(trace, job, made)
    made = made[:, :, :, *job.canvas.seen]
    axes: tuple[str, ...] = ("unit", "channel", *trace.spatial(trace.tape.input.tensor))
    if recipe.pictures == 1:
        made, reached = made[0], reached[0]
    else:
        axes = ("picture", *axes)
    return trace.make_view(
        *("activation_maximization", job.layer, trace.tape.input, made, axes),
        unit=job.units,
        about=_names(trace, job),
        signed=True,
        quality={
            "activation": reached.cpu().numpy(),
            "start": at_rest(trace, job).cpu().numpy(),
            "steps": np.array(recipe.steps),
        },
    )


def _names(trace: Trace, job: Job) -> tuple[str, ...]:
    """Name the units, or the classes."""
    names = trace.scope.classes if job.value is trace.output else None
    return tuple(
        names[unit] if names else f"unit {unit} of {job.layer}" for unit in job.units.tolist()
    )
