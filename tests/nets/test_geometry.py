import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from layerscope.nets import geometry, study_1d, study_2d, study_mnist
from zoo import NETWORKS, build

STUDY = {
    "study_2d": (study_2d, (3, 172, 172), [5, 14, 32, 68, 140, 284]),
    "study_1d": (study_1d, (1, 16000), [5, 19, 61, 187, 565, 1699, 5101, 15307]),
    "study_mnist": (study_mnist, (1, 28, 28), [3, 8, 18]),
}


@pytest.mark.parametrize("name", STUDY)
def test_receptive_fields_of_the_study_s_networks(name):
    make, shape, expected = STUDY[name]
    layers = [layer for layer in geometry(make(), shape) if layer.kind.startswith("Conv")]
    assert [layer.receptive_field[0] for layer in layers] == expected


def test_sizes_and_strides_of_seven_blocks():
    layers = {layer.name: layer for layer in geometry(study_2d(7), (3, 172, 172))}
    assert [layers[f"pool{n}"].size[0] for n in range(1, 8)] == [86, 43, 22, 11, 6, 3, 2]
    assert [layers[f"conv{n}"].stride[0] for n in range(1, 8)] == [1, 2, 4, 8, 16, 32, 64]
    assert layers["fc"].receptive_field == (172, 172)


@pytest.mark.parametrize("name", NETWORKS)
def test_flops_and_parameters_are_torch_s(name):
    net, images = build(name)
    layers = geometry(net, images.shape[1:])
    net.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        net(images[:1])
    assert sum(layer.flops for layer in layers) == counter.get_total_flops()
    assert sum(layer.parameters for layer in layers) == sum(p.numel() for p in net.parameters())


def test_flops_of_a_convolution_by_hand():
    layer = geometry(study_2d(), (3, 172, 172))[0]
    assert layer.flops == 2 * 172 * 172 * 32 * 3 * 5 * 5
