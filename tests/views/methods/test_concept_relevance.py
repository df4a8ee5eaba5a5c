import numpy as np
import pytest
import torch

from layerscope import Refused
from layerscope.nets import study_2d
from layerscope.views import Scope
from zoo import build


def studied(**more):
    torch.manual_seed(0)
    net, images = study_2d(3, 4, input_shape=(3, 29, 33)), torch.randn(2, 3, 29, 33)
    return Scope(net, **more).trace(images)


@pytest.mark.parametrize("composite", ["epsilon_plus_flat", "epsilon", "gamma"])
def test_all_channels_of_a_layer_sum_to_the_whole_relevance(composite):
    trace = studied()
    whole = trace.view("lrp", target=1, composite=composite)["input"].values
    for layer, channels in (("conv1", 4), ("conv3", 8)):
        parts = [
            trace.view("concept_relevance", layers=layer, unit=u, target=1, composite=composite)
            for u in range(channels)
        ]
        total = sum(part[layer].values for part in parts)
        np.testing.assert_allclose(total, whole, rtol=0, atol=1e-4 * np.abs(whole).max())


def test_the_score_of_a_channel_is_its_relevance_and_is_accounted_for():
    net, images = build("residual")
    trace = Scope(net).trace(images)
    relevance = trace.view("lrp", layers=["b1"], target=1)["b1"].values.sum((2, 3))  # (B, C)
    top = trace.view("concept_relevance", layers=["b1"], target=1, top=3)["b1"]
    assert top.axes[:2] == ("rank", "batch")
    assert top.about == ("class 1",) * 5
    np.testing.assert_array_equal(top.unit, np.argsort(-relevance, 1, kind="stable")[:, :3].T)
    chosen = np.take_along_axis(relevance, top.unit.T, 1).T
    np.testing.assert_allclose(top.quality["score"], chosen, atol=1e-6)
    total = top.values.sum((2, 3, 4)) + top.quality["bias"] + top.quality["epsilon"]
    np.testing.assert_allclose(total, chosen, atol=1e-5 * np.abs(chosen).max())


def test_a_small_memory_budget_changes_nothing():
    wide = studied().view("concept_relevance", layers="conv3", top=5)["conv3"]
    narrow = studied(memory=1).view("concept_relevance", layers="conv3", top=5)["conv3"]
    np.testing.assert_allclose(wide.values, narrow.values, atol=1e-6)
    np.testing.assert_allclose(wide.quality["bias"], narrow.quality["bias"], atol=1e-6)


def test_a_wrong_unit_is_told_what_there_is():
    with pytest.raises(Refused, match="units 0 to 7"):
        studied().view("concept_relevance", layers="conv3", unit=8)
