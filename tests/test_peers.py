"""The peers run beside a CPU build of torch, and an absent one skips its tests by name."""

import sys

import pytest
import torch
from torch import Tensor, nn

from peers import peer


@pytest.fixture
def net() -> nn.Module:
    """A convolution whose class scores are the sums of its rectified maps."""
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return net.eval().requires_grad_(requires_grad=False)


@pytest.fixture
def images() -> Tensor:
    """Two images that ask for their gradient."""
    return torch.rand(2, 3, 9, 9).requires_grad_()


def test_zennit_gives_the_gradient(net: nn.Module, images: Tensor) -> None:
    attribution = peer("zennit.attribution")
    with attribution.Gradient(net) as attributor:
        _, relevance = attributor(images, torch.eye(4)[[1, 2]])
    wanted = torch.autograd.grad(net(images)[[0, 1], [1, 2]].sum(), images)[0]
    torch.testing.assert_close(relevance, wanted)


def test_grad_cam_and_torchcam_agree(net: nn.Module, images: Tensor) -> None:
    cams = peer("pytorch_grad_cam")
    targets = [peer("pytorch_grad_cam.utils.model_targets").ClassifierOutputTarget(1)] * 2
    with cams.GradCAM(net, [net[1]]) as cam:
        first = torch.from_numpy(cam(images, targets))
    with peer("torchcam.methods").GradCAM(net, "1", input_shape=(3, 9, 9)) as cam:
        second = cam([1, 1], net(images))[0]
    assert first.shape == (2, 9, 9)
    assert second.shape == (2, 7, 7)
    assert first[:, 4, 4].argsort().tolist() == second[:, 3, 3].argsort().tolist()


def test_lucent_ascends(net: nn.Module) -> None:
    render, param = peer("lucent.optvis.render"), peer("lucent.optvis.param")
    pixels = render.render_vis(
        net,
        "0:1",
        lambda: param.image(24),
        thresholds=(1, 16),
        transforms=[],
        preprocess=False,
        show_image=False,
        progress=False,
    )
    first, last = (net[0](torch.from_numpy(x).movedim(-1, 1))[:, 1].mean() for x in pixels)
    assert last > first
    assert "IPython" not in sys.modules


def test_concept_relevance_can_be_imported() -> None:
    assert peer("crp.attribution").CondAttribution


def test_an_absent_peer_skips_by_name() -> None:
    with pytest.raises(pytest.skip.Exception, match=r"no_such_peer\.maps: No module named"):
        peer("no_such_peer.maps")
