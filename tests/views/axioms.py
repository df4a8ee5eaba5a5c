"""A check for each axiom that a method may claim, under the words by which it claims it."""

import numpy as np
import torch
from torch import nn

from layerscope.views import find_method
from views import look as looking
from views.look import home, options_of, passes, scale_of, trace_of
from zoo import build

INPUT = "input"


def look(net, images, method, **options):
    """Look in full precision: axioms are asked of the method, not of bfloat16."""
    if find_method(method, {}).tolerance is not None:
        options["exact"] = True
    return looking.look(net, images, method, **options)


def not_negative(method, entry):
    for network in passes(method):
        for view in look(*build(network), method).values():
            assert (view.values >= 0).all()


def completeness(method, entry):
    """The values sum to the score less the baseline's; what is missing is the reported gap."""
    for network in ("plain", "residual", "plain 1-D", "dense"):
        if network in entry.refuses:
            continue
        net, images = build(network)
        view = look(net, images, method, target="b - c")[INPUT]
        net.eval()
        with torch.no_grad():
            score = net(images)[:, 1] - net(images)[:, 2]
            at_baseline = baseline_score(net, images, options_of(method, images))
        difference = (score - at_baseline).numpy()
        missing = view.values.reshape(5, -1).sum(1) - difference
        scale = np.abs(difference) + 0.01 * np.abs(view.values).reshape(5, -1).sum(1)
        assert (np.abs(missing) <= entry.gap * scale).all()
        np.testing.assert_allclose(view.quality["gap"], missing, atol=2e-4 * scale.max())


def baseline_score(net, images, options):
    from layerscope.views.legal import baseline_like

    given = options.get("baseline")
    answer = net(baseline_like(images, given))
    return answer[:, 1] - answer[:, 2]


def conservation(method, entry):
    """At every layer: the relevance and what the account says was lost sum to the score."""
    for network in passes(method):
        net, images = build(network)
        trace = trace_of(net, images)
        score = trace.aim(1).score(trace.logits).numpy()
        options = options_of(method, images, target=1)
        if "layers" in find_method(method, {}).options:
            options["layers"] = [*trace.layer_names("conv"), INPUT]
        for view in trace.view(method, **options).values():
            lost = sum(view.quality[name] for name in ("bias", "epsilon", "elsewhere"))
            total = view.values.reshape(5, -1).sum(1) + lost
            np.testing.assert_allclose(view.quality["score"], score, rtol=0, atol=1e-5)
            scale = max(np.abs(score).max(), np.abs(view.values).reshape(5, -1).sum(1).max())
            np.testing.assert_allclose(total, score, rtol=0, atol=1e-4 * scale)


class Blind(nn.Module):
    """A network that cannot see a part of its input: the left third."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        kept = torch.ones_like(x[:1])
        kept[..., : x.shape[-1] // 3] = 0
        return self.net(x * kept)


class BlindInside(nn.Module):
    """The plain network of the zoo, that does not use the left third of its first layer's map."""

    def __init__(self, net):
        super().__init__()
        self.conv, self.rest = net[0], net[2:]

    def forward(self, x):
        x = torch.relu(self.conv(x))
        kept = torch.ones_like(x[:1])
        kept[..., : x.shape[-1] // 3] = 0
        return self.rest(x * kept)


def sensitivity(method, entry):
    """What cannot influence the score gets exactly 0, and something else does not."""
    if "layers" in find_method(method, {}).options:
        net, images = build("plain")
        view = look(BlindInside(net), images, method, layers=["conv"])["conv"]
        third = view.values.shape[-1] // 3
        assert np.abs(view.values[..., :third]).max() <= 1e-6 * scale_of(view)
        assert np.abs(view.values[..., third:]).max() > 0
        return
    for network in ("plain", "residual", "plain 1-D"):
        net, images = build(network)
        third = images.shape[-1] // 3
        view = look(Blind(net), images, method)[INPUT]
        unseen = view.values[..., :third]
        assert np.abs(unseen).max() <= 1e-6 * scale_of(view)
        assert np.abs(view.values[..., third:]).max() > 0


class Otherwise(nn.Module):
    """The plain network of the zoo, computed in another way."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        net, axes, does = self.net, x.dim() - 2, nn.functional
        conv = does.conv1d if axes == 1 else does.conv2d
        pool = does.max_pool1d if axes == 1 else does.max_pool2d
        mean = does.adaptive_avg_pool1d if axes == 1 else does.adaptive_avg_pool2d
        half = conv(x, net[0].weight / 2, None, padding=1)
        x = torch.relu(half + half + net[0].bias.view(1, -1, *[1] * axes))
        x = pool(torch.relu(x), 2, ceil_mode=True)
        x = conv(does.pad(x, (1, 1) * axes), net[3].weight, net[3].bias)
        x = pool(x.clamp(min=0), 3, 2, 1)
        x = mean(x, 2).reshape(len(x), -1)
        return x @ net[9].weight.T + net[9].bias


def implementation_invariance(method, entry):
    """Two networks that compute the same function give the same values."""
    net, images = build(home(method))
    one = look(net, images, method)[INPUT]
    other = look(Otherwise(net), images, method)[INPUT]
    np.testing.assert_allclose(one.values, other.values, rtol=0, atol=1e-4 * scale_of(one))


def shift_equivariance(method, entry):
    """Moving the picture by the stride of the layer moves the map by one cell."""
    torch.manual_seed(3)
    net = nn.Sequential(
        *(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 8, 3), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)),
    )
    images = torch.zeros(5, 3, 40, 40)
    images[:, :, 14:24, 14:24] = torch.randn(5, 3, 10, 10)
    moved = images.roll(2, -1)
    for layer, stride in (("0", 1), ("3", 2)):
        for shift in (2 // stride,):
            here = look(net, images, method, layers=[layer])[layer].values
            there = look(net, moved, method, layers=[layer])[layer].values
            scale = max(np.abs(here).max(), 1e-12)
            cut = slice(6, -6) if stride == 1 else slice(3, -3)
            expected = np.roll(here, shift, -1)[..., cut]
            np.testing.assert_allclose(there[..., cut], expected, rtol=0, atol=1e-4 * scale)


def linear_in_the_target(method, entry):
    """What explains a difference is the difference of what explains each."""
    for network in ("plain", "residual", "plain 1-D"):
        if network in entry.refuses:
            continue
        net, images = build(network)
        both = look(net, images, method, target="b - c")
        one, other = (look(net, images, method, target=name) for name in ("b", "c"))
        for layer, view in both.items():
            expected = one[layer].values - other[layer].values
            scale = max(scale_of(one[layer]), scale_of(other[layer]))
            np.testing.assert_allclose(view.values, expected, rtol=0, atol=1e-4 * scale)


def silent_unit(method, entry):
    """A unit that is zero everywhere gives zeros; a map of all units is zero if all of them are."""
    net, images = build("plain")
    registered = find_method(method, {})
    if "unit" not in registered.options:
        with torch.no_grad():
            net[3].weight[2 if registered.axes[0] == "unit" else slice(None)] = 0
            net[3].bias[2 if registered.axes[0] == "unit" else slice(None)] = -1
        values = look(net, images, method, layers=["3"])["3"].values
        assert (values[2 if registered.axes[0] == "unit" else slice(None)] == 0).all()
        net, images = build("plain")
        assert np.abs(look(net, images, method, layers=["3"])["3"].values).max() > 0
        return
    with torch.no_grad():
        net[3].weight[2] = 0
        net[3].bias[2] = -1
    view = look(net, images, method, layers=["3"], unit=2)["3"]
    assert (view.values == 0).all()
    assert np.abs(look(net, images, method, layers=["3"], unit=0)["3"].values).max() > 0


def homogeneous(method, entry):
    """Twice the activation gives twice the values."""
    net, images = build("plain")
    registered = find_method(method, {})
    unit = {"unit": 0} if "unit" in registered.options else {}
    before = look(net, images, method, layers=["3"], **unit)["3"]
    with torch.no_grad():
        net[0].weight *= 2
        net[0].bias *= 2
        net[3].bias *= 2
    after = look(net, images, method, layers=["3"], **unit)["3"]
    # on the way down to the input, the first layer's weights are doubled once more
    expected = (4 if "channel" in registered.axes else 2) * before.values
    np.testing.assert_allclose(after.values, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def none_claimed(method, entry):
    """Nothing is claimed: there are maps, and they depend on the network."""
    net, images = build(home(method))
    one = look(net, images, method)
    other = look(build(home(method), seed=1)[0], images, method)
    assert any(np.abs(one[k].values - other[k].values).max() > 0 for k in one)


CHECKS = {
    "not negative": not_negative,
    "completeness": completeness,
    "conservation": conservation,
    "sensitivity": sensitivity,
    "implementation invariance": implementation_invariance,
    "shift equivariance": shift_equivariance,
    "linear in the target": linear_in_the_target,
    "silent unit": silent_unit,
    "homogeneous": homogeneous,
    "none claimed": none_claimed,
}
