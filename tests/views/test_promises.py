"""What every registered method promises, whatever it is."""

import numpy as np
import pytest
import torch

from layerscope import Refused
from layerscope.views import Scope, find_method, methods
from untouched import prepare, state_of
from views.entries import ENTRIES
from views.look import (
    METHODS,
    asked,
    asked_everywhere,
    home,
    look,
    options_of,
    passes,
    scale_of,
    trace_of,
)
from zoo import build

TAKES_LAYERS = [name for name in METHODS if "layers" in find_method(name, {}).options]
REDUCED = [method.name for method in methods() if method.tolerance is not None]


def test_every_method_has_an_entry_in_the_battery():
    assert sorted(ENTRIES) == sorted(METHODS)


@pytest.mark.parametrize(
    ("method", "network"), [(m, n) for m, e in ENTRIES.items() for n in e.refuses]
)
def test_what_it_cannot_see_through_is_refused_by_name(method, network):
    net, images = build(network)
    prepare(net)
    state = state_of(net)
    with pytest.raises(Refused, match=r"\w"):
        look(net, images, method)
    assert state_of(net) == state


@asked_everywhere("the_model_and_the_images_are_untouched")
def test_the_model_and_the_images_are_untouched(method, network):
    net, images = build(network)
    prepare(net)
    kept, state = images.clone(), state_of(net)
    look(net, images, method)
    assert state_of(net) == state
    assert torch.equal(images, kept)


@pytest.mark.parametrize("method", METHODS)
def test_inference_mode_around_it_changes_nothing(method):
    net, images = build(home(method))
    outside = look(net, images, method)
    with torch.inference_mode():
        inside = look(net, images.clone(), method)
    for layer, view in outside.items():
        np.testing.assert_allclose(
            inside[layer].values, view.values, atol=1e-5 * scale_of(view), rtol=0
        )


@pytest.mark.parametrize("method", METHODS)
def test_writing_to_a_view_changes_neither_the_model_nor_what_is_seen_next(method):
    net, images = build("plain 1-D" if "plain 1-D" in passes(method) else passes(method)[0])
    state, trace = state_of(net), trace_of(net, images)
    first = trace.view(method, **options_of(method, images))
    kept = {layer: view.values.copy() for layer, view in first.items()}
    for view in first.values():
        view.values[...] = 7
    assert state_of(net) == state
    for layer, view in trace.view(method, **options_of(method, images)).items():
        np.testing.assert_array_equal(view.values, kept[layer])


@asked("the_model_is_untouched_after_an_exception")
def test_the_model_is_untouched_after_an_exception(method):
    net, images = build(home(method))
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


@asked_everywhere("one_example_gives_the_same_alone_and_in_a_batch")
def test_one_example_gives_the_same_alone_and_in_a_batch(method, network):
    net, images = build(network)
    together = look(net, images, method, **exact(method))
    for row in (0, 4):
        alone = look_at(net, images, row, method)
        for layer, view in together.items():
            if "batch" not in view.axes:
                continue
            axis = view.axes.index("batch")
            mine = view.values.take([row], axis)
            tolerance = 1e-5 * max(scale_of(view), scale_of(alone[layer]))
            np.testing.assert_allclose(alone[layer].values, mine, rtol=0, atol=tolerance)


def look_at(net, images, row, method):
    """Look at one example alone, under the identifier that it has in the batch."""
    from views.look import TRUE, scope_of

    one = images[row : row + 1]
    trace = scope_of(net, one).trace(one, examples=[str(row)], true=TRUE[row : row + 1])
    return trace.view(method, **options_of(method, one, **exact(method)))


def exact(method):
    return {"exact": True} if method in REDUCED else {}


@asked_everywhere("a_view_is_what_its_method_is_registered_as")
def test_a_view_is_what_its_method_is_registered_as(method, network):
    net, images = build(network)
    registered = find_method(method, {})
    views = look(net, images, method)
    assert views
    names = {"input", *dict(net.named_modules())}
    assert all(name in names for name in views)
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


@asked("views_come_in_forward_order_under_full_names", TAKES_LAYERS)
def test_views_come_in_forward_order_under_full_names(method):
    net, images = build(home(method))
    views = look(net, images, method, layers=["conv2", "0"])
    assert list(views) == ["0", "3"]


@asked("memory_layout_of_the_images_does_not_matter")
def test_memory_layout_of_the_images_does_not_matter(method):
    net, images = build(home(method))
    plain = look(net, images, method)
    other = look(net, images.to(memory_format=torch.channels_last), method)
    strided = look(net, images.repeat_interleave(2, -1)[..., ::2], method)
    for layer, view in plain.items():
        np.testing.assert_allclose(view.values, other[layer].values, atol=1e-6 * scale_of(view))
        np.testing.assert_allclose(view.values, strided[layer].values, atol=1e-6 * scale_of(view))


@asked("the_same_question_gives_the_same_answer")
def test_the_same_question_gives_the_same_answer(method):
    net, images = build(home(method))
    first = look(net, images, method)
    torch.manual_seed(99)
    again = look(net, images, method)
    for layer, view in first.items():
        np.testing.assert_array_equal(view.values, again[layer].values)


@asked("the_model_s_dtype_is_respected")
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-3), (torch.bfloat16, 0.25)])
def test_the_model_s_dtype_is_respected(method, dtype, tolerance):
    net, images = build(home(method))
    plain = look(net, images, method, **exact(method))
    other = look(net.to(dtype), images, method, **exact(method))
    for layer, view in plain.items():
        difference = np.abs(view.values - other[layer].values).mean()
        assert difference <= tolerance * np.abs(view.values).mean()


@asked("a_waveform_network_and_its_twin_on_flat_images_agree")
def test_a_waveform_network_and_its_twin_on_flat_images_agree(method):
    wave, images = build("plain 1-D")
    flat = flattened(wave)
    views = look(wave, images, method, **exact(method))
    wide = {"kind": "waveform"}  # what noise is, is told of sounds otherwise than of photographs
    twins = look(flat, images[:, :, None], method, scope=wide, **exact(method))
    for layer, view in views.items():
        np.testing.assert_allclose(
            view.values,
            twins[layer].values.reshape(view.values.shape),
            atol=1e-5 * scale_of(view),
        )


def flattened(wave):
    """Give the network on images of height 1 that computes the same."""
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
    return flat


@asked("a_budget_of_one_byte_changes_nothing")
def test_a_budget_of_one_byte_changes_nothing(method):
    net, images = build(home(method))
    wide = look(net, images, method, **exact(method))
    narrow = look(net, images, method, scope={"memory": 1}, **exact(method))
    for layer, view in wide.items():
        tolerance = 1e-5 * scale_of(view)
        np.testing.assert_allclose(view.values, narrow[layer].values, rtol=0, atol=tolerance)


@asked("bfloat16_stays_within_the_stated_tolerance", REDUCED)
@pytest.mark.parametrize("network", ["plain", "residual", "plain 1-D"])
def test_bfloat16_stays_within_the_stated_tolerance(method, network):
    net, images = build(network)
    reduced = look(net, images, method)
    full = look(net, images, method, exact=True)
    tolerance = find_method(method, {}).tolerance
    for layer, view in full.items():
        error = np.abs(view.values - reduced[layer].values).max() / scale_of(view)
        assert 0 < error <= tolerance


@asked("an_option_it_does_not_take_is_refused_by_name")
def test_an_option_it_does_not_take_is_refused_by_name(method):
    net, images = build(home(method))
    with pytest.raises(Refused, match=f"{method} takes no option 'sigmoid'"):
        trace_of(net, images).view(method, sigmoid=3)


@asked("a_misspelt_layer_is_answered_with_the_nearest", TAKES_LAYERS)
def test_a_misspelt_layer_is_answered_with_the_nearest(method):
    net, images = build("residual" if home(method) == "plain" else "residual 1-D")
    with pytest.raises(Refused, match=r"no layer 'stemm'.*'stem'"):
        look(net, images, method, layers="stemm")


def test_one_trace_serves_the_methods_with_one_forward_pass():
    net, images = build("plain")
    calls = []
    net.register_forward_hook(lambda *_: calls.append(1))
    trace = Scope(net, classes=["a", "b", "c", "d"], bounds=(-4, 4)).trace(images)
    for method in ("feature_maps", "filters", "grad_cam", "deconvnet", "lrp", "layer_cam"):
        trace.view(method)
    assert len(calls) == 1


NUMBERS = [
    (method.name, option)
    for method in methods()
    for option, default in method.options.items()
    if isinstance(default, bool | int | float | str) and option not in ("target", "layers")
]


@pytest.mark.parametrize(("method", "option"), NUMBERS)
def test_an_option_of_another_kind_is_refused_by_name(method, option):
    net, images = build("plain")
    trace = trace_of(net, images)
    for value in (b"x", [1], {}, object(), torch.zeros(3), float("nan"), float("inf")):
        with pytest.raises(Refused, match=f"{option}=.*give "):
            trace.view(method, **{option: value})


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("deep_dream", {"rate": -0.01}),
        ("feature_inversion", {"rate": 0.0}),
        ("feature_inversion", {"smooth": -1.0}),
        ("class_model", {"l2": -1.0}),
        ("activation_maximization", {"diversity": -1.0}),
        ("linear_probe", {"nulls": -1}),
        ("linear_probe", {"seed": -1}),
        ("lrp", {"composite": []}),
        ("lrp", {"layers": []}),
        ("grad_cam", {"layers": []}),
        ("grad_cam", {"raw": "no"}),
        ("class_means", {"options": 3}),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(method, options):
    net, images = build("plain")
    with pytest.raises(Refused, match=next(iter(options))):
        trace_of(net, images).view(method, **options)


def test_numbers_of_numpy_are_numbers():
    net, images = build("plain")
    trace = trace_of(net, images)
    window, stride = np.int64(4), np.array([3, 5])
    found = trace.view("occlusion", window=window, stride=list(stride))["input"]
    same = trace.view("occlusion", window=4, stride=[3, 5])["input"]
    np.testing.assert_array_equal(found.values, same.values)
