"""Max-norm constraints: kept after every step, directions unchanged, other layers untouched."""

import copy

import torch
import torch.nn.functional as F
from torch import nn

from layerscope.nets.max_norm import constrain, hold, limits
from layerscope.training.optimizer import averaged_twin, descend, make_optimizers
from layerscope.training.settings import TrainingSettings


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        hold(nn.Conv1d(2, 4, 3), 0.5), nn.Flatten(), nn.Linear(24, 8), hold(nn.Linear(8, 2), 0.25)
    )


def lengths(layer):
    return layer.weight.detach().flatten(1).norm(dim=1)


def test_it_is_torchs_renorm():
    net, expected = network(), network()
    constrain(net)
    for ours, theirs, limit in ((net[0], expected[0], 0.5), (net[3], expected[3], 0.25)):
        assert (lengths(theirs) > limit).any()
        torch.testing.assert_close(
            ours.weight.data, torch.renorm(theirs.weight.data, 2, 0, limit), rtol=1e-5, atol=1e-7
        )
    assert torch.equal(net[2].weight, expected[2].weight)


def test_short_filters_keep_every_bit():
    net = hold(nn.Linear(8, 2), 100.0)
    before = net.weight.clone()
    constrain(net)
    assert torch.equal(net.weight, before)


def test_training_keeps_the_norms_after_every_step():
    net = network()
    settings = TrainingSettings(optimizer="adamw", learning_rate=0.1, weight_decay=0.0)
    optimizers = make_optimizers(net, settings)
    x, y = torch.randn(16, 2, 8), torch.arange(16) % 2
    grown = False
    for _ in range(20):
        descend(net, optimizers, F.cross_entropy(net(x), y), 0.1, clip=0.0)
        assert (lengths(net[0]) <= 0.5 * (1 + 1e-6)).all()
        assert (lengths(net[3]) <= 0.25 * (1 + 1e-6)).all()
        grown |= bool((lengths(net[2]) > 1).any())
    assert grown  # of the layer that is not held


def test_a_network_without_limits_is_left_as_it_was():
    net = nn.Sequential(nn.Linear(8, 2))
    net[0].weight.data.mul_(100)
    before = copy.deepcopy(net.state_dict())
    constrain(net)
    assert limits(net) == {}
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_copies_keep_their_limits_and_weights_their_names():
    net = network()
    assert limits(averaged_twin(net)) == limits(copy.deepcopy(net)) == {"0": 0.5, "3": 0.25}
    assert [name for name, _ in net.named_parameters()] == [
        *("0.weight", "0.bias", "2.weight", "2.bias", "3.weight", "3.bias")
    ]
