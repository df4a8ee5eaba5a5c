"""Class activation maps of six layers: one method, and a family of seven, from images to views."""

from functools import partial
from typing import Any

from benchmarks.pairs import ratio
from benchmarks.peers import peer
from benchmarks.rows import row
from benchmarks.views.common import Subject, subject

FAMILY = (
    *("grad_cam", "grad_cam_plus_plus", "xgrad_cam", "hires_cam", "layer_cam"),
    *("eigen_cam", "guided_grad_cam"),
)


def rows() -> list[dict[str, Any]]:
    """Measure each, and torchcam's Grad-CAM of the same six layers, in units of FI."""
    seen = subject()
    return [
        row(
            "Grad-CAM of 6 layers",
            ratio(partial(seen.look, "grad_cam"), seen.forward_backward),
            *("FI", 0.75),
        ),
        row(
            "the same, torchcam",
            ratio(partial(torchcam, seen), seen.forward_backward),
            *("FI", None),
        ),
        row(
            "seven CAMs of 6 layers together",
            ratio(partial(family, seen), seen.forward_backward),
            *("FI", 1.4),
        ),
    ]


def family(seen: Subject) -> None:
    """Look with each of the seven, one after the other, at one trace."""
    trace = seen.scope.trace(seen.images)
    for method in FAMILY:
        trace.view(method)


def torchcam(seen: Subject) -> None:
    """Do what the best peer does: one instance for all six layers."""
    layers = [f"relu{number}" for number in range(1, 7)]
    with peer("torchcam.methods").GradCAM(seen.net, layers) as cam:
        scores = seen.net(seen.images.clone().requires_grad_())
        cam(scores.argmax(1).tolist(), scores)
