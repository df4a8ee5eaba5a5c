"""Views of the 1-D network in forward + backward passes of it: the targets are those of 2-D."""

from functools import partial
from typing import Any

import torch

from benchmarks.pairs import ratio
from benchmarks.rows import row
from benchmarks.views.common import Subject
from layerscope.nets import study_1d
from layerscope.progress import quiet
from layerscope.views import Scope

#: As many windows as the 2-D row has, 196, and the same overlap.
WINDOWS = {"window": 162, "stride": 81}


def rows() -> list[dict[str, Any]]:
    """Measure the views of all layers for 16 sounds, and those of many passes for one."""
    many, one = sounds(16), sounds(1)
    flat = {"composite": "epsilon_plus_flat", "layers": ("input", "all")}
    works = (
        ("Grad-CAM of 8 layers", partial(many.look, "grad_cam"), many, 0.75),
        ("deconvnet, nine units of 8 layers", partial(many.look, "deconvnet", top=9), many, 8),
        ("LRP EpsilonPlusFlat at all layers", partial(many.look, "lrp", **flat), many, 1.7),
        ("integrated gradients", partial(one.look, "integrated_gradients"), one, 11),
        ("SmoothGrad, 32 samples", partial(one.look, "smooth_grad"), one, 11),
        ("occlusion, 196 windows", partial(one.look, "occlusion", **WINDOWS), one, 10),
    )
    with quiet():
        return [
            row(f"1-D: {name}", ratio(work, seen.forward_backward, rounds=5), "FI", target)
            for name, work, seen, target in works
        ]


def sounds(batch: int) -> Subject:
    """Make the network of 16 words and a batch of noise, always the same."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = study_1d().eval().requires_grad_(requires_grad=False)
        waves = torch.randn(batch, 1, 16_000)
    return Subject(net, waves, Scope(net, kind="waveform", sfreq=16_000, bounds=(-126.5, 126.5)))
