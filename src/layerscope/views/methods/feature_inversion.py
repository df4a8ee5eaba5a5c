"""Feature inversion: what a layer still knows of an input.

>>> import torch, layerscope as ls
>>> trace = ls.Scope(ls.nets.study_mnist()).trace(torch.rand(1, 1, 28, 28))
>>> trace.view("feature_inversion", "conv1", steps=2)["conv1"].values.shape
(1, 1, 28, 28)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from layerscope.errors import Refused
from layerscope.progress import bar
from layerscope.tape import Value
from layerscope.views.draws import generator
from layerscope.views.interrupted import Interrupted
from layerscope.views.registry import method
from layerscope.views.synthesis.ascent import adam, climb
from layerscope.views.synthesis.canvas import answers
from layerscope.views.synthesis.limits import limits_of
from layerscope.views.synthesis.objectives import likeness, smoothness
from layerscope.views.synthesis.parametrisation import Parametrisation, parametrise
from layerscope.views.trace import Trace
from layerscope.views.view import View


@method(
    "feature_inversion",
    paper="Mahendran and Vedaldi 2015, arXiv:1412.0035",
    needs=("layer",),
    axes=("batch", "channel", "space"),
    signed=True,
    axioms=("none claimed",),
)
def feature_inversion(
    trace: Trace,
    layers: str | Sequence[str] = "conv",
    *,
    steps: int = 64,
    rate: float = 0.3,
    smooth: float = 0.01,
    parametrisation: str = "fourier",
    decorrelate: bool = True,
    seed: int = 0,
) -> dict[str, View]:
    """Find, from faint noise, an input of which a layer answers the same: `"batch channel y x"`.

    It shows what the layer still knows of the example: what it has lost is left smooth. Each
    example is worked on alone, in float32, so that its picture does not depend on its batch.
    Ctrl-C raises `Interrupted` with the finished layers.

    Args:
        trace: the recorded batch, whose examples are looked for.
        layers: which layers.
        steps: of Adam, from `rate` down to nothing.
        rate: of the numbers of the parametrisation, before the sigmoid.
        smooth: weight of the total variation (exponent 2, inputs from 0 to 1) against the squared
            distance as a share of the answer's square.
        parametrisation: "fourier" or "pixel".
        decorrelate: look in the uncorrelated colours of photographs.
        seed: of the noise, which is an example's own.

    """
    if steps < 1 or rate <= 0 or smooth < 0:
        raise Refused(f"{steps=}, {rate=}, {smooth=}: at least 1, above 0, at least 0")
    source = trace.tape.input.tensor
    names, views = trace.layer_names(layers), dict[str, View]()
    way = parametrise(
        *(parametrisation, trace.scope, source.shape[1], source.shape[2:]),
        decorrelate=decorrelate,
    )
    with bar("feature inversion", len(names) * len(source), "pictures") as step:
        for layer in names:
            done = []
            for row, example in enumerate(trace.examples):
                search = _Search(trace, trace.value(layer), way, smooth)
                draw = generator(seed, example, layer)
                try:
                    done.append(search.of(source[row : row + 1], draw, steps, rate))
                except KeyboardInterrupt:
                    raise Interrupted(views) from None
                step()
            views[layer] = _view(trace, layer, done)
    return views


@dataclass(frozen=True, eq=False)
class _Search:
    """What is the same for all examples of a layer."""

    trace: Trace
    value: Value
    way: Parametrisation
    smooth: float

    def of(
        self, image: Tensor, draw: torch.Generator, steps: int, rate: float
    ) -> tuple[Tensor, float, float]:
        """Look for one input `(1, channel, ...)`; return it, and how far off noise and it are."""
        limits = limits_of(self.trace.scope, image)
        with torch.no_grad():
            alike = likeness(answers(self.trace, self.value, image))

        def picture(numbers: Tensor) -> Tensor:
            return torch.sigmoid(self.way.picture(numbers))

        def legal(numbers: Tensor) -> Tensor:
            return limits.low + limits.span * picture(numbers)

        def score(numbers: Tensor) -> Tensor:
            found = alike(answers(self.trace, self.value, legal(numbers)))
            return found + self.smooth * smoothness(picture(numbers))

        start = self.way.start([draw]).to(image.device)
        reached = climb(score, start, adam(), steps=steps, rate=rate, falling=True)
        with torch.no_grad():
            off = [
                -alike(answers(self.trace, self.value, legal(numbers))).item()
                for numbers in (start, reached)
            ]
        return legal(reached), off[0], off[1]


def _view(trace: Trace, layer: str, done: Sequence[tuple[Tensor, float, float]]) -> View:
    source = trace.tape.input
    pictures, before, after = zip(*done, strict=True)
    return trace.make_view(
        *("feature_inversion", layer, source, torch.cat(pictures)),
        ("batch", "channel", *trace.spatial(source.tensor)),
        signed=True,
        quality={"start": np.array(before), "distance": np.array(after)},
    )
