"""Fine-tuning: what is frozen does not move, a probe moves the head alone, rates by layer."""

import contextlib

import pytest
import torch
from torch import nn

from layerscope.errors import LayerscopeError
from layerscope.training import FinetuneSettings, Paused, fit
from training.test_fit import seeded_net, settings
from training.tiny import CLASSES, tiny_data


def trained(folder, finetune, net=None, until=None, resume=False, **options):
    net = seeded_net() if net is None else net
    asked = settings(finetune=FinetuneSettings(**finetune), keep="last", ema=0.0, **options)
    with contextlib.suppress(Paused):
        fit(net, tiny_data(), asked, folder, until=until, resume=resume)
    return net.state_dict()


def moved(before, after):
    return {name for name in before if not torch.equal(before[name], after[name])}


def with_norms():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Dropout(),
        nn.Flatten(),
        nn.Linear(4 * 36, len(CLASSES)),
    )


def test_frozen_parts_and_their_statistics_stay(tmp_path):
    before = {name: value.clone() for name, value in with_norms().state_dict().items()}
    after = trained(tmp_path / "a", {"freeze": ["0", "1"]}, with_norms())
    assert moved(before, after) == {"5.weight", "5.bias"}
    free = trained(tmp_path / "b", {"freeze": ["0"]}, with_norms())
    assert {"1.weight", "1.running_mean"} <= moved(before, free)
    assert not {"0.weight", "0.bias"} & moved(before, free)


def test_a_probe_trains_the_head_alone_then_all_learn(tmp_path):
    before = {name: value.clone() for name, value in with_norms().state_dict().items()}
    probed = trained(tmp_path / "a", {"probe_epochs": 1}, with_norms(), until=1)
    assert moved(before, probed) == {"5.weight", "5.bias"}
    whole = trained(tmp_path / "b", {"probe_epochs": 1}, with_norms())
    assert moved(before, whole) == set(before)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "muon"])
def test_a_resume_after_the_probe_ends_in_the_same_bits(tmp_path, optimizer):
    finetune = {"probe_epochs": 1, "layer_decay": 0.5}
    whole = trained(tmp_path / "whole", finetune, optimizer=optimizer)
    trained(tmp_path / "broken", finetune, until=1, optimizer=optimizer)
    again = trained(tmp_path / "broken", finetune, resume=True, optimizer=optimizer)
    assert not moved(whole, again)


def test_each_layer_steps_by_its_own_rate(tmp_path):
    """One step of plain SGD is the rate times the gradient, so the steps' ratios are the rates'."""
    plain = {"optimizer": "sgd", "momentum": 0.0, "weight_decay": 0.0, "epochs": 1}
    plain |= {"batch_size": 100, "warmup": 0.0}
    before = {name: value.clone() for name, value in seeded_net().state_dict().items()}
    full = trained(tmp_path / "full", {}, **plain)
    slow = trained(tmp_path / "slow", {"layer_decay": 0.5}, **plain)
    for layer, factor in (("conv1", 0.25), ("conv2", 0.5), ("fc", 1.0)):
        for part in ("weight", "bias"):
            name = f"{layer}.{part}"
            step, slower = full[name] - before[name], slow[name] - before[name]
            torch.testing.assert_close(slower, factor * step, rtol=1e-3, atol=1e-7)
            assert step.abs().max() > 0


def test_what_the_network_holds_fixed_itself_stays_so(tmp_path):
    net = seeded_net()
    net.conv1.weight.requires_grad_(False)
    before = net.conv1.weight.clone()
    after = trained(tmp_path, {"probe_epochs": 1}, net)
    assert torch.equal(before, after["conv1.weight"])


def test_a_name_that_is_none_and_a_frozen_head_are_refused(tmp_path):
    with pytest.raises(
        LayerscopeError, match=r'no layer "conf1"; did you mean conv1\? it has conv1'
    ):
        trained(tmp_path / "a", {"freeze": ["conf1"]})
    with pytest.raises(LayerscopeError, match="trains fc alone, and it is frozen"):
        trained(tmp_path / "b", {"freeze": ["fc"], "probe_epochs": 1})


def test_a_resume_with_other_stages_is_refused(tmp_path):
    trained(tmp_path, {"probe_epochs": 1}, until=1)
    with pytest.raises(LayerscopeError, match=r"training\.finetune\.probe_epochs: was 1, now 2"):
        trained(tmp_path, {"probe_epochs": 2}, resume=True)
