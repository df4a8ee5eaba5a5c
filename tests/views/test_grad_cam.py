import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam

from layerscope import Refused
from layerscope.nets import study_2d
from layerscope.views import Scope
from zoo import NETWORKS, build

KIND = {3: "waveform", 4: "photo", 5: "photo"}


def slow_grad_cam(net, images, target, module):
    """The paper, one example and one layer at a time, through a hook and autograd."""
    cams = []
    for row in range(len(images)):
        kept = []

        def keep(_module, _inputs, out, kept=kept):
            kept.append(out)
            return out.clone()  # what is written in place later does not reach what was kept

        handle = module.register_forward_hook(keep)
        output = net(images[row : row + 1])
        handle.remove()
        maps = kept[0]
        (gradient,) = torch.autograd.grad(output[0, target[row]], maps)
        weights = gradient[0].flatten(1).mean(1)
        cam = sum(w * m for w, m in zip(weights, maps[0], strict=True))
        cams.append(cam.clamp(min=0).detach().numpy())
    return np.stack(cams)


@pytest.mark.parametrize("name", NETWORKS)
def test_equals_the_slow_twin_at_every_convolution(name):
    net, images = build(name)
    net, images = net.double(), images.double()
    target = [0, 1, 2, 3, 0]
    views = (
        Scope(net, kind=KIND[images.dim()]).trace(images).view("grad_cam", target=target, raw=True)
    )
    twin = net.eval()
    twin.ends_in_softmax = False
    for layer, view in views.items():
        expected = slow_grad_cam(twin, images, target, twin.get_submodule(layer))
        np.testing.assert_allclose(
            view.values, expected, rtol=1e-4, atol=1e-5 * max(np.abs(expected).max(), 1e-6)
        )


def test_the_map_is_read_after_the_rectifier():
    torch.manual_seed(0)
    net = study_2d(3, 8, input_shape=(3, 41, 41)).eval()
    images = torch.randn(4, 3, 41, 41)
    target = [5, 0, 1, 2]
    views = Scope(net).trace(images).view("grad_cam", target=target)
    for number in (1, 2, 3):
        relu = getattr(net, f"relu{number}")
        expected = slow_grad_cam(net, images, target, relu)
        scale = np.abs(expected).max()
        np.testing.assert_allclose(views[f"conv{number}"].values, expected, atol=1e-5 * scale)
        theirs = LayerGradCam(net, relu).attribute(images, torch.tensor(target)).relu()
        np.testing.assert_allclose(
            views[f"conv{number}"].values, theirs[:, 0].detach().numpy(), atol=1e-5 * scale
        )


def test_the_target_decides():
    net, images = build("plain")
    trace = Scope(net, classes=["bed", "bird", "cat", "true"]).trace(images, true=[0, 1, 2, 3, 0])
    by_index = trace.view("grad_cam", target=1)["0"].values
    by_name = trace.view("grad_cam", target="bird")["0"].values
    np.testing.assert_array_equal(by_index, by_name)
    predicted = trace.view("grad_cam")["0"]
    np.testing.assert_array_equal(predicted.target, trace.predicted.numpy())
    assert trace.view("grad_cam", target="true")["0"].target.tolist() == [3] * 5  # a class's name


def test_a_layer_without_space_is_refused_by_name_and_left_out_of_all():
    net = study_2d(2, 8, input_shape=(3, 20, 20))
    trace = Scope(net).trace(torch.randn(1, 3, 20, 20))
    with pytest.raises(Refused, match="'fc' answers with the shape"):
        trace.view("grad_cam", layers=["conv1", "fc"])
    assert list(trace.view("grad_cam", layers="all")) == [
        *("conv1", "relu1", "pool1", "conv2", "relu2", "pool2")
    ]
