"""The questions asked of a network's maps, each a function from examples to measures by method."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from layerscope.allocator import kept_memory
from layerscope.errors import Refused
from layerscope.tape.resume import resume
from layerscope.trust.baselines import baseline_maps
from layerscope.trust.faithfulness import FRACTIONS, Curves, Score, curves
from layerscope.trust.hiding import hiding
from layerscope.trust.localisation import energy, mosaics, pointing_game
from layerscope.trust.maps import Examples, maps_of, on_another, whole_layer
from layerscope.trust.randomise import Order, drawn_layers, randomised
from layerscope.trust.robustness import max_sensitivity, shift_equivariance
from layerscope.trust.similarity import spearman, ssim
from layerscope.views import Aim, Scope, Trace, Unit

Measures = dict[str, np.ndarray]
CHUNK = 8
"""Hidden inputs that go through the network together: what lies in cache is faster."""
NOISE = 0.02
"""Of the input's own standard deviation: the noise that must not matter."""


@dataclass(frozen=True, eq=False)
class Asked:
    """A trace of the examples, what is aimed at, and a score of other inputs."""

    trace: Trace
    aim: Aim
    score: Score


def class_asked(scope: Scope, given: Examples) -> Asked:
    """Ask for the probability of the class that each example was taken for."""
    trace = scope.trace(given.images, examples=given.ids)
    aim, classes = trace.aim("predicted"), trace.predicted

    def score(inputs: Tensor, rows: Tensor) -> Tensor:
        said = answers(trace, aim, inputs, rows).softmax(1)
        return said[torch.arange(len(rows)), classes[rows]]

    return Asked(trace, aim, score)


def unit_asked(scope: Scope, given: Examples, layer: str) -> Asked:
    """Ask for the answer of each example's strongest unit of a layer, as a share of what it was."""
    trace = scope.trace(given.images, examples=given.ids)
    aim = trace.aim(Unit(layer))
    whole = aim.score(aim.at.tensor)

    def score(inputs: Tensor, rows: Tensor) -> Tensor:
        now = (aim.seed[rows] * answers(trace, aim, inputs, rows)).flatten(1).sum(1)
        return now / whole[rows].clamp(min=1e-9)

    return Asked(trace, aim, score)


def layer_asked(scope: Scope, given: Examples, layer: str) -> Asked:
    """Ask how alike a layer's whole answer is to what it was (cosine)."""
    trace = scope.trace(given.images, examples=given.ids)
    aim = whole_layer(trace, layer)

    def score(inputs: Tensor, rows: Tensor) -> Tensor:
        now = answers(trace, aim, inputs, rows).flatten(1)
        return torch.cosine_similarity(now, aim.at.tensor[rows].flatten(1), 1)

    return Asked(trace, aim, score)


def answers(trace: Trace, aim: Aim, inputs: Tensor, rows: Tensor) -> Tensor:
    """Compute the value that is aimed at for other inputs; only what leads to it is computed."""
    found = []
    for first in range(0, len(inputs), CHUNK):
        part, some = inputs[first : first + CHUNK], rows[first : first + CHUNK]
        part = part.contiguous(memory_format=torch.channels_last) if part.dim() == 4 else part
        try:
            with torch.no_grad():
                found += resume(trace.tape, {trace.tape.input: part}, [aim.at], some)
        except Refused:
            other = trace.again(part, some)
            found.append(other.value_like(aim.at).tensor.clone())
            other.tape.release()
    return torch.cat(found)


def faithful(
    asked: Asked, given: Examples, maps: Mapping[str, np.ndarray], way: str, *, seed: int = 0
) -> dict[str, Curves]:
    """Hide what each map calls relevant, in one way; one set of curves for each map."""
    hide = hiding(way, given.images, seed=seed)
    with kept_memory():
        return {
            name: curves(asked.score, given.images, each, hide, fractions=FRACTIONS)
            for name, each in maps.items()
        }


def with_baselines(
    given: Examples, maps: Mapping[str, np.ndarray], *, within: bool = False, seed: int = 0
) -> dict[str, np.ndarray]:
    """Put the maps of the baselines beside those of methods.

    `within` keeps them to the places that any of the maps marks: what a unit sees.
    """
    shape = next(iter(maps.values())).shape
    beside = baseline_maps(given.images.numpy(), shape, seed=seed)
    if within:
        seen = np.any([each != 0 for each in maps.values()], axis=0)
        beside = {k: np.where(seen, each, each.min() - 1) for k, each in beside.items()}
    return {**maps, **beside}


def randomisation(
    scope: Scope,
    given: Examples,
    maps: Mapping[str, np.ndarray],
    classes: Tensor,
    order: Order,
    told: Callable[[str], object] = lambda layer: None,
) -> dict[str, Measures]:
    """Compare maps with those of the network with more and more layers drawn anew.

    Returns:
        By method: "spearman", "spearman_signed", "ssim", "ssim_signed", each `(layer, B)`.

    """
    depth = len(drawn_layers(scope.model))
    shape = (depth, len(given.images))
    kinds = ("spearman", "spearman_signed", "ssim", "ssim_signed")
    found = {name: {kind: np.full(shape, np.nan) for kind in kinds} for name in maps}
    for k, (layer, twin) in enumerate(randomised(scope.model, order, seed=1)):
        other = maps_of(on_another(scope, twin), given, maps, classes)
        for name, each in other.items():
            before = maps[name][: len(each)]
            for signed in (True, False):
                ending = "_signed" if signed else ""
                found[name]["spearman" + ending][k] = spearman(before, each, signed=signed)
                found[name]["ssim" + ending][k] = ssim(before, each, signed=signed)
        told(layer)
    return found


def another_class(
    scope: Scope, given: Examples, maps: Mapping[str, np.ndarray], logits: Tensor
) -> Measures:
    """Compare maps with those of the least likely class (Sixt et al. 2020), Spearman, absolute."""
    other = maps_of(scope, given, maps, logits.argmin(1))
    return {name: spearman(maps[name], each, signed=False) for name, each in other.items()}


def located(
    scope: Scope, given: Examples, names: tuple[str, ...], count: int
) -> dict[str, Measures]:
    """Ask on mosaics of two classes where the target is: "energy" and "pointing" by method."""
    made = mosaics(given.images, given.labels, count)
    ids = tuple(f"mosaic {k}" for k in range(count))
    shown = Examples(made.images, ids, made.target)
    maps = maps_of(scope, shown, names, torch.from_numpy(made.target))
    maps = with_baselines(shown, maps)
    found = {}
    for name, each in maps.items():
        mask = made.masks if each.ndim == made.masks.ndim else made.masks[:, None]
        mask = np.broadcast_to(mask, each.shape)
        shifted = each - each.min() if name == "centre" else each
        found[name] = {"energy": energy(shifted, mask), "pointing": pointing_game(each, mask)}
    return found


def steady(
    scope: Scope, given: Examples, names: tuple[str, ...], classes: Tensor, samples: int
) -> dict[str, Measures]:
    """Measure max-sensitivity and shift equivariance by method; all share their passes."""
    radius = NOISE * given.images.flatten(1).std(1).view(-1, *[1] * (given.images.dim() - 1))
    step = max(1, given.images.shape[-1] // 16)

    def explain(images: Tensor) -> Measures:
        return maps_of(scope, Examples(images, given.ids, given.labels), names, classes)

    moved = max_sensitivity(explain, given.images, radius=radius, samples=samples)
    shifted = shift_equivariance(explain, given.images, step)
    return {name: {"max_sensitivity": moved[name], "shift": shifted[name]} for name in moved}


def aim_of(question: str, layer: str) -> Callable[[Trace], Aim]:
    """Give what makes the aim of a question about the inside: a unit of a layer, or all of it."""
    if question == "unit":
        return lambda trace: trace.aim(Unit(layer))
    return lambda trace: whole_layer(trace, layer)


def beside(
    other: Scope, given: Examples, maps: Mapping[str, np.ndarray], classes: Tensor
) -> Measures:
    """Compare maps with those of another training of the same study: Spearman, absolute values."""
    there = maps_of(other, given, maps, classes)
    return {name: spearman(maps[name], each, signed=False) for name, each in there.items()}
