"""Perturbation: occlusion, window 24 stride 12, in FI of the same batch."""

from functools import partial

from benchmarks.pairs import ratio
from benchmarks.rows import row
from benchmarks.views.common import subject
from layerscope.progress import quiet

WINDOWS = {"window": 24, "stride": 12}


def rows() -> list[dict[str, object]]:
    """Measure occlusion of 16 images and of one, beside captum's (once: it takes 90 FI)."""
    from captum.attr import Occlusion

    many, one = subject(16), subject(1)
    ours = partial(one.look, "occlusion", **WINDOWS)

    def captum() -> None:
        peer = Occlusion(one.net)
        peer.attribute(one.images, (3, 24, 24), strides=(3, 12, 12), target=0)

    with quiet():
        of_many = ratio(partial(many.look, "occlusion", **WINDOWS), many.forward_backward, rounds=5)
        return [
            row("occlusion, window 24 stride 12", of_many, "FI", 10),
            row("the same, of one image", ratio(ours, one.forward_backward), "its FI", None),
            row("the same, of one image", ratio(ours, captum, rounds=1), "captum", 0.25),
        ]
