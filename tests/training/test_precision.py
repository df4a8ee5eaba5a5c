"""What a training computes in, where, and that its surroundings are put back."""

import pytest
import torch
from torch import nn

from layerscope.errors import LayerscopeError
from layerscope.nets import study_1d, study_2d, study_mnist
from layerscope.training import precision as room
from layerscope.training.precision import choose, flops, surroundings
from layerscope.training.settings import TrainingSettings


@pytest.fixture
def fast_bfloat16(monkeypatch):
    monkeypatch.setattr(room, "_has_bfloat16", lambda device: True)


def test_large_networks_are_cast_and_small_ones_are_not(fast_bfloat16):
    settings = TrainingSettings(batch_size=32)
    assert choose(study_2d(), (3, 172, 172), settings).name == "bfloat16"
    assert choose(study_mnist(), (1, 28, 28), settings).name == "bfloat16"
    tiny = choose(study_mnist(input_shape=(1, 8, 8)), (1, 8, 8), settings)
    assert tiny.name == "float32"
    assert "too small" in tiny.reason


def test_a_machine_without_bfloat16_computes_in_float32(monkeypatch):
    monkeypatch.setattr(room, "_has_bfloat16", lambda device: False)
    chosen = choose(study_mnist(), (1, 28, 28), TrainingSettings())
    assert chosen.name == "float32"
    assert "no fast bfloat16" in chosen.reason
    asked = choose(study_mnist(), (1, 28, 28), TrainingSettings(precision="bfloat16"))
    assert asked.name == "bfloat16"


def test_this_machine_is_asked():
    known = getattr(torch.cpu, "get_capabilities", dict)()
    if "avx512_bf16" in known:
        fast = known["avx512_bf16"] or known["amx_bf16"]
        assert room._has_bfloat16(torch.device("cpu")) == fast
    assert room._has_bfloat16(torch.device("meta")) is False


def test_float32_turns_it_off(fast_bfloat16):
    chosen = choose(study_mnist(), (1, 28, 28), TrainingSettings(precision="float32"))
    assert not chosen.autocast
    seen = chosen.forward(nn.Conv2d(1, 2, 3), torch.zeros(1, 1, 8, 8))
    assert seen.dtype == torch.float32


def test_the_network_runs_in_bfloat16_and_channels_last(fast_bfloat16):
    chosen = choose(study_mnist(), (1, 28, 28), TrainingSettings(precision="bfloat16"))
    net = nn.Conv2d(3, 8, 3).to(memory_format=chosen.memory_format)
    out = chosen.forward(net, torch.zeros(2, 3, 8, 8))
    assert out.dtype == torch.bfloat16
    assert out.is_contiguous(memory_format=torch.channels_last)
    assert net.weight.dtype == torch.float32


def test_waveforms_stay_contiguous(fast_bfloat16):
    chosen = choose(study_1d(blocks=2, input_shape=(1, 400)), (1, 400), TrainingSettings())
    assert chosen.memory_format == torch.contiguous_format


def test_double_networks_are_computed_as_they_are(fast_bfloat16):
    net = study_mnist().double()
    assert choose(net, (1, 28, 28), TrainingSettings()).name == "float32"
    with pytest.raises(LayerscopeError, match="float64"):
        choose(net, (1, 28, 28), TrainingSettings(precision="bfloat16"))


def test_flops_of_a_convolution_are_counted_by_hand():
    assert flops(nn.Conv2d(3, 8, 5, padding=2), (3, 10, 12)) == 2 * 10 * 12 * 8 * 3 * 25


def test_counting_leaves_the_network_alone():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    flops(net, (1, 8, 8))
    assert net.training
    assert all(value.equal(before[name]) for name, value in net.state_dict().items())


def test_threads_and_chance_are_put_back():
    threads = torch.get_num_threads()
    chosen = choose(study_mnist(), (1, 28, 28), TrainingSettings(threads=threads + 1))
    state = torch.get_rng_state()
    with surroundings(chosen, torch.device("cpu")):
        assert torch.get_num_threads() == threads + 1
        torch.rand(5)
    assert torch.get_num_threads() == threads
    assert torch.get_rng_state().equal(state)


def narrow():
    """Make the study's network of six blocks on 28 pixels, whose last convolution sees 1 x 1."""
    return study_2d(blocks=6, channels=32, input_shape=(1, 28, 28))


def test_a_convolution_on_a_single_position_keeps_a_network_in_float32(fast_bfloat16):
    chosen = choose(narrow(), (1, 28, 28), TrainingSettings(batch_size=64))
    assert chosen.name == "float32"
    assert "conv6 on a 1 x 1 map" in chosen.reason
    with pytest.raises(LayerscopeError, match="conv6 on a 1 x 1 map are wrong in bfloat16"):
        choose(narrow(), (1, 28, 28), TrainingSettings(precision="bfloat16"))


def test_a_smaller_size_in_training_counts_too(fast_bfloat16):
    net = study_2d(blocks=2, channels=64, input_shape=(3, 64, 64))
    sizes = TrainingSettings(train_sizes=[[0, 2], [0.5, 64]])
    assert choose(net, (3, 64, 64), TrainingSettings()).name == "bfloat16"
    assert "conv2" in choose(net, (3, 64, 64), sizes).reason
