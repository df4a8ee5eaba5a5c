"""Saliency: how strongly the score answers to each part of the input.

>>> import torch, layerscope as ls
>>> trace = ls.Scope(ls.nets.study_mnist()).trace(torch.rand(1, 1, 28, 28))
>>> trace.view("saliency", target=3)["input"].values.shape
(1, 1, 28, 28)
"""

from typing import Any

from layerscope.views.registry import method
from layerscope.views.trace import Trace
from layerscope.views.view import View


@method(
    "saliency",
    paper="Simonyan et al. 2014, arXiv:1312.6034",
    needs=("target",),
    axes=("batch", "channel", "space"),
    signed=False,
    axioms=("not negative", "sensitivity", "implementation invariance"),
)
def saliency(trace: Trace, *, target: Any = "predicted") -> dict[str, View]:
    """Return the absolute gradient of the score at the input, `"batch channel y x"`.

    Args:
        trace: the recorded batch.
        target: what is explained; see `Trace.aim`.

    """
    aim = trace.aim(target)
    source = trace.tape.input
    (gradient,) = trace.gradients(aim, [source])
    axes = ("batch", "channel", *trace.spatial(source.tensor))
    return {"input": trace.make_view("saliency", "input", source, gradient.abs(), axes, aim=aim)}
