import pytest
import torch

from layerscope import Refused
from layerscope.views import Channel, Difference, Region, Scope, Unit
from zoo import build

CLASSES = ["cat", "dog", "a - b", "bird"]


@pytest.fixture(scope="module")
def trace():
    net, images = build("plain")
    return Scope(net, classes=CLASSES).trace(images, true=[0, 1, 2, 3, 0])


def test_a_class_scores_its_logit(trace):
    for target, index in [("dog", 1), (3, 3), ("a - b", 2)]:
        aim = trace.aim(target)
        assert torch.equal(aim.score(trace.logits), trace.logits[:, index])
        assert aim.classes.tolist() == [index] * 5
        assert aim.about == (CLASSES[index],) * 5


@pytest.mark.parametrize("target", ["cat - dog", Difference("cat", "dog"), Difference(0, [1] * 5)])
def test_a_difference_scores_one_logit_less_the_other(trace, target):
    aim = trace.aim(target)
    torch.testing.assert_close(aim.score(trace.logits), trace.logits[:, 0] - trace.logits[:, 1])
    assert aim.classes is None
    assert aim.about == ("cat − dog",) * 5


def test_class_names_may_hold_the_sign(trace):
    aim = trace.aim("a - b - bird")
    torch.testing.assert_close(aim.score(trace.logits), trace.logits[:, 2] - trace.logits[:, 3])


def test_the_difference_from_the_predicted_class(trace):
    aim = trace.aim(Difference("true", "predicted"))
    rows = torch.arange(5)
    expected = trace.logits[rows, trace.true] - trace.logits.amax(1)
    torch.testing.assert_close(aim.score(trace.logits), expected)


def test_a_unit_scores_one_position(trace):
    maps = trace.value("3").tensor
    aim = trace.aim(Unit("conv2", 4, (2, 3)))
    assert torch.equal(aim.score(maps), maps[:, 4, 2, 3])
    assert aim.about[0] == "unit 4 of 3 at (2, 3)"
    strongest = trace.aim(Unit("3", 4))
    assert torch.equal(strongest.score(maps), maps[:, 4].flatten(1).amax(1))
    any_unit = trace.aim(Unit("3"))
    assert torch.equal(any_unit.score(maps), maps.flatten(1).amax(1))


def test_a_channel_scores_its_mean(trace):
    maps = trace.value("3").tensor
    aim = trace.aim(Channel("3", 2))
    torch.testing.assert_close(aim.score(maps), maps[:, 2].mean((1, 2)))


def test_a_region_scores_the_mean_of_its_box(trace):
    maps = trace.value("3").tensor
    box = [(0, 2), (4, 10)]
    one = trace.aim(Region("3", box, unit=[0, 1, 2, 3, 4]))
    expected = torch.stack([maps[k, k, 0:2, 4:10].mean() for k in range(5)])
    torch.testing.assert_close(one.score(maps), expected)
    every = trace.aim(Region("3", box))
    torch.testing.assert_close(every.score(maps), maps[:, :, 0:2, 4:10].mean((1, 2, 3)))


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("cat - wolf", "no class 'wolf'"),
        ("wolf", "no class 'wolf'"),
        (Unit("3", 99), r"units 0 to 7"),
        (Unit("3", 0, (2,)), r"position=\(2,\).*maps of \(10, 10\)"),
        (Unit("3", 0, (2, 10)), "within it"),
        (Region("3", [(0, 11), (0, 1)]), "within it"),
        (Region("3", [(3, 3), (0, 1)]), "first, end"),
        (Unit("3", 0, (0.5, 0.5)), r"position=\(0.5, 0.5\).*one coordinate for each axis"),
        (Unit("3", 0, 5), "position=5.*one coordinate for each axis"),
        (Unit("3", 0, "ab"), "position='ab'.*one coordinate for each axis"),
        (Region("3", 5), "box=5.*first, end"),
        (Region("3", [1, 2]), "first, end"),
        (Region("3", [("a", "b"), (0, 1)]), "first, end"),
        (Region("3", [(0.0, 1.0), (0, 1)]), "first, end"),
        (Channel("conv9", 0), "no layer 'conv9'"),
    ],
)
def test_mistakes_are_told(trace, target, said):
    with pytest.raises(Refused, match=said):
        trace.aim(target)


@pytest.mark.parametrize("target", ["dog", "cat - dog", Unit("3", 4), Channel("3", 1)])
@pytest.mark.parametrize("exact", [True, False])
def test_gradients_of_an_aim_and_its_twin_on_other_inputs(trace, target, exact):
    rows = torch.tensor([2, 2, 0, 4, 1, 2, 3])
    aim = trace.aim(target)
    other = trace.again(trace.tape.input.tensor[rows], rows, exact=exact)
    twin = aim.on(other, rows)
    (here,) = trace.gradients(aim, [trace.tape.input])
    (there,) = other.gradients(twin, [other.tape.input])
    assert there.dtype == torch.float32
    error = (there - here[rows]).norm() / here[rows].norm()
    assert (error < 1e-5) if exact else (0 < error < 0.25)
    assert twin.about == tuple(aim.about[row] for row in rows)
    score = twin.score(twin.at.tensor)
    expected = aim.score(aim.at.tensor)[rows]
    torch.testing.assert_close(score.float(), expected, rtol=0, atol=1e-5 if exact else 0.05)


def test_an_aim_needs_a_layer_of_the_same_size():
    net, images = build("residual")
    trace = Scope(net).trace(images)
    rows = torch.arange(5)
    larger = trace.again(torch.randn(5, 3, 25, 25), rows)
    assert trace.aim(0).on(larger, rows).at is larger.output
    with pytest.raises(Refused, match="takes another way"):
        trace.aim(Channel("a1", 0)).on(larger, rows)


def test_the_budget_says_how_many_inputs_are_traced_together():
    net, images = build("plain")
    small = Scope(net, memory=1).trace(images)
    assert small.examples_at_once() == 1
    large = Scope(net, memory=2**24).trace(images)
    alone = Scope(net, memory=2**24).trace(images[:1])
    assert large.examples_at_once() == alone.examples_at_once() > 5


@pytest.mark.parametrize("method", ["integrated_gradients", "smooth_grad", "deep_lift"])
def test_other_inputs_are_not_run_through_changed_weights(method):
    net, images = build("plain")
    trace = Scope(net).trace(images)
    with torch.no_grad():
        net[0].weight.mul_(2)
    with pytest.raises(Refused, match="changed after the forward pass"):
        trace.view(method)
