import pytest
import torch

from layerscope.nets import study_1d, study_2d
from layerscope.views import Scope
from layerscope.views.synthesis.ascent import adam, along_gradient, climb
from layerscope.views.synthesis.canvas import answers
from layerscope.views.synthesis.objectives import (
    at_position,
    likeness,
    likeness_among,
    mean_of_channel,
    smoothness,
    strength,
    strength_of_channel,
)
from layerscope.views.synthesis.parametrisation import PARAMETRISATIONS

UNITS = torch.tensor([0, 3])
OBJECTIVES = {
    "at_position": lambda like: at_position(UNITS, [n // 2 for n in like.shape[2:]]),
    "mean_of_channel": lambda like: mean_of_channel(UNITS),
    "strength": lambda like: strength,
    "strength_of_channel": lambda like: strength_of_channel(2),
    "likeness": lambda like: likeness(like.flip(1)),
    "smoothness": lambda like: smoothness,
    "unlike each other": lambda like: lambda found: -likeness_among(found, 1),
}
DIRECTIONS = {"along_gradient": lambda: along_gradient(0.5), "adam": adam}
NETWORKS = {
    "2-D": (lambda: study_2d(2, 8, input_shape=(3, 40, 40)), (3, 40, 40), "photo"),
    "1-D": (lambda: study_1d(blocks=2, channels=8, input_shape=(1, 200)), (1, 200), "waveform"),
}


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("parametrisation", PARAMETRISATIONS)
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_three_steps_raise_every_objective(network, name, parametrisation, direction):
    make, shape, kind = NETWORKS[network]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net, images = make(), torch.randn(1, *shape)
    trace = Scope(net, kind=kind).trace(images)
    value = trace.value("conv2", raw=True)
    way = PARAMETRISATIONS[parametrisation](shape[0], shape[1:])
    start = way.start([torch.Generator().manual_seed(seed) for seed in (0, 1)])
    objective = OBJECTIVES[name](answers(trace, value, way.picture(start)).detach())

    def score(numbers):
        return objective(answers(trace, value, way.picture(numbers)))

    reached = climb(score, start, DIRECTIONS[direction](), steps=3, rate=0.02)
    before, after = score(start), score(reached)
    assert (after > before).all()


def test_no_picture_depends_on_those_it_is_climbed_with():
    weights = torch.randn(3, 5)

    def score_of(rows):
        return lambda numbers: (numbers * weights[rows] - numbers**4).sum(1)

    start = torch.randn(3, 5)
    for direction in DIRECTIONS.values():
        together = climb(score_of([0, 1, 2]), start, direction(), steps=9, rate=0.1)
        alone = climb(score_of([1]), start[1:2], direction(), steps=9, rate=0.1)
        torch.testing.assert_close(together[1:2], alone, atol=0, rtol=0)


def test_steps_have_the_size_that_is_asked_whatever_the_gradient():
    for scale in (1e-12, 1.0, 1e12):
        for direction in DIRECTIONS.values():
            made = climb(
                lambda numbers, scale=scale: scale * numbers.sum(1),
                torch.zeros(1, 8), direction(), steps=1, rate=0.5,
            )  # fmt: skip
            expected = torch.full(
                (1, 8), 0.25 if direction is DIRECTIONS["along_gradient"] else 0.5
            )
            torch.testing.assert_close(made, expected, rtol=1e-3, atol=0)


def test_a_falling_rate_ends_on_the_top():
    made = climb(
        lambda numbers: -((numbers - 0.37) ** 2).sum(1),
        torch.zeros(1, 1), along_gradient(), steps=200, rate=0.05, falling=True,
    )  # fmt: skip
    assert made.item() == pytest.approx(0.37, abs=1e-3)


def test_without_a_slope_nothing_moves():
    start = torch.randn(2, 4)
    for score in (lambda n: torch.zeros(len(n)), lambda n: 0 * n.sum(1)):
        for direction in DIRECTIONS.values():
            assert torch.equal(climb(score, start, direction(), steps=3, rate=1.0), start)


def test_the_same_pictures_are_as_alike_as_can_be():
    answers_ = torch.randn(1, 6, 5, 5).repeat(3, 1, 1, 1)
    torch.testing.assert_close(likeness_among(answers_, 1), torch.ones(3))
    apart = torch.zeros(4, 6, 2)  # two pictures of two units: unit by unit unlike
    for row, channel in enumerate((0, 1, 2, 3)):
        apart[row, channel] = 1
    torch.testing.assert_close(likeness_among(apart, 2), torch.zeros(4))
    apart[2] = apart[0]  # the second picture of the first unit is now its first
    assert likeness_among(apart, 2).tolist() == pytest.approx([1, 0, 1, 0])


def test_likeness_and_smoothness_have_the_values_of_their_papers():
    target = torch.tensor([[[3.0, 4.0]]])
    alike = likeness(target)
    assert alike(target).tolist() == [0]
    assert alike(torch.zeros(1, 1, 2)).tolist() == [-1]
    assert alike(torch.tensor([[[3.0, 9.0]]])).tolist() == [-1]
    steps = torch.tensor([[[[0.0, 1.0], [3.0, 3.0]]]])  # 1 and 0 across, 3 and 2 down
    assert smoothness(steps).tolist() == [-((1 + 0) / 2 + (9 + 4) / 2)]
    assert strength(steps).tolist() == [19 / 8]
    assert strength_of_channel(1)(torch.tensor([[[5.0], [2.0]]])).tolist() == [2]
