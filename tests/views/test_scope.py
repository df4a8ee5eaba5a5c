import logging

import numpy as np
import pytest
import torch
from torch import nn

from layerscope import Refused
from layerscope.nets import study_2d
from layerscope.views import Scope
from zoo import build


class Outputs(nn.Module):
    """Returns whatever it is told to make of its logits."""

    def __init__(self, make):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.make = make

    def forward(self, x):
        return self.make(self.conv(x).mean((2, 3)))


IMAGES = torch.randn(2, 3, 8, 8)


def test_logits_and_probabilities_are_the_model_s():
    net, images = build("residual")
    trace = Scope(net).trace(images)
    expected = net.eval()(images).detach()
    torch.testing.assert_close(trace.logits, expected)
    torch.testing.assert_close(trace.probabilities, expected.softmax(1))


def test_a_final_softmax_is_detected_and_said(caplog):
    net, images = build("functional")
    with caplog.at_level(logging.WARNING):
        trace = Scope(net).trace(images)
    assert "before the final" in caplog.text
    torch.testing.assert_close(trace.probabilities, net.eval()(images).detach())
    assert (trace.logits.sum(1) - 1).abs().min() > 1e-3


@pytest.mark.parametrize(
    ("make", "output"),
    [(lambda x: (x.sum(), x), 1), (lambda x: {"aux": x * 2, "logits": x}, "logits")],
)
def test_output_picks_the_tensor(make, output):
    net = Outputs(make)
    trace = Scope(net, output=output).trace(IMAGES)
    torch.testing.assert_close(trace.logits, net.conv(IMAGES).mean((2, 3)).detach())


@pytest.mark.parametrize(
    ("make", "output", "message"),
    [
        (lambda x: (x, x), None, "returns 2 things; pick one"),
        (lambda x: {"a": x, "b": x}, None, r"pick one with output=: \['a', 'b'\]"),
        (lambda x: {"a": x, "b": x}, "c", r"outputs are \['a', 'b'\]"),
        (lambda x: x, 0, "returns one tensor"),
        (lambda x: 3.0, None, "returns a float"),
    ],
)
def test_outputs_that_cannot_be_picked_are_named(make, output, message):
    with pytest.raises(Refused, match=message):
        Scope(Outputs(make), output=output).trace(IMAGES)


def test_several_inputs_are_refused_by_name():
    class Two(nn.Module):
        def forward(self, image, mask):
            return image * mask

    with pytest.raises(Refused, match=r"several inputs \(image, mask\)"):
        Scope(Two())
    with pytest.raises(Refused, match="list of 2"):
        Scope(nn.Identity()).trace([IMAGES, IMAGES])


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(2, 3, 8, 8, dtype=torch.uint8), "uint8"),
        (torch.zeros(0, 3, 8, 8), "at least one"),
        (torch.zeros(3), "shape"),
        (torch.tensor([0.0, torch.nan, torch.inf]).view(3, 1, 1, 1), r"2 of 3 .*number 1, 2\)"),
    ],
)
def test_what_is_no_batch_of_floats_is_refused(images, message):
    with pytest.raises(Refused, match=message):
        Scope(Outputs(lambda x: x)).trace(images)


def test_numpy_images_are_taken():
    trace = Scope(Outputs(lambda x: x)).trace(IMAGES.numpy().astype(np.float64))
    assert trace.logits.dtype == torch.float32


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("birb", "did you mean 'bird'"),
        (4, "class indices run from 0 to 3"),
        ([float("nan")] * 2, "neither a class name nor an index"),
        ([None, None], "neither a class name nor an index"),
        (torch.tensor([[0, 1]]), "one per example"),
        ([0, 1, 2], r"one per example \(2 here\)"),
        ("true", "needs the labels"),
        (0.5, "neither a class name nor an index"),
    ],
)
def test_wrong_targets_are_told_what_is_allowed(target, message):
    scope = Scope(Outputs(lambda x: x), classes=["bed", "bird", "cat", "dog"])
    with pytest.raises(Refused, match=message):
        scope.trace(IMAGES).aim(target)


def test_targets_in_every_form():
    scope = Scope(Outputs(lambda x: x), classes=["bed", "bird", "cat", "dog"])
    trace = scope.trace(IMAGES, true=["dog", "bed"])
    assert trace.aim("true").classes.tolist() == [3, 0]
    assert trace.aim("cat").classes.tolist() == [2, 2]
    assert trace.aim(["cat", 0]).classes.tolist() == [2, 0]
    assert trace.aim(torch.tensor([1, 3])).classes.tolist() == [1, 3]
    assert trace.aim(np.int64(1)).classes.tolist() == [1, 1]
    assert trace.aim("predicted").classes.tolist() == trace.logits.argmax(1).tolist()


def test_layers_by_name_kind_number_and_list():
    scope = Scope(study_2d(2, 4, input_shape=(3, 12, 12)))
    find = lambda wanted: scope.layers(wanted, (3, 12, 12))
    assert find("conv") == ["conv1", "conv2"]
    assert find("conv2") == ["conv2"]
    assert find(["fc", "pool1"]) == ["pool1", "fc"]
    assert find("linear1") == ["fc"]
    assert find("all") == [
        *("conv1", "relu1", "pool1", "conv2", "relu2", "pool2", "flatten", "dropout", "fc")
    ]


def test_a_layer_that_runs_twice_has_no_one_map():
    net, images = build("in place")
    with pytest.raises(Refused, match="'relu' runs 2 times"):
        Scope(net).trace(images).view("feature_maps", layers="relu")


def test_propagate_by_name_is_the_gradient():
    net, images = build("plain")
    trace = Scope(net).trace(images)
    seed = torch.randn_like(trace.logits)
    leaf = images.clone().requires_grad_()
    (expected,) = torch.autograd.grad(net.eval()(leaf), leaf, seed)
    torch.testing.assert_close(trace.propagate(seed, at="output"), expected)
    several = trace.propagate(seed[None], at="output", to=["conv1", "input"])
    torch.testing.assert_close(several[1][0], expected)
    assert several[0].shape == (1, *trace.value("0").tensor.shape)
    with pytest.raises(Refused, match="do not fit"):
        trace.propagate(seed[:, :2], at="output")


def test_a_compiled_model_is_seen_through():
    net, images = build("plain")
    compiled = torch.compile(net, backend="eager")
    views = Scope(compiled).trace(images).view("grad_cam")
    np.testing.assert_array_equal(
        views["0"].values, Scope(net).trace(images).view("grad_cam")["0"].values
    )


class Normed(nn.Module):
    """A convolution, a norm and a rectifier, with a reader on the side that changes nothing."""

    def __init__(self, norm):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = norm
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        y = self.conv(x)
        assert not torch.isnan(y).any()
        return self.fc(torch.relu(self.norm(y)).mean((2, 3)))


@pytest.mark.parametrize("norm", [nn.BatchNorm2d(4), nn.GroupNorm(2, 4), nn.InstanceNorm2d(4)])
def test_a_convolution_is_read_after_its_norm_and_rectifier(norm):
    net = Normed(norm).eval()
    trace = Scope(net).trace(IMAGES)
    maps = trace.view("feature_maps")["conv"].values
    expected = torch.relu(norm(net.conv(IMAGES))).detach().numpy()
    np.testing.assert_allclose(maps, expected, atol=1e-6)
    raw = trace.view("feature_maps", raw=True)["conv"].values
    np.testing.assert_allclose(raw, net.conv(IMAGES).detach().numpy(), atol=1e-6)


def test_a_reused_layer_is_left_out_of_all():
    net, images = build("in place")
    views = Scope(net).trace(images).view("feature_maps", layers="all")
    assert "relu" not in views
    assert list(views) == ["conv1", "conv2", "conv3", "fc"]


@pytest.mark.parametrize("name", ["plain", "in place"])
def test_a_scope_finds_the_layers_that_its_trace_finds_compiled_or_not(name):
    net, images = build(name)
    trace = Scope(net).trace(images)
    for model in (net, torch.compile(net, backend="eager")):
        for wanted in ("all", "conv"):
            found = Scope(model).layers(wanted, images.shape[1:])
            assert found == trace.layer_names(wanted)


def test_class_names_must_fit_the_logits():
    with pytest.raises(Refused, match="2 class names and the model 4 logits"):
        Scope(Outputs(lambda x: x), classes=["a", "b"]).trace(IMAGES)


def test_seeds_are_carried_down_only():
    net, images = build("plain")
    trace = Scope(net).trace(images)
    with pytest.raises(Refused, match="comes after the one where the seeds start"):
        trace.propagate(torch.ones_like(trace.value("0").tensor), at="0", to="3")


@pytest.mark.parametrize("images", ["a", None])
def test_what_is_no_tensor_is_refused(images):
    with pytest.raises(Refused, match="give a float tensor"):
        Scope(Outputs(lambda x: x)).trace(images)


class Padded(torch.nn.Conv2d):
    """A convolution that keeps its padding as a module of its own."""

    def __init__(self):
        super().__init__(3, 4, 3)
        self.pad = torch.nn.ZeroPad2d(1)

    def forward(self, x):
        return super().forward(self.pad(x))


def test_a_convolution_that_holds_a_module_is_a_layer():
    from layerscope.nets import geometry

    net = torch.nn.Sequential(Padded(), torch.nn.ReLU())
    assert Scope(net).layers("all", (3, 8, 8)) == ["0.pad", "0", "1"]
    assert [layer.name for layer in geometry(net, (3, 8, 8))] == ["0.pad", "0", "1"]
