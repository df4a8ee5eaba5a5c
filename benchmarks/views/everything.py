"""All that the table measures and a peer can do, once: the best peers' time over ours.

Sixteen photographs for class activation maps, deconvnet and relevance, one for paths, noise and
occlusion, and the picture of one unit of each convolution, as in the other rows. The peer's
Eigen-CAM is counted at the last three layers alone: it takes the full singular vectors of all
positions, 3.5 GB of them at the first layer.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from benchmarks.pairs import seconds
from benchmarks.peers import peer
from benchmarks.rows import row
from benchmarks.views import cams, paths, relevance, synthesis
from benchmarks.views.common import Subject, subject
from layerscope.progress import quiet

LAYERS = [f"relu{number}" for number in range(1, 7)]
Work = Callable[[], object]


def rows() -> list[dict[str, Any]]:
    """Sum the seconds of both; no row where a peer is not installed."""
    many, one = subject(16), subject(1)
    try:
        with quiet():
            pairs = [(seconds(ours), seconds(theirs)) for ours, theirs in _pairs(many, one)]
            pairs += _pictures(one)
    except ModuleNotFoundError:
        return []
    ours, theirs = (sum(side) for side in zip(*pairs, strict=True))
    return [row("the best peers over ours, everything together", theirs / ours, "x", 4, more=True)]


def _pairs(many: Subject, one: Subject) -> list[tuple[Work, Work]]:
    """Pair our work with the peer's that does the same."""
    everywhere = partial(many.look, "lrp", layers=relevance.EVERYWHERE)
    return [
        (partial(many.look, "grad_cam"), partial(cams.torchcam, many)),
        (partial(cams.family, many), partial(_family, many)),
        (partial(many.look, "deconvnet", top=9), partial(_deconvnet, many)),
        (everywhere, partial(relevance.zennit, many, "EpsilonPlusFlat")),
        (partial(one.look, "integrated_gradients"), partial(paths.captum_integrated, one)),
        (partial(one.look, "smooth_grad"), partial(paths.captum_smooth, one)),
        (partial(one.look, "occlusion", window=24, stride=12), partial(_occlusion, one)),
    ]


def _pictures(one: Subject) -> list[tuple[float, float]]:
    """Give the seconds of one unit's picture of each convolution, ours and lucent's."""
    unit = min(seconds(one.forward_backward) for _ in range(5))
    measured = [synthesis.measure(f"conv{number}") for number in range(1, 7)]
    return [(unit * ours, unit * theirs) for ours, _, theirs in measured]


def _family(seen: Subject) -> None:
    """Do the seven maps with whichever peer is quicker at each."""
    torchcam, grad_cam = peer("torchcam.methods"), peer("pytorch_grad_cam")
    for name in ("GradCAM", "GradCAMpp", "XGradCAM", "LayerCAM"):
        with getattr(torchcam, name)(seen.net, LAYERS) as cam:
            scores = seen.net(seen.images.clone().requires_grad_())
            cam(scores.argmax(1).tolist(), scores)
    for name, where in (("HiResCAM", LAYERS), ("EigenCAM", LAYERS[3:])):
        layers = [seen.net.get_submodule(layer) for layer in where]
        with getattr(grad_cam, name)(model=seen.net, target_layers=layers) as cam:
            cam(seen.images.clone().requires_grad_(), None)
    relevance.captum(seen, "GuidedBackprop")


def _deconvnet(seen: Subject) -> None:
    """Project the nine strongest channels of each layer, one call each, as captum is called."""
    deconvolution = peer("captum.attr").NeuronDeconvolution
    for name in LAYERS:
        projected = deconvolution(seen.net, seen.net.get_submodule(name))
        for channel in range(9):
            projected.attribute(seen.images.clone().requires_grad_(), (channel, 0, 0))


def _occlusion(one: Subject) -> None:
    with torch.no_grad():
        occlusion = peer("captum.attr").Occlusion(one.net)
        occlusion.attribute(one.images, (3, 24, 24), strides=(3, 12, 12), target=0)
