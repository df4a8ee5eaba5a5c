"""Expected gradients (GradientSHAP): integrated gradients averaged over many baselines.

>>> import torch, layerscope as ls
>>> trace = ls.Scope(ls.nets.study_mnist()).trace(torch.rand(4, 1, 28, 28), true=[0, 1, 0, 1])
>>> trace.view("expected_gradients", baselines=torch.zeros(2, 1, 28, 28), samples=4)["input"].axes
('batch', 'channel', 'y', 'x')
"""

from typing import Any

import torch
from torch import Tensor

from layerscope.errors import Refused
from layerscope.progress import bar
from layerscope.views.again import gradients_of, scores_of
from layerscope.views.aims import Aim
from layerscope.views.draws import generator
from layerscope.views.interrupted import each_example
from layerscope.views.legal import refuse_not_finite
from layerscope.views.noise import refuse_samples
from layerscope.views.registry import method
from layerscope.views.trace import Trace
from layerscope.views.view import View


@method(
    "expected_gradients",
    paper="Erion et al. 2021, arXiv:1906.10670; GradientSHAP: Lundberg and Lee 2017",
    needs=("target", "data"),
    axes=("batch", "channel", "space"),
    signed=True,
    axioms=("sensitivity", "implementation invariance", "linear in the target"),
)
def expected_gradients(
    trace: Trace,
    *,
    target: Any = "predicted",
    baselines: Any = None,
    samples: int = 64,
    seed: int = 0,
) -> dict[str, View]:
    """Return the mean of (x - baseline) times the gradient between them, `"batch channel y x"`.

    Each sample takes one of the baselines and one place on the way from it, both drawn for the
    example. In expectation the values sum to score(x) less the mean score of the baselines;
    `quality["gap"]` tells of each example how far the sum is off, from the baselines drawn.

    Args:
        trace: the recorded batch.
        target: what is explained, chosen on the example itself; see `Trace.aim`.
        baselines: other examples, `(N, channel, ...)`, in the model's units.
        samples: how many pairs of a baseline and a place.
        seed: of the draws, which each example makes by its identifier.

    Raises:
        Refused: no baselines are given: examples of the batch would make the answer depend on it.

    """
    refuse_samples(samples, 1)
    aim, source = trace.aim(target), trace.tape.input
    others = _others(baselines, source.tensor)
    values, gaps = torch.zeros_like(source.tensor), torch.zeros(len(trace.examples))
    axes = ("batch", "channel", *trace.spatial(values))

    def made() -> dict[str, View]:
        args = ("expected_gradients", "input", source, values, axes, aim)
        return {"input": trace.make_view(*args, signed=True, quality={"gap": gaps.numpy()})}

    with bar("expected gradients", total=len(values), unit="examples") as step:

        def one(row: int) -> None:
            values[row], gaps[row] = _of_one(trace, aim, row, others, samples, seed)
            step()

        return each_example(trace, one, made)


def _of_one(
    trace: Trace, aim: Aim, row: int, others: Tensor, samples: int, seed: int
) -> tuple[Tensor, float]:
    """Return the values of one example and their gap."""
    image = trace.tape.input.tensor[row]
    numbers = generator(seed, trace.examples[row])
    chosen = torch.randint(len(others), (samples,), generator=numbers)
    drawn = torch.rand(samples, generator=numbers)
    places = (torch.arange(samples) + drawn) / samples  # one in each of equal parts of the way
    share = places.to(image).view(-1, *[1] * image.dim())

    def inputs(some: slice) -> Tensor:
        return others[chosen[some]] + share[some] * (image - others[chosen[some]])

    values = torch.zeros_like(image)
    for some, _, gradients in gradients_of(trace, aim, row, samples, inputs):
        values += ((image - others[chosen[some]]) * gradients).sum(0) / samples
    used, times = chosen.unique(return_counts=True)
    scores = scores_of(trace, aim, row, torch.cat([image[None], others[used]])).double().cpu()
    difference = scores[0] - scores[1:] @ times.double() / samples
    return values, float(values.double().sum() - difference)


def _others(baselines: Any, images: Tensor) -> Tensor:
    if baselines is None:
        raise Refused(
            "expected gradients average over other examples: give baselines=, a tensor of some "
            f"(N, {', '.join(map(str, images.shape[1:]))}), of the training data say; with one "
            "baseline it is integrated_gradients"
        )
    try:
        others = torch.as_tensor(baselines).to(images)
    except (TypeError, ValueError, RuntimeError) as error:
        raise Refused(f"baselines={baselines!r:.60}: {error}") from error
    if others.shape[1:] != images.shape[1:] or not len(others):
        raise Refused(
            f"baselines has the shape {tuple(others.shape)}; expected (N, "
            f"{', '.join(map(str, images.shape[1:]))})"
        )
    refuse_not_finite(others, "baselines=")
    return others
