"""What every registered method promises, whatever it is."""

import numpy as np
import pytest
import torch

from layerscope import Refused
from layerscope.views import Scope, methods
from untouched import prepare, state_of
from zoo import NETWORKS, RECTIFIED, build

METHODS = [method.name for method in methods()]
#: Methods that read no gradient and rectify nothing pass every network.
NEEDS_RECTIFIERS = {"deconvnet"}
ALL = [
    (method, network)
    for method in METHODS
    for network in (RECTIFIED if method in NEEDS_RECTIFIERS else NETWORKS)
]


def look(net, images, method, **options):
    kind = "waveform" if images.dim() == 3 else "photo"
    scope = Scope(net, kind=kind, classes=["a", "b", "c", "d"])
    return scope.trace(images).view(method, **options)


def scale_of(view):
    return max(float(np.abs(view.values).max(initial=0)), 1e-12)


@pytest.mark.parametrize(("method", "network"), ALL)
def test_the_model_and_the_images_are_untouched(method, network):
    net, images = build(network)
    prepare(net)
    kept, state = images.clone(), state_of(net)
    look(net, images, method)
    assert state_of(net) == state
    assert torch.equal(images, kept)


@pytest.mark.parametrize("method", METHODS)
def test_the_model_is_untouched_after_an_exception(method):
    net, images = build("plain")
    prepare(net)

    class Planted(RuntimeError):
        pass

    def fail(*_):
        raise Planted

    net[3].register_forward_hook(fail)
    state = state_of(net)
    with pytest.raises(Planted):
        look(net, images, method)
    assert state_of(net) == state


@pytest.mark.parametrize(("method", "network"), ALL)
def test_one_example_gives_the_same_alone_and_in_a_batch(method, network):
    net, images = build(network)
    together = look(net, images, method)
    for row in (0, 4):
        alone = look(net, images[row : row + 1], method)
        for layer, view in together.items():
            if "batch" not in view.axes:
                continue
            axis = view.axes.index("batch")
            mine = view.values.take([row], axis)
            tolerance = 1e-5 * max(scale_of(view), scale_of(alone[layer]))
            np.testing.assert_allclose(alone[layer].values, mine, rtol=0, atol=tolerance)


@pytest.mark.parametrize(("method", "network"), ALL)
def test_a_view_is_what_its_method_is_registered_as(method, network):
    net, images = build(network)
    registered = next(one for one in methods() if one.name == method)
    views = look(net, images, method)
    assert views
    assert all(name in dict(net.named_modules()) for name in views)
    for layer, view in views.items():
        assert view.values.dtype == np.float32
        assert np.isfinite(view.values).all()
        assert view.layer == layer
        assert view.method == method
        words = [word for word in registered.axes if word != "space"]
        assert view.axes[: len(words)] == tuple(words)
        if "batch" in view.axes:
            assert view.examples == ("0", "1", "2", "3", "4")
        if not registered.signed:
            assert (view.values >= 0).all()


@pytest.mark.parametrize("method", METHODS)
def test_views_come_in_forward_order_under_full_names(method):
    net, images = build("plain")
    wanted = {} if method == "filters" else {"layers": ["conv2", "0"]}
    views = look(net, images, method, **wanted)
    assert list(views) == (["0"] if method == "filters" else ["0", "3"])


@pytest.mark.parametrize("method", METHODS)
def test_memory_layout_of_the_images_does_not_matter(method):
    net, images = build("plain")
    plain = look(net, images, method)
    other = look(net, images.to(memory_format=torch.channels_last), method)
    strided = look(net, images.repeat_interleave(2, -1)[..., ::2], method)
    for layer, view in plain.items():
        np.testing.assert_allclose(view.values, other[layer].values, atol=1e-6 * scale_of(view))
        np.testing.assert_allclose(view.values, strided[layer].values, atol=1e-6 * scale_of(view))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-4), (torch.bfloat16, 0.2)])
def test_the_model_s_dtype_is_respected(method, dtype, tolerance):
    net, images = build("plain")
    plain = look(net, images, method)
    other = look(net.to(dtype), images, method)
    for layer, view in plain.items():
        difference = np.abs(view.values - other[layer].values).mean()
        assert difference <= tolerance * np.abs(view.values).mean()


@pytest.mark.parametrize("method", METHODS)
def test_a_waveform_network_and_its_twin_on_flat_images_agree(method):
    wave, images = build("plain 1-D")
    flat, _ = build("plain")
    shapes = {0: (6, 3, 1, 3), 3: (8, 6, 1, 3)}
    for number, shape in shapes.items():
        flat[number] = torch.nn.Conv2d(shape[1], shape[0], (1, 3), padding=(0, 1))
        flat[number].weight = torch.nn.Parameter(wave[number].weight.detach().view(shape))
        flat[number].bias = wave[number].bias
    flat[2] = torch.nn.MaxPool2d((1, 2), ceil_mode=True)
    flat[5] = torch.nn.MaxPool2d((1, 3), stride=(1, 2), padding=(0, 1))
    flat[7] = torch.nn.AdaptiveAvgPool2d((1, 2))
    flat[9] = wave[9]
    views = look(wave, images, method)
    twins = look(flat, images[:, :, None], method)
    for layer, view in views.items():
        np.testing.assert_allclose(
            view.values,
            twins[layer].values.reshape(view.values.shape),
            atol=1e-5 * scale_of(view),
        )


@pytest.mark.parametrize("method", METHODS)
def test_an_option_it_does_not_take_is_refused_by_name(method):
    net, images = build("plain")
    with pytest.raises(Refused, match=f"{method} takes no option 'sigma'"):
        look(net, images, method, sigma=3)


@pytest.mark.parametrize("method", [name for name in METHODS if name != "filters"])
def test_a_misspelt_layer_is_answered_with_the_nearest(method):
    net, images = build("residual")
    with pytest.raises(Refused, match=r"no layer 'stemm'.*'stem'"):
        look(net, images, method, layers="stemm")


def test_one_trace_serves_all_methods_with_one_forward_pass():
    net, images = build("plain")
    calls = []
    net.register_forward_hook(lambda *_: calls.append(1))
    trace = Scope(net).trace(images)
    for method in METHODS:
        trace.view(method)
    assert len(calls) == 1
