import pytest
import torch

from layerscope.nets import study_2d
from layerscope.views import Scope
from layerscope.views import trace as trace_module
from layerscope.views.aims import Unit


@pytest.fixture
def looked(monkeypatch):
    """A trace, and a list that grows with each way down."""
    descents = []
    real = trace_module.descend

    def counted(*args):
        descents.append("down")  # not what went down: a tape has no short repr
        return real(*args)

    monkeypatch.setattr(trace_module, "descend", counted)
    torch.manual_seed(0)
    net = study_2d(3, 4, input_shape=(3, 33, 33)).eval()
    return Scope(net), torch.randn(3, 3, 33, 33), descents


def test_a_family_asked_for_one_aim_goes_down_once(looked):
    scope, images, descents = looked
    trace = scope.trace(images)
    places = list(trace.maps("conv").values())
    first = trace.gradients(trace.aim(1), places)
    again = trace.gradients(trace.aim([1, 1, 1]), places[::-1])[::-1]
    assert len(descents) == 1
    assert all(a is b for a, b in zip(first, again, strict=True))


def test_another_aim_layer_or_rule_goes_down_anew_and_right(looked):
    scope, images, descents = looked
    trace = scope.trace(images)
    places = list(trace.maps("conv").values())
    for number, (target, rule, to) in enumerate(
        [
            (1, "gradient", places[2:]),
            (1, "gradient", places),  # the lower layers are missing
            (1, "deconvnet", places),
            (2, "gradient", places),
            (Unit("conv3", 2), "gradient", places),
        ],
        start=1,
    ):
        found = trace.gradients(trace.aim(target), to, rule)
        assert len(descents) == number
        fresh = scope.trace(images)
        expected = fresh.gradients(
            fresh.aim(target), [fresh.tape.values[value.index] for value in to], rule
        )
        descents.pop()
        for ours, theirs in zip(found, expected, strict=True):
            torch.testing.assert_close(ours, theirs)


def test_only_the_last_aim_is_held(looked):
    scope, images, descents = looked
    trace = scope.trace(images)
    places = list(trace.maps("conv").values())
    for target in (0, 1, 0):
        trace.gradients(trace.aim(target), places)
    assert len(descents) == 3
    assert len(trace._passes._last.held) == len(places)


def test_what_exceeds_the_memory_is_handed_out_and_not_held(looked):
    scope, images, descents = looked
    small = Scope(scope.model, memory=1000)
    trace = small.trace(images)
    places = list(trace.maps("conv").values())
    first = trace.gradients(trace.aim(1), places)
    again = trace.gradients(trace.aim(1), places)
    assert len(descents) == 2
    assert not trace._passes._last.held
    for one, other in zip(first, again, strict=True):
        torch.testing.assert_close(one, other)


def test_an_aim_whose_weights_were_written_to_is_another(looked):
    scope, images, descents = looked
    trace = scope.trace(images)
    (place,) = trace.maps("conv3").values()
    aim = trace.aim(1)
    (before,) = trace.gradients(aim, [place])
    aim.seed.mul_(2)
    (after,) = trace.gradients(aim, [place])
    torch.testing.assert_close(after, 2 * before)
    assert len(descents) == 2


def test_an_aim_asked_for_while_another_goes_down_takes_nothing_from_it(looked):
    scope, images, _ = looked
    trace = scope.trace(images)
    (place,) = trace.maps("conv3").values()
    one, other = trace.aim(1), trace.aim(2)
    passes = trace._passes

    def interrupted(aim, rule, to):
        passes.down(other, rule, to, trace._descent)
        return trace._descent(aim, rule, to)

    (first,) = passes.down(one, "gradient", [place], interrupted)
    (second,) = passes.down(other, "gradient", [place], trace._descent)
    assert not torch.equal(first, second)
    fresh = scope.trace(images)
    (expected,) = fresh.gradients(fresh.aim(2), list(fresh.maps("conv3").values()))
    torch.testing.assert_close(second, expected)
