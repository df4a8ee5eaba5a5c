"""The study's networks, exact to the parameter, and how a study file names them."""

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from layerscope.errors import LayerscopeError
from layerscope.nets import ModelSettings, build, study_1d, study_2d, study_mnist

SIX = ("bed", "bird", "cat", "dog", "house", "tree")
TABLE = {
    (1, 32): 1_422_470,
    (2, 32): 383_078,
    (3, 32): 265_190,
    (4, 32): 228_262,
    (5, 32): 414_374,
    (6, 32): 803_366,
    (7, 32): 1_622_054,
    (1, 64): 2_844_934,
    (2, 64): 817_350,
    (3, 64): 683_974,
    (4, 64): 814_918,
    (5, 64): 1_596_742,
    (6, 64): 3_193_926,
    (7, 64): 6_469_702,
}


def parameters(net):
    return sum(parameter.numel() for parameter in net.parameters())


@pytest.mark.parametrize(("blocks", "channels"), TABLE)
def test_study_2d_has_the_parameters_of_the_table(blocks, channels):
    asked = ModelSettings(preset="study-2d", blocks=blocks, channels=channels)
    assert parameters(study_2d(blocks, channels)) == TABLE[blocks, channels]
    assert parameters(build(asked, (3, 172, 172), SIX)) == TABLE[blocks, channels]


def test_the_other_presets_have_theirs():
    assert parameters(study_1d()) == 663_664
    assert parameters(study_1d(classes=10)) == 659_050
    assert parameters(study_mnist()) == 38_314


def sizes(net, shape):
    """The last axis after each pool."""
    found, x = [], torch.zeros(1, *shape)
    for name, layer in net.named_children():
        x = layer(x)
        if name.startswith("pool"):
            found.append(x.shape[-1])
    return found, tuple(x.shape)


def test_sizes_are_those_of_ceil_mode():
    assert sizes(study_2d(7), (3, 172, 172)) == ([86, 43, 22, 11, 6, 3, 2], (1, 6))
    assert sizes(study_mnist(), (1, 28, 28)) == ([14, 7, 4], (1, 10))
    waves = [5334, 1778, 593, 198, 66, 22, 8, 3]
    assert sizes(study_1d(), (1, 16000)) == (waves, (1, 16))


@pytest.mark.parametrize(
    ("net", "kernel", "pool", "shape"),
    [
        (study_2d(8, 4, input_shape=(3, 64, 64)), (5, 5), 2, (3, 64, 64)),
        (study_1d(8, 4, input_shape=(1, 900)), (5,), 3, (1, 900)),
        (study_mnist(8, 4), (3, 3), 2, (1, 28, 28)),
    ],
)
def test_a_block_is_convolution_relu_pool_and_channels_double_every_two(net, kernel, pool, shape):
    names = [f"{kind}{block}" for block in range(1, 9) for kind in ("conv", "relu", "pool")]
    assert [name for name, _ in net.named_children()] == [*names, "flatten", "dropout", "fc"]
    convolutions = [layer for name, layer in net.named_children() if name.startswith("conv")]
    assert [layer.out_channels for layer in convolutions] == [4, 4, 8, 8, 16, 16, 32, 32]
    assert {layer.kernel_size for layer in convolutions} == {kernel}
    assert {(net.pool3.kernel_size, net.pool3.stride, net.pool3.ceil_mode)} == {(pool, pool, True)}
    assert net(torch.zeros(2, *shape)).shape[0] == 2


def test_settings_left_out_are_the_presets():
    net = build(ModelSettings(preset="study-1d"), (1, 16000), [str(n) for n in range(16)])
    assert parameters(net) == 663_664
    assert net.dropout.p == 0.5
    odd = ModelSettings(preset="study-mnist", blocks=2, channels=8, dropout=0.25)
    net = build(odd, (3, 30, 40), ["a", "b"])
    assert net.dropout.p == 0.25
    assert net(torch.zeros(1, 3, 30, 40)).shape == (1, 2)


def test_he_and_torchs_initialisation():
    torch.manual_seed(0)
    he = build(ModelSettings(channels=64), (3, 172, 172), SIX)
    assert he.conv2.weight.std().item() == pytest.approx((2 / (64 * 25)) ** 0.5, rel=0.02)
    assert he.conv2.bias.abs().max() == 0
    plain = build(ModelSettings(channels=64, initialisation="torch"), (3, 172, 172), SIX)
    torch.manual_seed(1)
    twin = nn.Conv2d(64, 64, 5)
    assert plain.conv2.weight.std().item() == pytest.approx(twin.weight.std().item(), rel=0.02)
    assert plain.conv2.bias.abs().max() > 0


def test_the_seed_decides_the_weights():
    nets = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        nets.append(build(ModelSettings(preset="study-mnist"), (1, 28, 28), "0123456789"))
    assert nets[0].conv1.weight.equal(nets[1].conv1.weight)
    assert not nets[0].conv1.weight.equal(nets[2].conv1.weight)


def test_an_input_of_the_wrong_kind_is_refused():
    with pytest.raises(LayerscopeError, match='takes inputs "channel y x"'):
        build(ModelSettings(preset="study-2d"), (1, 16000), SIX)
    with pytest.raises(LayerscopeError, match='takes inputs "channel time"'):
        build(ModelSettings(preset="study-1d"), (3, 172, 172), SIX)


@pytest.mark.parametrize(
    "change",
    [{"preset": "study-3d"}, {"blocks": 0}, {"channels": 0}, {"dropout": 1.0}, {"block": 3}],
)
def test_impossible_settings_are_refused(change):
    with pytest.raises(ValidationError):
        ModelSettings(**change)


@pytest.mark.parametrize(
    "change", [{"blocks": 0}, {"channels": -1}, {"classes": 0}, {"dropout": 1.0}]
)
def test_impossible_arguments_are_refused(change):
    with pytest.raises(LayerscopeError, match=next(iter(change))):
        study_2d(**change)
