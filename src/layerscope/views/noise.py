"""Gradients of an example under noise: what SmoothGrad averages and VarGrad takes the spread of."""

from collections.abc import Iterator

import torch
from torch import Tensor

from layerscope.errors import Refused
from layerscope.views.again import gradients_of
from layerscope.views.aims import Aim
from layerscope.views.draws import normal
from layerscope.views.legal import bounds_like
from layerscope.views.trace import Trace


def deviations(trace: Trace, noise: float) -> Tensor:
    """Return the noise's standard deviation for each example, of the input's shape or `(B, 1...)`.

    Args:
        trace: the recorded batch.
        noise: the share of the input's range: of the scope's bounds where it has them, else of
            the example's own largest less its smallest value. The range of a waveform or recording,
            whose peaks are rare, is four times the example's own standard deviation.

    """
    if not noise >= 0:
        raise Refused(f"noise={noise!r}: give a share of the input's range, at least 0")
    images = trace.tape.input.tensor
    alone = (-1, *[1] * (images.dim() - 1))
    if trace.scope.kind != "photo":
        return noise * 4 * images.flatten(1).std(1, correction=0).view(alone)
    bounds = bounds_like(images, trace.scope.bounds)
    if bounds is not None:
        return noise * (bounds[1] - bounds[0])
    flat = images.flatten(1)
    return noise * (flat.amax(1) - flat.amin(1)).view(alone)


def noisy_gradients(
    trace: Trace, aim: Aim, row: int, deviation: Tensor, samples: int, seed: int, *, exact: bool
) -> Iterator[Tensor]:
    """Yield the gradients at `samples` noisy copies of an example, some at a time.

    Sample k of an example is always the same, whatever the batch, the memory and `samples`.

    Args:
        trace: the recorded batch.
        aim: what is explained.
        row: the example.
        deviation: of the noise, in the input's units.
        samples: how many.
        seed: of the noise.
        exact: False computes in bfloat16.

    """
    image = trace.tape.input.tensor[row]

    def inputs(some: slice) -> Tensor:
        shape, name = tuple(image.shape), trace.examples[row]
        drawn = [normal(shape, seed, name, k) for k in range(some.start, some.stop)]
        return image + deviation * torch.stack(drawn).to(image)

    for _, _, gradients in gradients_of(trace, aim, row, samples, inputs, exact=exact):
        yield gradients.to(image.dtype)


def refuse_samples(samples: int, least: int) -> None:
    """Refuse a number of samples of which no average can be taken."""
    if samples < least:
        raise Refused(f"samples={samples!r}: give at least {least}")
