import numpy as np
import pytest
import torch
from torch import nn

from layerscope.errors import Refused
from layerscope.nets import study_2d
from layerscope.views import Scope
from layerscope.views.interrupted import Interrupted
from layerscope.views.synthesis import making
from layerscope.views.synthesis.parametrisation import frequency_scale
from zoo import build


def pattern(axes):
    """A smooth filter of one channel that fades towards its ends."""
    places = torch.linspace(-1, 1, 15)
    wave = torch.sin(3 * places) * torch.cos(places * torch.pi / 2) ** 2
    bump = torch.cos(places * torch.pi / 2) ** 2
    return wave if axes == 1 else wave[:, None] * bump[None]


def planted(axes):
    """A network whose first unit is a matched filter, behind a rectifier that silences it at 0."""
    conv = (nn.Conv1d, nn.Conv2d)[axes - 1](1, 2, 15, padding=7)
    with torch.no_grad():
        conv.weight[0, 0] = pattern(axes)
        conv.bias.fill_(-3.0)
    return nn.Sequential(conv, nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))


def looked(net, images, **options):
    kind = "waveform" if images.dim() == 3 else "photo"
    scope = Scope(net, kind=kind, bounds=(-1, 1), classes=options.pop("classes", None))
    return scope.trace(images).view("activation_maximization", **options)


def correlation(one, other):
    return np.corrcoef(np.ravel(one), np.ravel(other))[0, 1]


def smoothed(filter_):
    """The filter as Fourier numbers favour it: by 1 / frequency squared.

    Each number of the half spectrum stands for two waves, but for those of its first column.
    """
    space = filter_.shape
    spectrum = torch.fft.rfftn(filter_) * frequency_scale(space) ** 2
    spectrum[..., 1:] *= 2  # the last axis is odd here
    return torch.fft.irfftn(spectrum, s=space)


@pytest.mark.parametrize("axes", [1, 2])
@pytest.mark.parametrize(
    ("parametrisation", "robust", "least"),
    [("pixel", False, 0.99), ("fourier", False, 0.99), ("fourier", True, 0.9)],
)
def test_it_finds_the_planted_filter(axes, parametrisation, robust, least):
    net, images = planted(axes), torch.zeros(1, 1, *[31] * axes)
    net(images)  # lazy layers take their shape
    how = {"parametrisation": parametrisation, "robust": robust, "contrast": 0.3}
    view = looked(net, images, layers="0", unit=0, **how)["0"]
    assert view.values.shape == (1, 1, *[15] * axes)
    expected = pattern(axes) if parametrisation == "pixel" else smoothed(pattern(axes))
    assert correlation(view.values, expected) > least
    assert (
        correlation(view.values, pattern(axes)) > {"pixel": 0.99, "fourier": 0.85}[parametrisation]
    )
    assert view.quality["activation"] > view.quality["start"] == -3


def small():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return study_2d(3, 8, input_shape=(3, 40, 40)), torch.randn(2, 3, 40, 40)


@pytest.mark.parametrize("of", ["unit", "channel"])
@pytest.mark.parametrize("contrast", [1.0, None])
@pytest.mark.parametrize("parametrisation", ["fourier", "pixel"])
def test_what_it_says_was_reached_is_what_the_network_answers(of, contrast, parametrisation):
    net, images = small()
    view = looked(
        *(net, images), layers="conv2", unit=[3, 5], of=of, contrast=contrast, steps=8,
        parametrisation=parametrisation,
    )["conv2"]  # fmt: skip
    assert (view.quality["activation"] > view.quality["start"]).all()
    assert view.unit.tolist() == [3, 5]
    if of == "unit":
        whole = torch.randn(2, 3, 40, 40)
        whole[:, :, 10:24, 14:28] = torch.from_numpy(view.values)  # stride 2, field from -6 to 7
        at = (8, 10)
    else:
        whole, at = torch.from_numpy(view.values), None
    with torch.no_grad():
        maps = net.conv2(net.pool1(net.relu1(net.conv1(whole))))[[0, 1], [3, 5]]
    found = maps.mean((1, 2)) if at is None else maps[:, at[0], at[1]]
    np.testing.assert_allclose(found, view.quality["activation"], rtol=1e-4)
    assert np.abs(view.values).max() <= 1


def test_the_contrast_is_held():
    net, images = small()
    for contrast in (0.2, 1.0):
        view = looked(
            net, images, layers="conv3", unit=1, contrast=contrast, steps=16, of="channel"
        )
        before = np.arctanh(view["conv3"].values.astype(float)) * 2  # of the sigmoid
        assert np.sqrt((before**2).mean()) == pytest.approx(contrast, rel=0.02)


def test_bfloat16_reaches_what_float32_does_within_the_tolerance():
    net, images = small()
    options = {"layers": ["conv2", "conv3"], "unit": list(range(8)), "steps": 24}
    reduced, full = (looked(net, images, exact=exact, **options) for exact in (False, True))
    for layer, view in full.items():
        reached, wanted = reduced[layer].quality["activation"], view.quality["activation"]
        assert (reached != wanted).any()
        assert abs(reached.mean() - wanted.mean()) <= 0.05 * wanted.mean()


def test_a_seed_makes_the_same_pictures_again_and_another_others():
    net, images = small()
    first, same, other = (
        looked(net, images, layers="conv2", unit=2, steps=4, seed=seed)["conv2"].values
        for seed in (0, 0, 1)
    )
    assert np.array_equal(first, same)
    assert np.abs(first - other).max() > 0.05


def test_a_unit_alone_is_the_unit_among_others_and_in_any_memory():
    net, images = small()
    options = {"layers": "conv2", "steps": 6, "exact": True, "contrast": 0.5}
    many = looked(net, images, unit=[1, 4, 6], **options)["conv2"]
    alone = looked(net, images, unit=[4], **options)["conv2"]
    np.testing.assert_allclose(many.values[1], alone.values[0], atol=1e-4)
    tight = Scope(net, bounds=(-1, 1), memory=1).trace(images)
    narrow = tight.view("activation_maximization", unit=[1, 4, 6], **options)["conv2"]
    np.testing.assert_allclose(narrow.values, many.values, atol=1e-4)


def test_several_pictures_of_a_unit_are_unlike_by_the_diversity():
    net, images = small()
    options = {"layers": "conv3", "unit": [0, 1], "pictures": 3, "steps": 24, "of": "channel"}
    alike = []
    for diversity in (0.0, 4.0):
        view = looked(net, images, diversity=diversity, **options)["conv3"]
        assert view.axes == ("picture", "unit", "channel", "y", "x")
        assert view.values.shape == (3, 2, 3, 40, 40)
        assert view.quality["activation"].shape == (3, 2)
        with torch.no_grad():
            maps = net.conv3(nn.Sequential(*list(net)[:6])(torch.from_numpy(view.values[:, 0])))
        gram = nn.functional.normalize((maps.flatten(2) @ maps.flatten(2).mT).flatten(1))
        alike.append((gram @ gram.T).triu(1).sum().item() / 3)
    assert alike[1] < alike[0] - 0.05


def test_a_class_may_be_asked_for_by_name_and_the_strongest_units_by_number():
    net, images = small()
    names = ["bed", "bird", "cat", "dog", "house", "tree"]
    view = looked(net, images, layers="fc", unit=["cat", "bed"], classes=names, steps=6)["fc"]
    assert view.unit.tolist() == [2, 0]
    assert view.about == ("cat", "bed")
    assert view.values.shape == (2, 3, 40, 40)
    with torch.no_grad():
        found = net.eval()(torch.from_numpy(view.values))[[0, 1], [2, 0]]
    np.testing.assert_allclose(found, view.quality["activation"], rtol=1e-4)
    top = looked(net, images, layers="conv2", top=3, steps=1)["conv2"]
    with torch.no_grad():
        peaks = net.conv2(net.pool1(net.relu1(net.conv1(images)))).amax((2, 3)).mean(0)
    assert top.unit.tolist() == peaks.argsort(descending=True)[:3].tolist()


@pytest.mark.parametrize("name", ["plain 3-D", "plain 1-D", "gated", "dense"])
def test_any_network_and_any_number_of_axes(name):
    net, images = build(name)
    for layer, view in looked(net, images, robust=True, steps=3).items():
        assert np.isfinite(view.values).all(), layer
        assert (view.quality["activation"] > view.quality["start"]).all(), layer


def test_ctrl_c_loses_nothing_that_is_finished(monkeypatch):
    net, images = small()
    whole = looked(net, images, layers=["conv1", "conv2"], unit=[0, 1, 2], steps=2, exact=True)
    climbed = []

    def climb(*args, **options):
        climbed.append(1)
        if len(climbed) == 6:
            raise KeyboardInterrupt
        return climb_on(*args, **options)

    climb_on = making.climb
    monkeypatch.setattr(making, "climb", climb)
    tight = Scope(net, bounds=(-1, 1), memory=1).trace(images)
    with pytest.raises(Interrupted) as stopped:
        tight.view(
            *("activation_maximization", ["conv1", "conv2"]), unit=[0, 1, 2], steps=2, exact=True
        )
    views = stopped.value.views
    assert list(views) == ["conv1", "conv2"]
    assert views["conv1"].unit.tolist() == [0, 1, 2]
    assert views["conv2"].unit.tolist() == [0, 1]
    np.testing.assert_allclose(views["conv2"].values, whole["conv2"].values[:2], atol=1e-4)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"unit": 16}, "units 0 to 7"),
        ({"unit": "cat"}, "one channel"),
        ({"top": 9}, "8 units"),
        ({"of": "layer"}, '"unit"'),
        ({"steps": 0}, "at least 1"),
        ({"contrast": 0}, "above 0"),
        ({"parametrisation": "jpeg"}, "'fourier', 'pixel'"),
    ],
)
def test_a_wrong_option_is_told_what_is_allowed(options, told):
    net, images = small()
    with pytest.raises(Refused, match=told):
        looked(net, images, layers="conv2", **options)
