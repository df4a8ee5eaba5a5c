"""Activation maximisation, 16 units at a time, until what lucent reaches in 128 steps is reached.

Both start from noise and climb one position of a convolution before its rectifier, without
transforms, by an input in 0..1 and no other limit. lucent climbs as it does by default (Fourier
coefficients, uncorrelated colours, Adam), on a canvas of the network's 172 x 172 pixels, to which
its own 128 would be stretched, four units together. Ours climbs pixels: on random weights nothing
smooth is to be found, and only the activation is compared.
"""

from functools import cache, partial
from typing import Any

import numpy as np
import torch

from benchmarks.pairs import ratio, seconds
from benchmarks.peers import peer
from benchmarks.rows import row
from benchmarks.views.common import Subject, subject
from layerscope.views import Scope

UNITS = range(16)
COMPARED = (0, 5, 10, 15)
STEPS = range(16, 193, 8)
ROWS = (
    ("conv1-conv3", ("conv1", "conv2", "conv3"), 3),
    ("conv4", ("conv4",), 8),
    ("conv5-conv6", ("conv5", "conv6"), 50),
)


def rows() -> list[dict[str, Any]]:
    """Measure the dearest layer of each row, in FI of one image per unit, and lucent there."""
    found = []
    for name, layers, target in ROWS:
        measured = [measure(layer) for layer in layers]
        ours, steps, theirs = max(measured)
        found.append(row(f"a picture of a unit of {name}, {steps} steps", ours, "FI", target))
        found.append(row("the same, lucent, 128 steps", theirs, "FI", None))
    return found


@cache
def measure(layer: str) -> tuple[float, int, float]:
    """Return our FI per unit with as few steps as needed, their number, and lucent's FI."""
    seen = subject(1)
    unit = partial(repeat, seen.forward_backward, 10)
    pictures: list[np.ndarray] = []
    theirs = 10 * seconds(lambda: pictures.append(lucent(layer))) / seconds(unit)
    wanted = reached(seen, layer, pictures[0])
    steps = next(some for some in STEPS if reaches(look(seen, layer, some), wanted))
    ours = 10 * ratio(partial(look, seen, layer, steps), unit, rounds=3)
    return ours / len(UNITS), steps, theirs / len(COMPARED)


def reaches(view: Any, wanted: np.ndarray) -> bool:
    """Tell whether every compared unit reached what is wanted."""
    return bool((view.quality["activation"][list(COMPARED)] >= wanted).all())


def look(seen: Subject, layer: str, steps: int) -> Any:
    """Trace and climb, all units together."""
    trace = Scope(seen.net, bounds=(0, 1)).trace(seen.images)
    return trace.view(
        *("activation_maximization", layer),
        unit=list(UNITS),
        steps=steps,
        contrast=None,
        robust=False,
        parametrisation="pixel",
        decorrelate=False,
    )[layer]


def reached(seen: Subject, layer: str, pictures: np.ndarray) -> np.ndarray:
    """Return the activations of the compared units at the centre, one picture each."""
    trace = Scope(seen.net).trace(torch.from_numpy(pictures).permute(0, 3, 1, 2))
    maps = trace.value(layer, raw=True).tensor
    y, x = (n // 2 for n in maps.shape[2:])
    return maps[range(len(COMPARED)), COMPARED, y, x].numpy()


def lucent(layer: str) -> np.ndarray:
    """Let lucent climb the compared units, on a network of its own, which keeps its hooks."""
    objectives, param = peer("lucent.optvis.objectives"), peer("lucent.optvis.param")
    wanted = sum(objectives.neuron(layer, unit, batch=k) for k, unit in enumerate(COMPARED))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return peer("lucent.optvis.render").render_vis(
            *(subject(1).net, wanted),
            param_f=lambda: param.image(172, batch=len(COMPARED)),
            transforms=[],
            thresholds=(128,),
            preprocess=False,
            fixed_image_size=172,
            progress=False,
            show_image=False,
        )[-1]


def repeat(work: Any, times: int) -> None:
    """Do a short work several times, so that it can be timed."""
    for _ in range(times):
        work()
