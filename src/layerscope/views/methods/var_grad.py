"""VarGrad: how much the gradient varies over noisy copies of the input.

>>> import torch, layerscope as ls
>>> trace = ls.Scope(ls.nets.study_mnist()).trace(torch.rand(1, 1, 28, 28))
>>> trace.view("var_grad", samples=4)["input"].values.shape
(1, 1, 28, 28)
"""

from typing import Any

import torch

from layerscope.progress import bar
from layerscope.views.interrupted import each_example
from layerscope.views.noise import deviations, noisy_gradients, refuse_samples
from layerscope.views.registry import method
from layerscope.views.trace import Trace
from layerscope.views.view import View


@method(
    "var_grad",
    paper="Adebayo et al. 2018, arXiv:1810.03307",
    needs=("target",),
    axes=("batch", "channel", "space"),
    signed=False,
    axioms=("not negative", "sensitivity", "implementation invariance"),
    tolerance=0.4,
)
def var_grad(
    trace: Trace,
    *,
    target: Any = "predicted",
    samples: int = 32,
    noise: float = 0.15,
    seed: int = 0,
    exact: bool = False,
) -> dict[str, View]:
    """Return the variance of the gradient over noisy copies of each example, `"batch channel y x"`.

    The mean squared distance from the mean (divided by `samples`). The copies are those of
    SmoothGrad with the same seed and noise. bfloat16 moves it by a fifth of what other draws of
    32 samples do (measured on photographs).

    Args:
        trace: the recorded batch.
        target: what is explained, chosen on the example without noise; see `Trace.aim`.
        samples: how many noisy copies, at least 2.
        noise: the standard deviation as a share of the input's range: of the scope's bounds, else
            of the example's own range; of a sound or recording, of 4 times its own deviation.
        seed: of the noise, which each example draws by its identifier.
        exact: compute in the model's dtype and not in bfloat16.

    """
    refuse_samples(samples, 2)
    aim, source = trace.aim(target), trace.tape.input
    values, sizes = torch.zeros_like(source.tensor), deviations(trace, noise)
    axes = ("batch", "channel", *trace.spatial(values))

    def made() -> dict[str, View]:
        args = ("var_grad", "input", source, values, axes, aim)
        return {"input": trace.make_view(*args, signed=False)}

    with bar("VarGrad", total=len(values), unit="examples") as step:

        def one(row: int) -> None:
            seen, mean, spread = 0, torch.zeros_like(values[row]), values[row]
            noisy = noisy_gradients(trace, aim, row, sizes[row], samples, seed, exact=exact)
            for gradients in noisy:
                count, here = len(gradients), gradients.mean(0)  # Chan et al. 1979
                spread += (gradients - here).square_().sum(0)
                spread += (here - mean).square() * (seen * count / (seen + count))
                mean += (here - mean) * (count / (seen + count))
                seen += count
            spread /= samples
            step()

        return each_example(trace, one, made)
