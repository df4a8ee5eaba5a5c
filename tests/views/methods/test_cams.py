"""The family of class activation maps: every network, the peers, and what the papers prove."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from layerscope import Refused
from layerscope.nets import study_2d
from layerscope.views import Scope
from layerscope.views import trace as trace_module
from layerscope.views.aims import Channel, Unit
from views.entries import cams as twins
from zoo import NETWORKS, build

KIND = {3: "waveform", 4: "photo", 5: "photo"}
BY_GRADIENT = ("grad_cam", "grad_cam_plus_plus", "xgrad_cam", "hires_cam", "layer_cam")
RAW = (*BY_GRADIENT, "eigen_cam", "ablation_cam")
EVERY = (*RAW, "score_cam")


def trace_of(net, images, **more):
    return Scope(net, kind=KIND[images.dim()], **more).trace(images)


def close(ours, expected, share=1e-5):
    scale = max(np.abs(expected).max(), 1e-9)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=share * scale)


def averaged(axes=2, channels=6):
    """Two convolutions, global average pooling and one linear layer."""
    conv = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[axes - 1]
    mean = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d)[axes - 1]
    torch.manual_seed(axes)
    return nn.Sequential(
        *(conv(3, 5, 3, padding=1), nn.ReLU(), conv(5, channels, 3, padding=1), nn.ReLU()),
        *(mean(1), nn.Flatten(), nn.Linear(channels, 4)),
    ).eval()


# -- against the twins -------------------------------------------------------------------------


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("method", RAW)
def test_equals_the_slow_twin_at_every_convolution_of_every_network(method, network):
    net, images = build(network)
    net, images = net.double().eval(), images[:3].double()
    target = {} if method == "eigen_cam" else {"target": 2}
    views = trace_of(net, images).view(method, raw=True, **target)
    net.ends_in_softmax = False
    for layer, view in views.items():
        expected = getattr(twins, method)(net, images, layer, {"raw": True, "target": 2})
        close(view.values, expected, 1e-5)


@settings(max_examples=15, deadline=None)
@given(
    axes=st.integers(1, 3),
    channels=st.integers(1, 5),
    kernel=st.integers(1, 3),
    stride=st.integers(1, 2),
    size=st.integers(5, 9),
    scale=st.sampled_from([1e-6, 1.0, 10.0]),
    seed=st.integers(0, 99),
)
def test_equals_the_slow_twin_on_random_networks(axes, channels, kernel, stride, size, scale, seed):
    conv = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[axes - 1]
    torch.manual_seed(seed)
    body = nn.Sequential(
        *(conv(2, channels, kernel, stride), nn.ReLU(), conv(channels, 3, 2), nn.ReLU()),
        nn.Flatten(),
    )
    images = torch.randn(2, 2, *[size] * axes) * scale
    net = nn.Sequential(*body, nn.Linear(body(images).shape[1], 3)).double().eval()
    images = images.double()
    trace = trace_of(net, images)
    for method in (*BY_GRADIENT, "ablation_cam"):
        for layer, view in trace.view(method, target=1).items():
            close(view.values, getattr(twins, method)(net, images, layer, {"target": 1}), 1e-5)


def test_the_rectified_map_of_a_batch_norm_network_is_read_after_both():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), *averaged()[4:])
    net[5] = nn.Linear(4, 4)
    net[1].running_mean.normal_(0, 0.3)
    net.eval()
    images = torch.randn(2, 3, 9, 9)
    for method in BY_GRADIENT:
        ours = trace_of(net, images).view(method, target=0)["0"].values
        read = trace_of(net, images).view(method, target=0, layers=["2"])["2"].values
        np.testing.assert_array_equal(ours, read)
        close(ours, getattr(twins, method)(net, images, "1", {"target": 0}))  # reads module 2


# -- what the papers prove -----------------------------------------------------------------------


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_before_a_mean_and_a_linear_layer_the_methods_agree_and_are_complete(axes):
    net, images = averaged(axes), torch.randn(4, 3, *[7] * axes)
    trace = trace_of(net, images)
    look = lambda method, **more: trace.view(method, layers=["2"], target=1, **more)["2"].values
    close(look("hires_cam"), look("grad_cam"))
    close(look("xgrad_cam"), look("grad_cam"))
    signed = look("hires_cam", rectify=False)
    assert (signed < 0).any()
    score = trace.logits[:, 1].numpy() - net[6].bias[1].item()
    close(signed.reshape(4, -1).sum(1), score, 1e-4)
    close(look("cam", rectify=False).reshape(4, -1).mean(1), score, 1e-4)
    close(look("cam"), 7**axes * look("grad_cam"))


def test_hires_cam_is_complete_before_a_flattened_linear_layer_too():
    net, images = build("in place")
    trace = trace_of(net, images)
    signed = trace.view("hires_cam", layers="conv3", target=3, rectify=False)["conv3"]
    assert signed.signed
    score = trace.logits[:, 3].numpy() - net.fc.bias[3].item()
    close(signed.values.reshape(5, -1).sum(1), score, 1e-4)


def test_ablation_of_a_linear_score_weighs_by_the_share_of_each_mean_in_it():
    net, images = averaged(), torch.randn(4, 3, 7, 7)
    trace = trace_of(net, images)
    maps = trace.view("feature_maps", layers=["2"])["2"].values
    means = maps.reshape(4, 6, -1).mean(2)
    scores = trace.logits.numpy()
    assert (scores < 0).any()
    assert (scores > 0).any()
    for target in range(4):
        weights = means * net[6].weight[target].detach().numpy()
        weights /= np.abs(scores[:, target, None])
        expected = np.maximum(np.einsum("bc,bcyx->byx", weights, maps), 0)
        ours = trace.view("ablation_cam", layers=["2"], target=target)["2"].values
        close(ours, expected, 1e-4)


# -- against the peers -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "name"),
    [
        ("grad_cam", "GradCAM"),
        ("xgrad_cam", "XGradCAM"),
        ("layer_cam", "LayerCAM"),
    ],
)
def test_equals_torchcam(method, name):
    from peers import peer

    torch.manual_seed(0)
    net = study_2d(3, 8, input_shape=(3, 41, 41)).eval()
    images = torch.randn(3, 3, 41, 41)
    views = trace_of(net, images).view(method, target=2)
    for number in (1, 2, 3):
        maker = getattr(peer("torchcam.methods"), name)
        with maker(net, f"relu{number}") as theirs:
            (cam,) = theirs([2, 2, 2], net(images.clone().requires_grad_()), normalized=False)
        close(views[f"conv{number}"].values, cam.detach().numpy(), 1e-4)


@pytest.mark.parametrize(
    ("method", "name"),
    [
        ("hires_cam", "HiResCAM"),
        ("ablation_cam", "AblationCAM"),
        ("grad_cam_plus_plus", "GradCAMPlusPlus"),  # torchcam's does not divide by its alpha
    ],
)
def test_equals_grad_cam_the_package(method, name):
    from peers import peer

    package = peer("pytorch_grad_cam")
    targets = peer("pytorch_grad_cam.utils.model_targets")
    net, images = averaged(), torch.randn(1, 3, 7, 7)
    with torch.no_grad():
        net[6].weight *= 1e3  # they add 1e-7 to the square of a gradient
        target = int(net(images).argmax())  # whose score is above 0
    ours = trace_of(net, images).view(method, layers=["0"], target=target)["0"].values
    with getattr(package, name)(net, [net[1]]) as theirs:
        cam = theirs(images, [targets.ClassifierOutputTarget(target)])
    low, high = ours.min(), ours.max()
    close((ours - low) / (high - low), cam, 1e-4)  # they scale from 0 to 1


def test_guided_grad_cam_equals_captum_where_nothing_is_resized():
    from captum.attr import GuidedGradCam

    net, images = averaged(), torch.randn(3, 3, 7, 7)
    ours = trace_of(net, images).view("guided_grad_cam", target=2)
    for layer, module in (("0", net[1]), ("2", net[3])):
        with pytest.warns(UserWarning, match=r".*"):
            theirs = GuidedGradCam(net, module).attribute(images.clone().requires_grad_(), 2)
        close(ours[layer].values, theirs.detach().numpy())
        assert ours[layer].layer == layer
        assert np.abs(ours[layer].values).max() > 0


def test_score_cam_equals_torchcam_where_nothing_is_resized():
    from peers import peer

    net, images = averaged(), torch.randn(2, 3, 7, 7)
    net[6].weight.data *= 10
    trace = trace_of(net, images)
    ours = trace.view("score_cam", target=2)
    for layer, module in (("0", "1"), ("2", "3")):
        maps = trace.view("feature_maps", layers=[layer])[layer].values
        assert (maps.max((2, 3)) > maps.min((2, 3))).all()  # they count constant maps
        with peer("torchcam.methods").ScoreCAM(net, module) as theirs, torch.no_grad():
            net(images)
            (cam,) = theirs([2, 2], normalized=False)
        close(ours[layer].values, cam.numpy(), 1e-4)
        close(ours[layer].values, twins.score_cam(net, images, layer, {"target": 2}))


# -- where there is nothing, or nearly so --------------------------------------------------------


def test_a_layer_of_a_single_position():
    net = nn.Sequential(nn.Conv2d(3, 6, 7), nn.ReLU(), nn.Flatten(), nn.Linear(6, 4)).eval()
    images = torch.randn(4, 3, 7, 7)
    trace = trace_of(net, images)
    linear = trace.view("cam", target=1)["0"].values
    assert linear.shape == (4, 1, 1)
    for method in BY_GRADIENT:
        ours = trace.view(method, target=1)["0"].values
        close(ours, getattr(twins, method)(net, images, "0", {"target": 1}))
    close(trace.view("grad_cam", target=1)["0"].values, linear)
    strength = trace.view("feature_maps")["0"].values.reshape(4, 6)
    close(trace.view("eigen_cam")["0"].values.ravel(), np.linalg.norm(strength, axis=1))
    assert not trace.view("score_cam", target=1)["0"].values.any()  # one position does not vary


@pytest.mark.parametrize("method", EVERY)
def test_maps_that_are_zero_everywhere_give_zeros(method):
    net, images = averaged(), torch.randn(2, 3, 7, 7)
    with torch.no_grad():
        net[0].weight.zero_()
        net[0].bias.fill_(-1)
    target = {} if method == "eigen_cam" else {"target": 1}
    assert not trace_of(net, images).view(method, layers=["0"], **target)["0"].values.any()


def test_a_constant_map_has_no_weight_in_score_cam():
    net, images = averaged(), torch.randn(2, 3, 7, 7)
    with torch.no_grad():
        net[0].weight[1] = 0
        net[0].bias[1] = 1000  # would outshine all others
    values = trace_of(net, images).view("score_cam", layers=["0"], target=1)["0"].values
    assert 0 < values.max() < 100


def test_score_cam_scales_maps_below_zero_too():
    net, images = averaged(), torch.randn(2, 3, 7, 7)
    options = {"target": 1, "raw": True}
    for layer, view in trace_of(net, images).view("score_cam", **options).items():
        close(view.values, twins.score_cam(net, images, layer, options))
        assert (trace_of(net, images).view("feature_maps", raw=True)[layer].values < 0).any()


def test_an_alpha_of_grad_cam_plus_plus_whose_divisor_is_zero_is_zero():
    net = nn.Sequential(nn.Conv2d(1, 2, 1), nn.Flatten(), nn.Linear(8, 1)).eval()
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([-1.0, 1.0]).view(2, 1, 1, 1))
        net[0].bias.zero_()
        net[2].weight.fill_(1)
    images = torch.full((1, 1, 2, 2), 0.5)  # the first map sums to -2, each gradient is 1
    values = trace_of(net, images).view("grad_cam_plus_plus", target=0, raw=True)["0"].values
    np.testing.assert_allclose(values, np.full((1, 2, 2), 4 * 1 / (2 + 2) * 0.5))


@pytest.mark.parametrize("method", EVERY)
def test_large_scores_do_not_overflow(method):
    net, images = averaged(), torch.randn(2, 3, 7, 7)
    with torch.no_grad():
        net[6].weight *= 1e6
    target = {} if method == "eigen_cam" else {"target": 1}
    for view in trace_of(net, images).view(method, **target).values():
        assert np.isfinite(view.values).all()


def test_eigen_cam_of_rectified_maps_loses_nothing_to_the_rectifier():
    for network in ("plain", "plain 1-D", "plain 3-D"):
        net, images = build(network)
        trace = trace_of(net, images)
        maps = trace.view("feature_maps")
        for layer, view in trace.view("eigen_cam").items():
            flat = maps[layer].values.reshape(5, maps[layer].values.shape[1], -1)
            largest = np.linalg.svd(flat, compute_uv=False)[:, 0]
            close(np.linalg.norm(view.values.reshape(5, -1), axis=1), largest)


# -- targets, cost and refusals ------------------------------------------------------------------


@pytest.mark.parametrize("target", ["b - c", Unit("3", 2), Channel("3", 1)])
def test_inner_targets_and_differences_equal_the_twin_of_that_score(target):
    net, images = build("plain")
    net, images = net.double().eval(), images.double()
    trace = trace_of(net, images, classes=["a", "b", "c", "d"])
    aim = trace.aim(target)
    for method in BY_GRADIENT:
        view = trace.view(method, layers=["0"], target=target)["0"]
        assert view.about == aim.about
        x = images
        maps = net[1](net[0](x)).detach().requires_grad_()
        deeper = net[4](net[3](net[2](maps)))
        answer = deeper if target != "b - c" else net[5:](deeper)
        (gradient,) = torch.autograd.grad(aim.score(answer).sum(), maps)
        for row in range(5):
            a, g = (t[row].detach().numpy() for t in (maps, gradient))
            close(view.values[row], np.maximum(getattr(twins, method).formula(a, g, 1.0), 0))


@pytest.mark.parametrize("method", [m for m in EVERY if m != "eigen_cam"])
def test_each_example_has_the_target_that_was_given_for_it(method):
    net, images = averaged(), torch.randn(4, 3, 7, 7)
    net[6].weight.data *= 10
    trace = trace_of(net, images, memory=20_000)  # some of the examples at a time
    mixed = trace.view(method, layers=["0"], target=[0, 1, 2, 3])["0"].values
    for row in range(4):
        alone = trace.view(method, layers=["0"], target=row)["0"].values
        close(mixed[row], alone[row])
        assert np.abs(mixed[row] - trace.view(method, target=3 - row)["0"].values[row]).max() > 0


def test_the_family_costs_one_way_down_and_one_guided_one(monkeypatch):
    passes = []
    real = trace_module.descend
    monkeypatch.setattr(trace_module, "descend", lambda *a: passes.append("down") or real(*a))
    net, images = build("functional")
    trace = trace_of(net, images)
    before = {method: trace_of(net, images).view(method) for method in EVERY}
    passes.clear()
    for method in (*EVERY, "cam", "guided_grad_cam"):
        found = trace.view(method)
        for layer, view in before.get(method, {}).items():  # nobody wrote to what is shared
            np.testing.assert_array_equal(found[layer].values, view.values)
    assert len(passes) == 2


@pytest.mark.parametrize(
    ("network", "layers", "why"),
    [
        ("plain", ["3"], "'3'.*max_pool2d in layer '5' follows it"),
        ("plain", "all", "what follows it does not weigh all its positions alike"),
        ("in place", "conv3", "does not weigh all its positions alike"),
        ("residual", ["b1"], "relu in layer 'relu' follows it"),
        ("functional", ["second", "first"], "'first'.*max_pool2d"),
    ],
)
def test_cam_says_why_a_layer_has_none(network, layers, why):
    net, images = build(network)
    with pytest.raises(Refused, match=why):
        trace_of(net, images).view("cam", layers=layers)


def test_cam_takes_the_layers_of_a_kind_that_have_one():
    net, images = build("functional")
    assert list(trace_of(net, images).view("cam")) == ["second"]
    assert list(trace_of(net, images).view("cam", layers="second")) == ["second"]


@pytest.mark.parametrize("method", ["grad_cam", "cam", "score_cam", "ablation_cam"])
def test_a_layer_after_what_is_explained_is_refused(method):
    net, images = build("plain")
    with pytest.raises(Refused, match="comes after"):
        trace_of(net, images).view(method, layers=["3"], target=Unit("0", 1))


class Spectral(nn.Module):
    """Maps of two axes from an input of one."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.fc = nn.Linear(4, 2)

    def forward(self, x):
        return self.fc(self.conv(x.unflatten(-1, (4, 6))).relu().mean((2, 3)))


@pytest.mark.parametrize("method", ["score_cam", "guided_grad_cam"])
def test_maps_without_the_input_s_axes_cannot_be_laid_over_it(method):
    trace = trace_of(Spectral().eval(), torch.randn(2, 3, 24))
    with pytest.raises(Refused, match=r"'conv' has maps of \(2, 4\).*input of \(24,\)"):
        trace.view(method)
    assert trace.view("layer_cam")["conv"].values.shape == (2, 2, 4)
