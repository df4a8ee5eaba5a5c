"""Views of the study's 6-block network, batch 16, in units of one forward + backward to the input.

That unit, FI, is default torch: fp32, contiguous memory, parameters frozen, the same process.
"""

from functools import partial
from typing import Any

import torch
from captum.attr import NeuronDeconvolution

from benchmarks.pairs import ratio
from benchmarks.rows import row
from layerscope.nets import study_2d
from layerscope.views import Scope


def main(arguments: list[str] | None = None) -> list[dict[str, Any]]:
    """Measure Grad-CAM of all convolutions, and deconvnet of the strongest unit of each."""
    torch.manual_seed(0)
    net = study_2d().eval().requires_grad_(requires_grad=False)
    images = torch.rand(16, 3, 172, 172)
    scope = Scope(net)

    def forward_backward() -> None:
        leaf = images.clone().requires_grad_()
        net(leaf).sum().backward()

    def look(method: str, **options: Any) -> None:
        scope.trace(images).view(method, **options)

    def captum() -> None:
        for number in range(1, 7):
            peer = NeuronDeconvolution(net, net.get_submodule(f"relu{number}"))
            peer.attribute(images.clone().requires_grad_(), (0, 0, 0))

    cam = ratio(partial(look, "grad_cam"), forward_backward)
    strongest = ratio(partial(look, "deconvnet"), captum)
    nine = ratio(partial(look, "deconvnet", top=9), forward_backward, rounds=3)
    return [
        row("Grad-CAM of 6 layers", cam, "FI", 0.8),
        row("deconvnet, 1 unit of 6 layers", strongest, "x captum", 1.0),
        row("deconvnet, 9 units of 6 layers", nine, "FI", None),
    ]
