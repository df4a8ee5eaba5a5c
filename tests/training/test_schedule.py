"""Learning rates by hand, sizes by the fraction of the training, sizes that do not fit."""

import math

import pytest
import torch
from torch import nn

from layerscope.errors import LayerscopeError
from layerscope.nets import study_2d
from layerscope.training.schedule import check_sizes, fits, learning_rate, train_size
from layerscope.training.settings import TrainingSettings


def test_warm_up_then_cosine():
    settings = TrainingSettings(learning_rate=0.4, warmup=0.2, final_learning_rate=0.1)
    for progress, expected in (
        (0.05, 0.1),
        (0.1, 0.2),
        (0.2, 0.4),
        (0.4, 0.04 + 0.36 * (1 + math.cos(math.pi / 4)) / 2),
        (0.6, 0.22),
        (1.0, 0.04),
    ):
        assert learning_rate(settings, progress) == pytest.approx(expected)


def test_constant_after_warm_up_and_no_warm_up():
    settings = TrainingSettings(learning_rate=0.4, warmup=0.5, schedule="constant")
    assert learning_rate(settings, 0.25) == pytest.approx(0.2)
    assert learning_rate(settings, 0.9) == 0.4
    assert learning_rate(TrainingSettings(learning_rate=0.4, warmup=0), 0.0) == 0.4


def test_it_is_torchs_cosine():
    settings = TrainingSettings(learning_rate=0.3, warmup=0)
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.3)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=20)
    for step in range(20):
        assert learning_rate(settings, step / 20) == pytest.approx(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()


def test_sizes_hold_from_their_fraction_of_the_training():
    settings = TrainingSettings(epochs=10, train_sizes=[[0, 16], [0.5, 20], [0.8, 24]])
    sizes = [train_size(settings, epoch, (24, 24))[0] for epoch in range(10)]
    assert sizes == [16] * 5 + [20] * 3 + [24] * 2
    assert train_size(settings, 0, (24, 48)) == (16, 32)
    assert train_size(TrainingSettings(), 0, (24, 48)) == (24, 48)


def test_the_studys_network_takes_129_to_192():
    net = study_2d(blocks=6, channels=2)
    assert [side for side in (128, 129, 172, 192, 193) if fits(net, (3, 172, 172), side)] == [
        129,
        172,
        192,
    ]
    check_sizes(net, TrainingSettings(train_sizes=[[0, 129], [0.5, 172]]), (3, 172, 172))
    with pytest.raises(LayerscopeError) as error:
        check_sizes(net, TrainingSettings(train_sizes=[[0, 100]]), (3, 172, 172))
    assert "side 100" in str(error.value)
    assert "129 to 172" in str(error.value)


def test_a_network_with_pooling_over_the_whole_map_takes_any_size():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    assert all(fits(net, (3, 32, 32), side) for side in (8, 17, 32, 50))


def test_trying_sizes_leaves_the_modes_alone():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(3600, 2))
    net.train()
    net[1].eval()
    before = net[1].running_mean.clone()
    assert fits(net, (3, 32, 32), 32)
    assert not fits(net, (3, 32, 32), 30)
    assert [module.training for module in net] == [True, False, True, True]
    assert net[1].running_mean.equal(before)
