import numpy as np
import pytest
import torch
from captum.attr import InputXGradient, Saliency

from layerscope.views import Scope
from layerscope.views.aims import Channel, Region, Unit
from zoo import build

PEERS = {"saliency": Saliency, "input_x_gradient": InputXGradient}


@pytest.mark.filterwarnings("ignore::UserWarning")  # the peer's own
@pytest.mark.parametrize("method", PEERS)
@pytest.mark.parametrize("network", ["plain", "residual", "dense", "gated"])
def test_equals_captum(method, network):
    net, images = build(network)
    view = Scope(net).trace(images).view(method, target=[0, 1, 2, 3, 0])["input"]
    net.eval()
    theirs = PEERS[method](net).attribute(images, torch.tensor([0, 1, 2, 3, 0])).detach().numpy()
    np.testing.assert_allclose(view.values, theirs, rtol=0, atol=1e-5 * np.abs(theirs).max())


@pytest.mark.parametrize(
    ("target", "score"),
    [
        (Unit("0", 2, (3, 4)), lambda maps: maps[:, 2, 3, 4]),
        (Channel("0", 2), lambda maps: maps[:, 2].mean((1, 2))),
        (Region("0", [(1, 4), (2, 9)]), lambda maps: maps[:, :, 1:4, 2:9].mean((1, 2, 3))),
    ],
)
def test_the_target_may_lie_inside(target, score):
    net, images = build("plain")
    view = Scope(net).trace(images).view("saliency", target=target)["input"]
    leaf = images.clone().requires_grad_()
    (expected,) = torch.autograd.grad(score(net[0](leaf).relu()).sum(), leaf)
    scale = float(expected.abs().max())
    assert scale > 0
    np.testing.assert_allclose(view.values, expected.abs().numpy(), rtol=0, atol=1e-5 * scale)
