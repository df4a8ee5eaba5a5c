"""SmoothGrad, VarGrad and expected gradients: noise, peers with the same draws, exact cases."""

import numpy as np
import pytest
import torch
from torch import nn

from layerscope import Refused
from layerscope.views import Scope, Unit, draws
from layerscope.views.noise import deviations
from peers import peer
from zoo import build

NOISY = ("smooth_grad", "var_grad")


def look(method, net, images, examples=None, scope=None, **options):
    kind = "waveform" if images.dim() == 3 else "photo"
    trace = Scope(net, **({"kind": kind} | (scope or {}))).trace(images, examples=examples)
    return trace.view(method, **options)["input"]


def own_noise(images, samples):
    """Give the unit normal noise of examples "0", "1", ...: `(B * samples, channel, ...)`."""
    shape = tuple(images.shape[1:])
    names = map(str, range(len(images)))
    return torch.stack([draws.normal(shape, 0, name, k) for name in names for k in range(samples)])


@pytest.mark.parametrize(
    ("method", "kind"), [("smooth_grad", "smoothgrad"), ("var_grad", "vargrad")]
)
@pytest.mark.parametrize("network", ["plain", "gated", "plain 1-D"])
def test_captum_with_the_same_noise_finds_the_same(method, kind, network, monkeypatch):
    net, images = build(network)
    captum = peer("captum.attr")
    noise = own_noise(images, 10)
    monkeypatch.setattr(torch, "normal", lambda _mean, deviation: noise * deviation)
    tunnel = captum.NoiseTunnel(captum.Saliency(net.eval()))
    expected = tunnel.attribute(
        images, nt_type=kind, nt_samples=10, stdevs=0.4, target=1, abs=False
    ).numpy()
    scope = {"bounds": (-2, 2), "kind": "photo"}
    found = look(method, net, images, scope=scope, target=1, samples=10, noise=0.1, exact=True)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found.values, expected, rtol=0, atol=2e-5 * scale)


def test_without_noise_it_is_the_gradient_and_varies_nowhere():
    net, images = build("plain")
    options = {"target": 1, "noise": 0, "samples": 3, "exact": True}
    net.eval()
    leaf = images.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(net(leaf)[:, 1].sum(), leaf)
    smooth = look("smooth_grad", net, images, **options).values
    np.testing.assert_allclose(smooth, gradient.numpy(), atol=1e-6)
    assert np.abs(look("var_grad", net, images, **options).values).max() < 1e-12


@pytest.mark.parametrize("method", NOISY)
def test_noise_is_a_share_of_the_bounds_or_of_the_example_s_own_range(method):
    net, images = build("plain")
    images[1] *= 3
    options = {"target": 1, "samples": 4, "exact": True}
    wide = images.flatten(1).amax(1) - images.flatten(1).amin(1)
    own = look(method, net, images, noise=0.1, **options).values
    for row in (0, 1):
        bounds = (0.0, float(wide[row]))
        bounded = look(method, net, images, scope={"bounds": bounds}, noise=0.1, **options).values
        np.testing.assert_allclose(own[row], bounded[row], atol=1e-6 * np.abs(own).max())
    assert np.abs(own[1 - row] - bounded[1 - row]).max() > 1e-3 * np.abs(own).max()
    channels = (torch.zeros(3, 1, 1), torch.tensor([1.0, 2.0, 4.0]).view(3, 1, 1))
    found = look(method, net, images, scope={"bounds": channels}, noise=0.1, **options)
    assert np.abs(found.values - bounded).max() > 1e-3 * np.abs(own).max()


@pytest.mark.parametrize("kind", ["waveform", "recording"])
def test_noise_of_a_sound_is_a_share_of_four_times_its_own_deviation(kind):
    net, images = build("plain 1-D")
    images[0] *= 3
    scope = Scope(net, kind=kind, bounds=(-100.0, 100.0))
    found = deviations(scope.trace(images), 0.1)
    expected = 0.4 * images.flatten(1).numpy().std(axis=1)
    np.testing.assert_allclose(found.flatten().numpy(), expected, rtol=1e-5)


@pytest.mark.parametrize("method", NOISY)
@pytest.mark.parametrize("exact", [True, False])
def test_draws_belong_to_the_example_and_not_to_its_place(method, exact):
    net, images = build("residual")
    options = {"target": 1, "samples": 6, "noise": 0.05, "exact": exact}
    names = list("abcde")
    forth = look(method, net, images, names, **options).values
    back = look(method, net, images.flip(0), names[::-1], **options).values[::-1]
    alone = look(method, net, images[2:3], ["c"], **options).values
    np.testing.assert_array_equal(forth, back)
    np.testing.assert_array_equal(forth[2:3], alone)
    renamed = look(method, net, images, list("vwxyz"), **options).values
    other = look(method, net, images, names, seed=1, **options).values
    for changed in (renamed, other):
        assert np.abs(changed - forth).max() > 0


def test_more_samples_come_closer_to_the_mean():
    net, images = build("plain")
    options = {"target": 1, "noise": 0.1, "exact": True}
    far, near, mean = (
        look("smooth_grad", net, images, samples=count, seed=seed, **options).values
        for count, seed in ((4, 0), (64, 0), (1500, 1))
    )
    assert np.linalg.norm(near - mean) < 0.5 * np.linalg.norm(far - mean)


def test_the_variance_of_a_linear_network_s_gradient_is_zero_and_of_a_square_is_known():
    class Square(nn.Module):
        def forward(self, x):
            return (x**2).flatten(1).sum(1, keepdim=True) * torch.ones(1, 2)

    images = torch.rand(2, 1, 40, 40)
    straight = nn.Sequential(nn.Flatten(), nn.Linear(1600, 2))
    assert np.abs(look("var_grad", straight, images, target=0, exact=True).values).max() < 1e-10
    found = look(
        *("var_grad", Square(), images), scope={"bounds": (0, 1)}, target=0, noise=0.2, exact=True
    )
    # d(x^2)/dx = 2x under noise of variance 0.04: 4 * 0.04, less 1/32 for the mean of 32
    assert abs(found.values.mean() - 4 * 0.04 * 31 / 32) < 0.005


def test_expected_gradients_of_a_linear_network_are_exact_and_sum_to_what_is_said():
    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    images, others = torch.randn(4, 3, 2, 2), torch.randn(1, 3, 2, 2)
    found = look("expected_gradients", net, images, target=2, baselines=others, samples=3)
    expected = (images - others) * net[1].weight[2].view(3, 2, 2)
    np.testing.assert_allclose(found.values, expected.detach().numpy(), atol=1e-5)
    np.testing.assert_allclose(found.quality["gap"], 0, atol=1e-5)


def test_with_one_baseline_they_approach_integrated_gradients():
    net, images = build("plain")
    start = torch.full_like(images[:1], 0.3)
    found = look("expected_gradients", net, images, target=1, baselines=start, samples=400)
    whole = look(
        "integrated_gradients", net, images, target=1, baseline=0.3, tolerance=0, steps=100
    )
    error = np.linalg.norm(found.values - whole.values) / np.linalg.norm(whole.values)
    assert error < 0.05
    assert np.abs(found.quality["gap"]).max() < 0.05


def test_captum_s_gradient_shap_has_the_same_mean():
    net, images = build("plain")
    shap = peer("captum.attr").GradientShap(net.eval())
    others = torch.randn(8, *images.shape[1:], generator=torch.Generator().manual_seed(3))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        np.random.seed(0)
        theirs = shap.attribute(images, others, n_samples=1000, target=1).detach().numpy()
    ours, few = (
        look("expected_gradients", net, images, target=1, baselines=others, samples=n).values
        for n in (1000, 8)
    )
    error, coarse = (np.linalg.norm(x - theirs) / np.linalg.norm(theirs) for x in (ours, few))
    assert error < 0.12
    assert error < coarse / 3


def test_the_gap_of_expected_gradients_is_of_the_baselines_that_were_drawn():
    net, images = build("plain")
    net.eval()
    others = torch.randn(5, *images.shape[1:])
    view = look("expected_gradients", net, images, target=1, baselines=others, samples=7)
    with torch.no_grad():
        scores, at_others = net(images)[:, 1], net(others)[:, 1]
    for row in range(5):
        numbers = draws.generator(0, str(row))
        chosen = torch.randint(5, (7,), generator=numbers)
        difference = float(scores[row] - at_others[chosen].mean())
        gap = view.values[row].sum() - difference
        np.testing.assert_allclose(view.quality["gap"][row], gap, atol=1e-5)


def test_a_unit_inside_the_network_may_be_the_target():
    net, images = build("plain")
    target = Unit("3", 2, (4, 4))
    for method in ("smooth_grad", "var_grad", "expected_gradients"):
        more = {"baselines": images} if method == "expected_gradients" else {"noise": 0.1}
        view = look(method, net, images, target=target, **more)
        assert np.abs(view.values).max() > 0
        assert (view.values[..., 15:, 15:] == 0).all()  # out of the unit's receptive field


@pytest.mark.parametrize(
    ("method", "options", "named"),
    [
        ("smooth_grad", {"samples": 0}, "samples=0"),
        ("var_grad", {"samples": 1}, "samples=1"),
        ("smooth_grad", {"noise": -0.1}, "noise=-0.1"),
        ("expected_gradients", {}, "give baselines="),
        ("expected_gradients", {"baselines": torch.zeros(2, 3, 4, 4)}, r"\(2, 3, 4, 4\)"),
    ],
)
def test_what_makes_no_sense_is_refused(method, options, named):
    net, images = build("plain")
    with pytest.raises(Refused, match=named):
        look(method, net, images, **options)
