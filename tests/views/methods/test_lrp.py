import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from layerscope import Refused
from layerscope.nets import study_2d
from layerscope.views import Scope
from layerscope.views.rules.composites import RELEVANCE_RULES, RelevanceRules
from peers import peer
from views.methods import lrp_twin
from views.methods.small_networks import drawn
from zoo import build

BOUNDS = (-4.0, 4.0)


def trace_of(net, images, **more):
    kind = "waveform" if images.dim() == 3 else "photo"
    return Scope(net, kind=kind, bounds=BOUNDS, **more).trace(images)


def assert_close(found, expected, tolerance):
    scale = np.abs(expected).max()
    assert scale > 0
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * scale)


def missing(view):
    """Give what the account of each example leaves open, as a share of what there is."""
    parts = view.quality
    whole = view.values.reshape(len(view.values), -1)
    total = whole.sum(1) + parts["bias"] + parts["epsilon"] + parts["elsewhere"]
    return np.abs(total - parts["score"]) / np.maximum(np.abs(whole).sum(1), np.abs(total))


RULES = {
    **RELEVANCE_RULES,
    "gamma, w2": RelevanceRules(conv="gamma", first="w_square"),
    "flat everywhere": RelevanceRules(conv="flat", dense="flat"),
}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("network", ["plain", "plain 1-D", "plain 3-D", "residual"])
def test_every_composite_equals_its_slow_twin(name, network):
    net, images = build(network)
    corner = (slice(3), slice(None), *[slice(5 if images.dim() == 5 else 9)] * (images.dim() - 2))
    net, images = net.double(), images[corner].double()
    rules = RULES[name]
    view = trace_of(net, images).view("lrp", target=2, composite=rules, gamma=0.5)["input"]
    written = {"conv": rules.conv, "dense": rules.dense, "first": rules.first}
    options = {"gamma": 0.5, "bounds": BOUNDS}
    expected = lrp_twin.lrp(net.eval(), images, 2, written, options)
    assert_close(view.values, expected.numpy(), 1e-5)


def test_relevance_at_every_layer_equals_the_slow_twin_s():
    net, images = build("plain")
    views = trace_of(net, images).view("lrp", layers=["input", "all"], target=2)
    rules = {"conv": "z_plus", "dense": "epsilon", "first": "flat"}
    with torch.no_grad():
        net, images = net.eval().double(), images.double()
        found = lrp_twin.of_sequence(net, images, 2, rules, {"epsilon": 1e-6})
    assert list(views) == ["input", *(name for name, _ in net.named_children())]
    for layer, view in views.items():
        place = 0 if layer == "input" else int(layer) + 1
        assert_close(view.values, found[place].numpy(), 1e-4)


@pytest.mark.filterwarnings("ignore")  # the peer's own
@pytest.mark.parametrize("network", ["study", "plain", "plain 1-D", "plain 3-D"])
@pytest.mark.parametrize(
    ("name", "biases"),
    [
        *(("EpsilonPlusFlat", True), ("EpsilonPlus", True), ("EpsilonGammaBox", True)),
        *(("EpsilonPlusFlat", False), ("EpsilonPlus", False)),
    ],
)
def test_equals_zennit(name, network, biases):
    """Its gamma without biases takes the sign of an answer with them, and is no oracle."""
    composites = peer("zennit.composites")
    torch.manual_seed(0)
    if network == "study":
        net, images = study_2d(4, 8, input_shape=(3, 41, 37)).eval(), torch.randn(3, 3, 41, 37)
    else:
        net, images = build(network)
        net.eval()
    low, high = (torch.full_like(images, bound) for bound in BOUNDS)
    more = {"low": low, "high": high} if "Box" in name else {}
    more = more if biases else {**more, "zero_params": "bias"}
    ours = {
        "EpsilonPlusFlat": "epsilon_plus_flat",
        "EpsilonPlus": "epsilon_plus",
        "EpsilonGammaBox": "epsilon_gamma_box",
    }[name]
    trace = trace_of(net, images)
    view = trace.view("lrp", target=1, composite=ours, biases=biases)["input"]
    leaf = images.clone().requires_grad_()
    with getattr(composites, name)(**more).context(net) as changed:
        answer = changed(leaf)
        seed = torch.zeros_like(answer)
        seed[:, 1] = answer[:, 1].detach()
        (theirs,) = torch.autograd.grad(answer, leaf, seed)
    assert_close(view.values, theirs.numpy(), 1e-4)


@pytest.mark.filterwarnings("ignore")  # the peer's own
def test_equals_captum_where_it_is_right():
    from captum.attr import LRP
    from captum.attr._utils.lrp_rules import EpsilonRule

    torch.manual_seed(0)
    net = nn.Sequential(
        *(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 8, 3), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 4, 1), Last()),
    ).eval()
    images = torch.randn(3, 3, 19, 19)
    view = trace_of(net, images).view("lrp", target=1, composite="epsilon")["input"]
    for module in net:
        module.rule = EpsilonRule(1e-6)
    theirs = LRP(net).attribute(images.clone(), target=1).detach().numpy()
    assert_close(view.values, theirs, 1e-3)


class Last(nn.AvgPool2d):
    """A pool of one cell and the end of the spatial axes, for which the peer has a rule."""

    def __init__(self):
        super().__init__(1)

    def forward(self, x):
        return super().forward(x)[:, :, 0, 0]


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_relevance_is_conserved_in_any_small_network(data):
    net, images = drawn(data)
    composite = data.draw(st.sampled_from(sorted(RELEVANCE_RULES)))
    trace, biases = trace_of(net, images), data.draw(st.booleans())
    views = trace.view("lrp", layers=["input", "all"], composite=composite, biases=biases)
    assert all(missing(view).max() < 1e-4 for view in views.values())
    assert np.abs(views["input"].quality["elsewhere"]).max() == 0


def test_a_residual_sum_does_not_double_the_relevance():
    """zennit #236: of x + x / 3 the two summands share by contribution, 3 to 1."""
    torch.manual_seed(0)
    net = nn.Sequential(Shortcut(), nn.Flatten(), nn.Linear(4, 2, bias=False))
    images = torch.rand(2, 1, 2, 2) + 1
    views = trace_of(net, images).view("lrp", layers=["input", "0.branch"], composite="epsilon")
    whole = views["input"].values.reshape(2, -1).sum(1)
    np.testing.assert_allclose(whole, views["input"].quality["score"], rtol=1e-4)
    branch = views["0.branch"]
    np.testing.assert_allclose(branch.values, views["input"].values / 4, rtol=1e-4)
    np.testing.assert_allclose(branch.quality["elsewhere"], whole * 3 / 4, rtol=1e-4)


class Shortcut(nn.Module):
    def __init__(self):
        super().__init__()
        self.branch = nn.Conv2d(1, 1, 1, bias=False)
        nn.init.constant_(self.branch.weight, 1 / 3)

    def forward(self, x):
        return x + self.branch(x)


def test_a_gate_takes_nothing_and_its_signal_all():
    class Gate(nn.Module):
        def __init__(self):
            super().__init__()
            self.signal, self.gate = nn.Conv1d(2, 3, 1), nn.Conv1d(2, 3, 1)
            self.fc = nn.Linear(3, 2)

        def forward(self, x):
            return self.fc((self.signal(x) * self.gate(x).sigmoid()).mean(-1))

    trace = trace_of(Gate(), torch.randn(3, 2, 5))
    views = trace.view("lrp", layers=["input", "all"], composite="epsilon")
    assert not views["gate"].values.any()
    assert views["signal"].values.any()
    assert all(missing(view).max() < 1e-5 for view in views.values())


def test_of_two_factors_neither_of_which_is_a_gate_each_takes_half():
    class Product(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Conv1d(2, 3, 1), nn.Conv1d(2, 3, 1)
            self.fc = nn.Linear(3, 2)

        def forward(self, x):
            return self.fc((self.one(x) * self.two(x)).mean(-1))

    trace = trace_of(Product(), torch.randn(3, 2, 5))
    views = trace.view("lrp", layers=["input", "all"], composite="epsilon")
    assert views["one"].values.any()
    np.testing.assert_array_equal(views["one"].values, views["two"].values)
    assert all(missing(view).max() < 1e-5 for view in views.values())


class Padding(nn.Module):
    def __init__(self, value):
        super().__init__()
        self.value = value

    def forward(self, x):
        return nn.functional.pad(x, (1, 1, 1, 1), value=self.value)


@pytest.mark.parametrize("composite", [*RELEVANCE_RULES, RULES["gamma, w2"]])
def test_padding_by_a_call_is_padding_by_the_convolution(composite):
    torch.manual_seed(0)
    one, rest = nn.Conv2d(3, 4, 3, padding=1), (nn.ReLU(), nn.Flatten(), nn.Linear(256, 2))
    other = nn.Conv2d(3, 4, 3)
    other.load_state_dict(one.state_dict())
    images = torch.randn(2, 3, 8, 8)
    found = [
        trace_of(net, images).view("lrp", target=1, composite=composite)["input"]
        for net in (nn.Sequential(one, *rest), nn.Sequential(Padding(0.0), other, *rest))
    ]
    assert_close(found[1].values, found[0].values, 1e-5)
    assert missing(found[1]).max() < 1e-5


@pytest.mark.parametrize("composite", ["epsilon", "epsilon_plus_flat", "epsilon_plus_box"])
def test_what_a_padding_of_other_numbers_takes_is_accounted_for(composite):
    torch.manual_seed(0)
    net = nn.Sequential(Padding(2.0), nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(256, 2))
    view = trace_of(net, torch.randn(2, 3, 8, 8)).view("lrp", composite=composite)["input"]
    assert missing(view).max() < 1e-5


def test_a_pool_of_the_input_itself_shares_equally():
    torch.manual_seed(0)
    net = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(36, 2))
    views = trace_of(net, torch.randn(2, 3, 10, 10)).view("lrp", layers=["input", "0"], target=1)
    pooled = views["0"].values
    assert_close(views["input"].values, pooled.repeat(2, 2).repeat(2, 3) / 4, 1e-4)


@pytest.mark.parametrize("layer", ["a1", "b1", "short", "stem"])
def test_what_goes_past_a_layer_is_accounted_for_when_it_alone_is_asked_for(layer):
    net, images = build("residual")
    view = trace_of(net, images).view("lrp", layers=[layer], target=1)[layer]
    assert missing(view).max() < 1e-5
    assert bool(view.quality["elsewhere"].any()) == (layer != "stem")


def test_a_group_norm_shares_with_its_deviation_held_constant():
    torch.manual_seed(1)
    conv, norm, last = nn.Conv1d(4, 4, 1), nn.GroupNorm(2, 4), nn.Linear(20, 2)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    net, images = nn.Sequential(conv, norm, nn.Flatten(), last), torch.randn(2, 4, 5)
    view = trace_of(net, images).view("lrp", target=0, composite="epsilon")["input"]
    leaf = images.clone().requires_grad_()
    groups = conv(leaf).view(2, 2, 10)
    centred = groups - groups.mean(-1, keepdim=True)
    deviation = (groups.var(-1, correction=0, keepdim=True) + norm.eps).sqrt().detach()
    normed = (centred / deviation).view(2, 4, 5) * norm.weight[:, None] + norm.bias[:, None]
    (gradient,) = torch.autograd.grad(last(normed.flatten(1))[:, 0].sum(), leaf)
    assert_close(view.values, (gradient * images).numpy(), 1e-4)
    assert missing(view).max() < 1e-5


def test_a_norm_and_a_shift_of_the_input_itself_only_change_its_units():
    torch.manual_seed(0)
    inner = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(5 * 36, 3))

    class Normalising(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = inner

        def forward(self, x):
            return self.inner(x * -5 + 2)

    images = torch.rand(2, 3, 8, 8)
    for composite in ("epsilon_plus_flat", "epsilon_gamma_box"):
        scopes = Scope(Normalising(), bounds=(0, 1)), Scope(inner, bounds=(-3, 2))
        inside = scopes[0].trace(images).view("lrp", target=1, composite=composite)["input"]
        before = scopes[1].trace(images * -5 + 2)
        outside = before.view("lrp", target=1, composite=composite)["input"]
        assert_close(inside.values, outside.values, 1e-4)


def test_the_bounds_of_the_box_are_asked_for_by_name():
    net, images = build("plain")
    trace = Scope(net).trace(images)
    with pytest.raises(Refused, match=r"zB rule .* Scope\(..., bounds="):
        trace.view("lrp", composite="epsilon_gamma_box")
    with pytest.raises(Refused, match="stands at the first layer only"):
        RelevanceRules(conv="z_box")


@pytest.mark.parametrize("composite", ["epsilon_plus_flat", "gamma"])
def test_gates_are_refused_by_rules_for_rectifiers(composite):
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.SiLU(), nn.Flatten(), nn.Linear(4 * 36, 2))
    trace = trace_of(net, torch.randn(2, 3, 8, 8))
    with pytest.raises(Refused, match=r"silu.*epsilon"):
        trace.view("lrp", composite=composite)
    assert trace.view("lrp", composite="epsilon")["input"].values.any()


@pytest.mark.parametrize(
    ("layer", "word"), [(lambda x: x.softmax(1), "softmax"), (lambda x: x.sin(), "sin")]
)
def test_what_has_no_rule_is_refused_by_name(layer, word):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Linear(4, 4), nn.Linear(4, 2)

        def forward(self, x):
            return self.two(layer(self.one(x)))

    with pytest.raises(Refused, match=f"{word}.*no rule of relevance"):
        trace_of(Net(), torch.randn(2, 4)).view("lrp", composite="epsilon")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"composite": "epsilon_plus_flt"}, "epsilon_plus_flat"),
        ({"epsilon": 0}, "epsilon is above 0"),
        ({"gamma": -1}, "gamma not below"),
    ],
)
def test_wrong_options_are_told_what_there_is(options, words):
    net, images = build("plain")
    with pytest.raises(Refused, match=words):
        trace_of(net, images).view("lrp", **options)


def test_a_layer_after_what_is_explained_is_left_out_of_all_and_refused_by_name():
    from layerscope.views.aims import Unit

    net, images = build("plain")
    trace = trace_of(net, images)
    views = trace.view("lrp", layers="all", target=Unit("3"))
    assert list(views) == ["0", "1", "2", "3", "4"]
    with pytest.raises(Refused, match="comes after the one where the seeds start"):
        trace.view("lrp", layers=["9"], target=Unit("3"))
