"""Perturbation: occlusion of one image, window 24 stride 12, in FI of that image."""

from functools import partial

from benchmarks.pairs import ratio
from benchmarks.rows import row
from benchmarks.views.common import subject


def rows() -> list[dict[str, object]]:
    """Measure occlusion, beside captum's (once: it takes some ninety times as long as FI)."""
    from captum.attr import Occlusion

    seen = subject(1)
    ours = partial(seen.look, "occlusion", window=24, stride=12)

    def captum() -> None:
        peer = Occlusion(seen.net)
        peer.attribute(seen.images, (3, 24, 24), strides=(3, 12, 12), target=0)

    return [
        row(
            "occlusion, window 24 stride 12, one image",
            ratio(ours, seen.forward_backward),
            "FI",
            10,
        ),
        row("occlusion, the same", ratio(ours, captum, rounds=1), "captum", 0.25),
    ]
