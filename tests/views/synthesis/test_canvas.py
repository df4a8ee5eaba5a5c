import pytest
import torch
from torch import nn

from layerscope.nets import study_2d
from layerscope.tape import receptive_fields
from layerscope.views import Scope
from layerscope.views.synthesis.canvas import (
    answers,
    before_rectifier,
    bfloat16_holds,
    pictures_at_once,
    receptive_canvas,
)
from zoo import build

LOCAL = ["plain", "plain 1-D", "plain 3-D", "functional", "in place", "residual", "dense"]


def traced(name):
    net, images = build(name)
    kind = "waveform" if images.dim() == 3 else "photo"
    return Scope(net, kind=kind).trace(images)


def places(trace, value):
    """The positions of a layer whose receptive field lies inside the input, as few as show it."""
    field = receptive_fields(trace.tape)[value]
    for position in torch.cartesian_prod(*map(torch.arange, value.tensor.shape[2:])).view(
        -1, len(field)
    ):
        starts = [int(p * f.stride + f.first) for p, f in zip(position, field, strict=True)]
        ends = [int(s + f.size) for s, f in zip(starts, field, strict=True)]
        whole = trace.tape.input.tensor.shape[2:]
        if min(starts) >= 0 and all(end <= n for end, n in zip(ends, whole, strict=True)):
            yield tuple(position.tolist()), tuple(map(slice, starts, ends))


@pytest.mark.parametrize("name", LOCAL)
def test_a_unit_answers_on_its_canvas_as_in_the_whole_network(name):
    trace = traced(name)
    images = trace.tape.input.tensor
    compared = 0
    for layer in trace.layer_names("conv"):
        value = before_rectifier(trace, layer)
        canvas = receptive_canvas(trace, value)
        seen = (slice(None), slice(None), *canvas.seen)
        for position, field in list(places(trace, value))[-2:]:
            if canvas.size == tuple(images.shape[2:]):
                continue
            blank = torch.randn(len(images), images.shape[1], *canvas.size)  # whatever is outside
            blank[seen] = images[(slice(None), slice(None), *field)]
            found = answers(trace, value, blank)[(slice(None), slice(None), *canvas.position)]
            expected = value.tensor[(slice(None), slice(None), *position)]
            torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
            compared += 1
    assert compared


@pytest.mark.parametrize("name", ["plain", "plain 1-D", "plain 3-D", "residual"])
def test_a_unit_sees_exactly_what_the_canvas_says(name):
    trace = traced(name)
    for layer in trace.layer_names("conv")[:2]:
        value = before_rectifier(trace, layer)
        canvas = receptive_canvas(trace, value)
        draw = torch.Generator().manual_seed(0)
        shape = (64, trace.tape.input.tensor.shape[1], *canvas.size)
        inputs = torch.randn(shape, generator=draw).requires_grad_()
        found = answers(trace, value, inputs)[(slice(None), 0, *canvas.position)]
        (slope,) = torch.autograd.grad(found.sum(), inputs)
        touched = slope.abs().sum((0, 1)) > 0
        inside = torch.zeros_like(touched)
        inside[canvas.seen] = True
        assert not touched[~inside].any()
        for axis in range(touched.dim()):
            others = [a for a in range(touched.dim()) if a != axis]
            reached = touched.any(dim=tuple(others)) if others else touched
            ends = reached.nonzero().flatten()
            assert (ends[0], ends[-1] + 1) == (canvas.seen[axis].start, canvas.seen[axis].stop)


def test_the_canvases_of_the_study_are_its_receptive_fields_up_to_the_input():
    trace = Scope(study_2d(6, 4)).trace(torch.zeros(1, 3, 172, 172))
    sides = []
    for layer in trace.layer_names("conv"):
        canvas = receptive_canvas(trace, before_rectifier(trace, layer))
        sides.append(canvas.seen[0].stop - canvas.seen[0].start)
        assert canvas.size[0] < sides[-1] + 2**5
    assert sides == [5, 14, 32, 68, 140, 172]


def test_what_looks_at_the_whole_input_gets_all_of_it():
    normed = nn.Sequential(nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4), nn.Conv2d(4, 2, 3), nn.Flatten())
    trace = Scope(normed).trace(torch.zeros(1, 3, 20, 20))
    assert receptive_canvas(trace, trace.value("0", raw=True)).size == (3, 3)
    assert receptive_canvas(trace, trace.value("2")).size == (20, 20)
    assert receptive_canvas(trace, trace.value("3")).position == ()
    gated = traced("gated")
    assert receptive_canvas(gated, gated.value("project")).size == (19, 19)


def test_the_rectifier_is_left_out_and_the_norm_is_not():
    trace = traced("residual")
    calls = trace.tape.layers
    assert before_rectifier(trace, "a1") is calls["a1_norm"][0]
    assert before_rectifier(trace, "short") is calls["short"][0]
    plain = traced("plain in place")
    assert before_rectifier(plain, "0") is plain.tape.layers["0"][0]
    assert before_rectifier(plain, "1") is plain.tape.layers["0"][0]
    assert (before_rectifier(plain, "0").tensor < 0).any()


def test_smaller_canvases_go_together_in_greater_number():
    net = study_2d(3, 8, input_shape=(3, 80, 80))
    scope = Scope(net, memory=20 * 2**20)
    trace = scope.trace(torch.zeros(2, 3, 80, 80))
    value = before_rectifier(trace, "conv3")
    canvas = receptive_canvas(trace, value)
    few = pictures_at_once(trace, value, receptive_canvas(trace, trace.output))
    many = pictures_at_once(trace, value, canvas)
    assert many / few == pytest.approx((80 / canvas.size[0]) ** 2, rel=0.1)
    tight = Scope(net, memory=1).trace(torch.zeros(2, 3, 80, 80))
    assert pictures_at_once(tight, before_rectifier(tight, "conv3"), canvas) == 1


def test_bfloat16_is_not_trusted_where_torch_gets_its_gradient_wrong():
    for size, holds in ((5, True), (2, False)):
        net = nn.Sequential(nn.Conv2d(3, 4, 2, stride=2), nn.Conv2d(4, 4, 3, padding=1))
        trace = Scope(net).trace(torch.zeros(1, 3, size, size))
        assert bfloat16_holds(trace) == holds
