import pytest
import torch
from torch import nn
from torch.nn import functional as F

from layerscope import Refused
from layerscope.tape import record
from layerscope.views import COMPOSITES, descend
from zoo import NETWORKS, build


def result_of(net, images):
    net.eval()
    with torch.no_grad():
        return net(images)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_recorded_output_is_the_model_s(name):
    net, images = build(name)
    tape = record(net, images)
    torch.testing.assert_close(tape.output.tensor, result_of(net, images))


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("seeds", [1, 3])
def test_the_gradient_is_autograd_s_for_every_network_and_several_seeds(name, seeds):
    net, images = build(name)
    tape = record(net, images)
    seed = torch.randn(seeds, *tape.output.tensor.shape)
    (ours,) = descend(tape, seed, tape.output, [tape.input], COMPOSITES["gradient"])
    net.eval()
    for row in range(seeds):
        leaf = images.clone().requires_grad_()
        (expected,) = torch.autograd.grad(net(leaf), leaf, seed[row])
        torch.testing.assert_close(ours[row], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_holds_what_its_module_returned(name):
    net, images = build(name)
    net.eval()
    seen = {}
    handles = [
        module.register_forward_hook(
            lambda _m, _i, out, name=name: seen.setdefault(name, []).append(out.clone())
        )
        for name, module in net.named_modules()
    ]
    with torch.no_grad():
        net(images)
    for handle in handles:
        handle.remove()
    tape = record(net, images)
    assert list(tape.layers) == list(seen)
    for name, outputs in seen.items():
        for value, expected in zip(tape.layers[name], outputs, strict=True):
            torch.testing.assert_close(value.tensor, expected)


class Wrapped(nn.Module):
    """A network made of one function, with a convolution at hand."""

    def __init__(self, function):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.function = function

    def forward(self, x):
        return self.function(self.conv(x))


TRICKS = {
    "operators": lambda x: ((1 - x) / 2 + 3 * x - x**2).sum((2, 3)),
    "same tensor twice": lambda x: (x + x).sum((2, 3)) + torch.cat([x, x], 1)[:, :4].sum((2, 3)),
    "broadcast sum": lambda x: (x + x.mean((2, 3), keepdim=True)).sum((2, 3)),
    "alpha": lambda x: torch.add(x, x * 2, alpha=3).sum((2, 3)),
    "views": lambda x: x.view(len(x), 2, 2, -1).transpose(1, 2).reshape(len(x), 4, -1).sum(-1),
    "split and stack": lambda x: torch.stack(x.chunk(2, 1), 1).flatten(1, 2).mean((2, 3)),
    "index": lambda x: x[:, :, 1, 2] * x[..., 0, 0].mT.mT,
    "fill a buffer": lambda x: _filled(x),
    "leaky, elu, softplus": lambda x: F.softplus(F.elu(F.leaky_relu(x, 0.1))).amax((2, 3)),
    "norms": lambda x: F.layer_norm(F.instance_norm(x), x.shape[1:]).square().sum((2, 3)),
    "resize": lambda x: F.interpolate(x, scale_factor=2.0, mode="bilinear").square().mean((2, 3)),
    "einsum": lambda x: torch.einsum("bchw,bdhw->bcd", x, x).mean(2),
    "hardtanh": lambda x: F.hardtanh(x, 0.0, 0.5).mean((2, 3)) + x.clamp(-1, 1).mean((2, 3)),
    "threshold": lambda x: F.threshold(x, 0, 0).mean((2, 3)),
    "transposed convolution": lambda x: F.conv_transpose2d(x, torch.ones(4, 2, 2, 2)).mean((2, 3)),
    "indices wanted": lambda x: F.max_pool2d(x, 2, return_indices=True)[0].mean((2, 3)),
    "attention": lambda x: F.scaled_dot_product_attention(x, x, x).mean((2, 3)),
    "detached branch": lambda x: (x * x.detach()).mean((2, 3)),
}


def _filled(x):
    result = torch.zeros(len(x), 4)
    for channel in range(4):
        result[:, channel] = x[:, channel].square().mean((1, 2))
    return result


@pytest.mark.parametrize("name", TRICKS)
def test_the_gradient_follows_whatever_way_a_network_is_written(name):
    torch.manual_seed(1)
    net, images = Wrapped(TRICKS[name]).eval(), torch.randn(3, 3, 6, 6)
    tape = record(net, images)
    seed = torch.randn(2, 3, tape.output.tensor.shape[1])
    (ours,) = descend(tape, seed, tape.output, [tape.input], COMPOSITES["gradient"])
    for row in range(2):
        leaf = images.clone().requires_grad_()
        (expected,) = torch.autograd.grad(net(leaf), leaf, seed[row])
        torch.testing.assert_close(ours[row], expected, rtol=1e-4, atol=1e-6)


def test_a_write_through_a_view_is_refused_by_name_and_only_on_the_way_back():
    def write(x):
        y = x * 1
        y[:, 0] += 1
        return y.sum((2, 3))

    net, images = Wrapped(write).eval(), torch.randn(2, 3, 6, 6)
    tape = record(net, images)
    torch.testing.assert_close(tape.output.tensor, result_of(net, images))
    with pytest.raises(Refused, match="through a view"):
        descend(tape, torch.ones(1, 2, 4), tape.output, [tape.input], COMPOSITES["gradient"])


def test_a_view_taken_before_an_in_place_write_keeps_the_value_of_its_moment():
    def write(x):
        flat = x.view(len(x), -1)
        flat.relu_()
        return flat

    net, images = Wrapped(write).eval(), torch.randn(2, 3, 6, 6)
    tape = record(net, images)
    before = tape.layers["conv"][0].tensor
    torch.testing.assert_close(before, net.conv(images).detach())
    assert (before < 0).any()


def test_active_dropout_is_refused_by_name():
    net = Wrapped(lambda x: F.dropout(x, 0.5).mean((2, 3)))
    with pytest.raises(Refused, match=r"dropout.*training=self\.training"):
        record(net, torch.zeros(1, 3, 6, 6))


def test_batch_statistics_are_refused_for_a_batch():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, track_running_stats=False))
    with pytest.raises(Refused, match="track_running_stats"):
        record(net, torch.randn(2, 3, 6, 6))
    record(net, torch.randn(1, 3, 6, 6))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_scripted_module_is_refused_by_name():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), torch.jit.script(nn.Conv2d(4, 4, 3)))
    with pytest.raises(Refused, match=r"layer '1' is a TorchScript module"):
        record(net, torch.randn(1, 3, 9, 9))


def test_a_square_is_no_scaling():
    class Square(torch.nn.Module):
        def forward(self, x):
            return (2 * x * x).sum((1, 2, 3))[:, None]

    tape = record(Square(), torch.rand(2, 1, 3, 3))
    assert [operation.kind for operation in tape.operations][:2] == ["scale", "other"]
