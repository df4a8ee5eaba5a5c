import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from torch import nn

from layerscope import Refused
from layerscope.nets import study_1d, study_mnist
from layerscope.views import Scope, View
from untouched import prepare, state_of
from zoo import build

NETWORKS = ["plain", "functional", "in place", "residual", "residual 1-D", "dense", "plain 3-D"]


def scope_of(net, images, **more):
    return Scope(net, kind="waveform" if images.dim() == 3 else "photo", **more)


def figure(net, data, *, memory=2**29, **options):
    first = data[0] if isinstance(data[0], torch.Tensor) else data[0][0]
    trace = scope_of(net, first, memory=memory).trace(first[:1])
    return trace.view("zeiler_fergus", data=iter(data), **options)


def cross():
    """Give a convolution that answers a cross and nothing else, and pictures that hold one."""
    pattern = torch.tensor([[-1.0, 1, -1], [1, 1, 1], [-1, 1, -1]])
    net = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))
    images = torch.rand(6, 1, 12, 10, generator=torch.Generator().manual_seed(0)) / 10
    net(images)
    with torch.no_grad():
        net[0].weight[0, 0], net[0].bias[:] = pattern, -1
    images[4, 0, 5:8, 2:5] = pattern.clamp(min=0)  # its centre at (6, 3)
    images[1, 0, 0:2, 8:10] = 0.9 * pattern.clamp(min=0)[1:, :2]  # at the corner (0, 9)
    return net, images, pattern.clamp(min=0).numpy()


def test_the_patches_hold_a_planted_pattern_at_the_known_place():
    net, images, pattern = cross()
    trace = Scope(net, baseline=-7.0).trace(images[:1])
    data = [(images[:3], None, "abc"), (images[3:], None, "def")]
    view = trace.view("zeiler_fergus", data=data, top=2)["0"]
    patches = view.quality["patches"]
    assert view.axes == ("unit", "rank", "channel", "y", "x")
    assert view.values.shape == patches.shape == (1, 2, 1, 3, 3)
    assert view.quality["example"].tolist() == [["e", "b"]]
    assert view.quality["position"].tolist() == [[[6, 3], [0, 9]]]
    assert view.quality["start"].tolist() == [[[5, 2], [-1, 8]]]
    np.testing.assert_array_equal(patches[0, 0, 0], pattern)
    np.testing.assert_allclose(patches[0, 1, 0, 1:, :2], 0.9 * pattern[1:, :2], atol=1e-7)
    assert (patches[0, 1, 0, 0] == -7).all()
    assert (patches[0, 1, 0, :, 2] == -7).all()
    activation = view.quality["activation"][0]
    np.testing.assert_allclose(activation, [5 - 1, 3 * 0.9 - 1], atol=1e-6)
    # a convolution transposed: the activation times the filter, cut where the picture ends
    weight = net[0].weight.detach().numpy()[0]
    np.testing.assert_allclose(view.values[0, 0], activation[0] * weight, atol=1e-6)
    assert (view.values[0, 1, 0, 0] == 0).all()
    np.testing.assert_allclose(
        view.values[0, 1, 0, 1:, :2], activation[1] * weight[0, 1:, :2], atol=1e-6
    )


def test_a_patch_explains_its_activation_in_the_first_layer():
    net, images = build("in place")
    view = figure(net, [images], top=3)["conv1"]
    weight, bias = net.conv1.weight.detach().numpy(), net.conv1.bias.detach().numpy()
    found = np.einsum("ukcyx,ucyx->uk", view.quality["patches"], weight) + bias[:, None]
    np.testing.assert_allclose(found, view.quality["activation"], atol=1e-5)


@pytest.mark.parametrize("network", NETWORKS)
def test_projections_are_the_deconvnet_of_the_unit_cut_to_the_patch(network):
    net, images = build(network)
    found = figure(net, [(images[:2], None, "ab"), (images[2:], None, "cde")], top=2)
    trace = scope_of(net, images).trace(images, examples="abcde")
    for layer, view in found.items():
        for unit in (0, view.values.shape[0] - 1):
            whole = trace.view("deconvnet", layers=[layer], unit=unit)[layer]
            peaks = whole.quality["activation"]
            for rank, row in enumerate(np.argsort(-peaks, kind="stable")[:2]):
                if peaks[row] == 0:
                    assert view.quality["example"][unit, rank] == ""
                    continue
                assert view.quality["example"][unit, rank] == "abcde"[row]
                start = view.quality["start"][unit, rank]
                expected = cut(whole.values[row], start, view.values.shape[3:])
                scale = max(np.abs(expected).max(), 1e-6)
                np.testing.assert_allclose(
                    view.values[unit, rank], expected, rtol=0, atol=1e-5 * scale
                )
                assert np.abs(whole.values[row]).sum() <= np.abs(expected).sum() * (1 + 1e-5)
                picture = cut(images[row].numpy(), start, view.values.shape[3:])
                np.testing.assert_array_equal(view.quality["patches"][unit, rank], picture)


def cut(picture, start, size):
    """Cut a window out of a picture that is surrounded by zeros."""
    room = max(picture.shape[1:]) + max(size)
    around = np.pad(picture, [(0, 0), *[(room, room)] * len(size)])
    window = tuple(slice(s + room, s + room + n) for s, n in zip(start, size, strict=True))
    return around[(slice(None), *window)]


@given(cuts=st.lists(st.integers(1, 16), max_size=5), memory=st.sampled_from([1, 2**20, 2**29]))
@settings(max_examples=12, deadline=None)
def test_the_figure_is_the_same_however_the_data_are_cut(cuts, memory):
    net, _ = build("plain 1-D")
    with torch.no_grad():  # whole numbers are computed exactly in a batch of any size
        for parameter in net.parameters():
            parameter.copy_((parameter * 20).round())
    draw = torch.Generator().manual_seed(2)
    images = torch.randint(-3, 4, (17, 3, 17), generator=draw).float()
    images[9], images[12] = images[3], images[3]  # ties: the first one goes before
    whole = figure(net, [images], top=4)
    ends = [*sorted(set(cuts)), 17]
    parts = [images[a:b] for a, b in zip([0, *ends], ends, strict=False)]
    for layer, view in figure(net, parts, top=4, memory=memory).items():
        for name in ("example", "position", "start", "patches"):
            np.testing.assert_array_equal(view.quality[name], whole[layer].quality[name])
        scale = np.abs(whole[layer].values).max()
        np.testing.assert_allclose(view.values, whole[layer].values, rtol=0, atol=1e-5 * scale)


def test_the_trace_s_own_batch_is_read_without_another_forward_pass():
    net, images = build("residual")
    calls = []
    net.register_forward_hook(lambda *_: calls.append(1))
    own = Scope(net).trace(images).view("zeiler_fergus", top=2)
    assert len(calls) == 1
    for layer, view in figure(net, [images], top=2).items():
        np.testing.assert_array_equal(view.quality["example"], own[layer].quality["example"])
        np.testing.assert_allclose(view.values, own[layer].values, atol=1e-6)


def test_units_may_be_chosen_for_each_layer():
    net, images = build("plain")
    every = figure(net, [images], top=2)
    some = figure(net, [images], top=2, unit={"0": [4, 1]})
    assert some["0"].unit.tolist() == [4, 1]
    np.testing.assert_allclose(some["0"].values, every["0"].values[[4, 1]], atol=1e-7)
    np.testing.assert_allclose(some["3"].values, every["3"].values, atol=1e-7)
    assert figure(net, [images], top=1, layers="3", unit=5)["3"].values.shape[:2] == (1, 1)


def test_a_silent_unit_has_no_patches():
    net, images = build("plain")
    with torch.no_grad():
        net[3].weight[2], net[3].bias[2] = 0, -1
    view = figure(net, [images], top=7, layers="3")["3"]
    assert set(view.quality["example"][2]) == {""}
    assert not view.quality["activation"][2].any()
    assert not view.quality["patches"][2].any()
    assert set(view.quality["example"][0]) == {"0", "1", "2", "3", "4", ""}


def test_a_flat_layer_shows_whole_inputs():
    net, images = build("plain")
    view = figure(net, [images], top=2, layers="9")["9"]
    assert view.values.shape == (4, 2, 3, 19, 19)
    unit, rank = np.argwhere(view.quality["activation"] > 0)[0]
    best = int(net.eval()(images)[:, unit].argsort(descending=True)[rank])
    assert view.quality["example"][unit, rank] == str(best)
    np.testing.assert_array_equal(view.quality["patches"][unit, rank], images[best].numpy())
    assert np.abs(view.values[unit, rank]).max() > 0


def test_it_is_saved_with_its_patches(tmp_path):
    net, images = build("plain")
    view = figure(net, [images], top=2, memory=1)["0"]
    view.save(tmp_path / "view.npz")
    again = View.load(tmp_path / "view.npz")
    np.testing.assert_array_equal(again.values, view.values)
    for name, array in view.quality.items():
        np.testing.assert_array_equal(again.quality[name], array)


def test_what_the_way_down_cannot_pass_is_refused_before_the_data_are_read():
    net, images = build("gated")

    def data():
        raise AssertionError("read")
        yield

    with pytest.raises(Refused, match=r"deconvnet has no reading of .*group_norm"):
        Scope(net).trace(images).view("zeiler_fergus", data=data())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"top": 0}, "top=0: a whole number"),
        ({"top": True}, "top=True"),
        ({"unit": 8}, "unit=8: layer '0' has the units 0 to 5"),
        ({"unit": [0.5]}, "unit=[0.5]: a channel, a list"),
        ({"unit": []}, "unit=[]: a channel, a list"),
    ],
)
def test_options_are_checked(options, words):
    net, images = build("plain")
    with pytest.raises(Refused, match=re.escape(words)):
        figure(net, [images], **options)


def test_ctrl_c_while_reading_leaves_the_model_and_no_file_behind():
    net, images = build("plain")
    prepare(net)
    state = state_of(net)

    def data():
        yield images
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Scope(net).trace(images).view("zeiler_fergus", data=data())
    assert state_of(net) == state


def test_digits_from_the_installation():
    digits = load_digits()
    images = torch.tensor(digits.images[:200] / 16, dtype=torch.float32)[:, None]
    net = study_mnist(2, 4, input_shape=(1, 8, 8))
    view = figure(net, list(images.split(32)), layers="conv2")["conv2"]
    maps = net[:4].eval()(images).clamp(min=0).flatten(2).amax(2)
    expected = maps.sort(dim=0, descending=True, stable=True)
    found = view.quality["activation"]
    np.testing.assert_allclose(found, expected.values[:9].T.detach().numpy(), atol=1e-6)
    assert view.quality["example"][1].tolist() == [str(n) for n in expected.indices[:9, 1].tolist()]


def test_waveforms():
    torch.manual_seed(0)
    net, waves = study_1d(3, 4, classes=2, input_shape=(1, 400)), torch.randn(12, 1, 400)
    found = figure(net, list(waves.split(5)))
    assert [view.values.shape for view in found.values()] == [
        (4, 9, 1, 5),
        (4, 9, 1, 19),
        (8, 9, 1, 61),
    ]
    assert found["conv3"].axes == ("unit", "rank", "channel", "time")


def test_real_photographs(real_data):
    from layerscope.data import DataSettings, prepare
    from layerscope.nets import study_2d
    from layerscope.seeing.data import Batches

    dataset = prepare(
        DataSettings(
            kind="photos",
            root=str(real_data / "photos6" / "val"),
            classes={"bed": ["bed"], "tree": ["tree"]},
            val_fraction=0.5,
            size=64,
        )
    )
    split = dataset["train"]
    net = study_2d(4, 4, classes=2, input_shape=(3, 64, 64))
    data = Batches(split, dataset.spec, 16)
    trace = Scope(net).trace(next(iter(data))[0][:1])
    for layer, view in trace.view("zeiler_fergus", data=data).items():
        for unit, rank in ((0, 0), (3, 8)):
            place = list(split.ids).index(view.quality["example"][unit, rank])
            picture = dataset.spec.to_model(split.batch([place]))[0].numpy()
            if layer == "conv4":
                np.testing.assert_array_equal(view.quality["patches"][unit, rank], picture)
                continue
            start = view.quality["start"][unit, rank]
            expected = cut(picture, start, view.values.shape[3:])
            np.testing.assert_array_equal(view.quality["patches"][unit, rank], expected)
