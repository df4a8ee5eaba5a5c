"""Input times gradient: what each part of the input adds, were the network linear.

>>> import torch, layerscope as ls
>>> trace = ls.Scope(ls.nets.study_mnist()).trace(torch.rand(1, 1, 28, 28))
>>> trace.view("input_x_gradient", target=3)["input"].values.shape
(1, 1, 28, 28)
"""

from typing import Any

from layerscope.views.registry import method
from layerscope.views.trace import Trace
from layerscope.views.view import View


@method(
    "input_x_gradient",
    paper="Shrikumar et al. 2016, arXiv:1605.01713",
    needs=("target",),
    axes=("batch", "channel", "space"),
    signed=True,
    axioms=("sensitivity", "implementation invariance", "linear in the target"),
)
def input_x_gradient(trace: Trace, *, target: Any = "predicted") -> dict[str, View]:
    """Return the input times the gradient of the score there, `"batch channel y x"`.

    Args:
        trace: the recorded batch.
        target: what is explained; see `Trace.aim`.

    """
    aim = trace.aim(target)
    source = trace.tape.input
    (gradient,) = trace.gradients(aim, [source])
    axes = ("batch", "channel", *trace.spatial(source.tensor))
    values = source.tensor * gradient
    view = trace.make_view("input_x_gradient", "input", source, values, axes, aim=aim, signed=True)
    return {"input": view}
