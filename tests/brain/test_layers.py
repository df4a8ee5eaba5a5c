"""Layers' Gram matrices in bounded memory, and the untrained twin."""

import numpy as np
import pytest
import torch
from torch import nn

from layerscope.brain.gram import gram
from layerscope.brain.layers import default_layers, layer_grams
from layerscope.errors import Refused
from layerscope.nets import study_2d
from layerscope.nets.untrained import untrained_twin
from layerscope.views import Scope


@pytest.fixture
def scope() -> Scope:
    torch.manual_seed(0)
    return Scope(study_2d(blocks=2, channels=4, input_shape=(3, 20, 20)))


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(7, 3, 20, 20, generator=torch.Generator().manual_seed(1))


def test_blocks_give_what_all_stimuli_together_give(scope, images):
    names = ["conv1", "pool1", "conv2", "fc"]
    whole = layer_grams(scope, lambda a, b: images[a:b], 7, names)
    parts = layer_grams(scope, lambda a, b: images[a:b], 7, names, memory=2 * 4 * 3000)
    trace = scope.trace(images)
    for name in names:
        slow = gram(trace.value(name).tensor.double())
        for found in (whole[name], parts[name]):
            assert np.allclose(found.products, slow.products, rtol=1e-5, atol=1e-6)
            assert found.features == trace.value(name).tensor[0].numel()


def test_few_stimuli_are_held_when_memory_is_small(scope, images):
    seen = []

    def read(start, stop):
        seen.append(stop - start)
        return images[start:stop]

    layer_grams(scope, read, 7, ["conv1"], memory=3 * 4 * 1600)  # conv1: 4 x 20 x 20 features
    assert max(seen) <= 3
    assert sum(seen) == 1 + 7 + 4 + 1  # one to measure, then blocks of 3, 3, 1 and what follows


def test_a_convolution_and_its_rectifier_share_one_matrix(scope, images):
    found = layer_grams(scope, lambda a, b: images[a:b], 7, ["conv1", "relu1"])
    assert found["conv1"] is found["relu1"]


def test_layers_are_convolutions_and_linear_ones_unless_named(scope):
    assert default_layers(scope, (3, 20, 20)) == ["conv1", "conv2", "fc"]
    assert default_layers(Scope(nn.Sequential(nn.Flatten(), nn.ReLU())), (3, 4, 4)) == ["0", "1"]


def test_a_layer_that_is_not_finite_is_named(scope, images):
    with torch.no_grad():
        scope.model.conv2.bias[:] = float("inf")
    with pytest.raises(Refused, match="layer conv2"):
        layer_grams(scope, lambda a, b: images[a:b], 7, ["conv1", "conv2"])


def test_a_twin_is_drawn_anew_and_the_network_left_alone(scope):
    before = [p.clone() for p in scope.model.parameters()]
    state = torch.get_rng_state()
    twins = [untrained_twin(scope.model, seed) for seed in (0, 0, 1)]
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(before, scope.model.parameters(), strict=True))
    first, again, other = (twin.conv1.weight for twin in twins)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(first, scope.model.conv1.weight)


def test_a_twin_forgets_running_statistics():
    net = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))
    net(torch.rand(4, 1, 3, 3) + 5)
    assert untrained_twin(net)[1].running_mean.tolist() == [0, 0]


def test_what_cannot_be_drawn_anew_is_named():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(1))

    with pytest.raises(Refused, match="1 \\(Own\\)"):
        untrained_twin(nn.Sequential(nn.Linear(1, 1), Own()))


def test_a_runs_twin_has_the_weights_it_started_from(digits_run):
    from layerscope.brain.network import find_network
    from layerscope.brain.settings import NetworkSettings
    from layerscope.run import Run

    network = find_network(NetworkSettings(run=digits_run), seed=5)
    start, twin = Run.open(digits_run).untrained_net(), network.twin()
    assert torch.equal(twin.conv1.weight, start.conv1.weight)
    assert not torch.equal(twin.conv1.weight, network.scope.model.conv1.weight)
    assert not twin.training
