"""Embedding and linear probe: planted classes, held-out examples, shuffled labels, refusals."""

import random

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.metrics import balanced_accuracy_score
from torch import nn

from layerscope import Refused
from layerscope.nets import study_mnist
from layerscope.views import Scope
from layerscope.views import features as room
from zoo import build


def groups(count=40, *, apart=4.0, seed=0):
    """Give pictures of two classes that differ in their first channel's mean."""
    draw = torch.Generator().manual_seed(seed)
    images = torch.randn(count, 2, 5, 5, generator=draw)
    labels = torch.arange(count) % 2
    images[labels == 1, 0] += apart
    return images, labels


def channels():
    """Give a network whose first layer keeps both channels, and whose second drops the first."""
    net = nn.Sequential(nn.Conv2d(2, 2, 1), nn.Conv2d(2, 2, 1), nn.Flatten(), nn.Linear(50, 2))
    with torch.no_grad():
        net[0].weight[:, :, 0, 0] = torch.eye(2)
        net[1].weight[:, :, 0, 0] = torch.tensor([[0.0, 1], [0, 2]])
    return net


def probe(images, labels, **options):
    trace = Scope(channels(), classes=["left", "right"]).trace(images[:1])
    return trace.view(
        "linear_probe", data=[(images[:7], labels[:7]), (images[7:], labels[7:])], **options
    )


def test_a_layer_that_holds_the_class_separates_it_and_one_that_lost_it_does_not():
    found = probe(*groups())
    assert found["0"].axes == ("class",)
    assert found["0"].values.tolist() == [1, 1]
    assert float(found["0"].quality["balanced_accuracy"]) == 1
    assert found["0"].quality["confusion"].tolist() == [[20, 0], [0, 20]]
    assert found["0"].quality["classes"].tolist() == ["left", "right"]
    low, high = found["0"].quality["interval"]
    assert 0.9 < low < high <= 1
    lost = found["1"].quality
    assert lost["interval"][0] < 0.5 < lost["interval"][1]
    assert float(lost["chance"]) == 0.5


def test_shuffled_labels_are_told_by_chance():
    found = probe(*groups(200), nulls=5)["0"].quality["null"]
    assert found.shape == (5,)
    assert (np.abs(found - 0.5) < 0.15).all()
    assert len(set(found.tolist())) > 1


def test_held_out_examples_are_told_by_what_was_fitted_to_the_others():
    images, labels = groups(60, apart=1.0)
    other, truth = groups(30, apart=-1.0, seed=1)  # where all look like the first class
    found = probe(images, labels, held_out=[(other, truth)])["0"]
    assert found.quality["count"].tolist() == [15, 15]
    assert found.values[0] > 0.8
    assert found.values[1] == 0
    assert probe(images, labels, held_out=[groups(30, apart=1.0, seed=1)])["0"].values.min() > 0.8


def test_the_balanced_accuracy_is_scikit_learn_s():
    found = probe(*groups(50, apart=0.6))["0"].quality
    true, said = (
        np.repeat(axis, found["confusion"].ravel()) for axis in ([0, 0, 1, 1], [0, 1, 0, 1])
    )
    assert float(found["balanced_accuracy"]) == pytest.approx(balanced_accuracy_score(true, said))
    assert 0.5 < float(found["balanced_accuracy"]) < 1


def test_an_interval_holds_the_true_recall_about_as_often_as_it_says():
    inside = 0
    for seed in range(40):
        images, labels = groups(60, apart=0.0, seed=seed)
        low, high = probe(images, labels, nulls=0, layers="0", folds=3)["0"].quality["interval"]
        inside += low <= 0.5 <= high
    assert inside >= 34


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"folds": 1}, "folds=1: a whole number of parts, at least 2"),
        ({"folds": 25}, "class 'left' has 20 examples, fewer than the 25 parts"),
        ({"held_out": [(torch.zeros(1, 2, 5, 5), [0])]}, "held_out= has no example of 'right'"),
        ({"held_out": [(torch.zeros(1, 2, 5, 5), [2])]}, "held_out= has the class 2"),
        ({"held_out": [torch.zeros(1, 2, 5, 5)]}, "linear_probe needs the labels"),
        ({"pool": "sum"}, "pool='sum'"),
    ],
)
def test_what_cannot_be_probed_is_refused(options, words):
    with pytest.raises(Refused, match=words):
        probe(*groups(), **options)


def test_the_last_layer_of_a_trained_network_separates_digits_better_than_the_first():
    digits = load_digits()
    images = torch.tensor(digits.images / 16, dtype=torch.float32)[:, None]
    labels = torch.tensor(digits.target)
    torch.manual_seed(0)
    net = study_mnist(2, 8, input_shape=(1, 8, 8))
    optimizer = torch.optim.Adam(net.parameters(), 0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images[:1000]), labels[:1000]).backward()
        optimizer.step()
    data = [(images[1000:], labels[1000:])]
    found = Scope(net).trace(images[:1]).view("linear_probe", ["conv1", "fc"], data=data)
    first, last = (view.quality["balanced_accuracy"] for view in found.values())
    assert first + 0.1 < last
    assert last > 0.85


def test_pca_is_scikit_learn_s_of_all_features_at_once():
    images, labels = groups()
    trace = Scope(channels(), classes=["left", "right"]).trace(images[:1])
    view = trace.view("embedding", data=[(images[:9], labels[:9]), (images[9:], labels[9:])])["0"]
    features = channels()[0](images).mean((2, 3)).detach().double().numpy()
    assert view.axes == ("example", "component")
    features -= channels()[0].bias.detach().numpy()
    expected = PCA(2).fit_transform(features)
    np.testing.assert_allclose(view.values, expected, atol=1e-5)
    assert view.quality["example"].tolist() == [str(n) for n in range(40)]
    assert view.quality["class"].tolist() == labels.tolist()
    assert view.quality["explained"].sum() == pytest.approx(1)
    assert (
        np.sign(view.values[:, 0]) == np.sign(view.values[0, 0]) * (1 - 2 * labels.numpy())
    ).all()


def test_tsne_keeps_classes_apart_is_deterministic_and_draws_from_its_seed_alone():
    images, _ = groups()
    trace = Scope(channels()).trace(images[:1])
    call = {"data": [images], "by": "tsne", "layers": "0"}
    state = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    one, again = (trace.view("embedding", **call)["0"] for _ in range(2))
    after = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    assert state == after
    np.testing.assert_array_equal(one.values, again.values)
    assert "class" not in one.quality
    assert float(one.quality["divergence"]) > 0
    left, right = one.values[::2], one.values[1::2]
    within = np.linalg.norm(left - left.mean(0), axis=1).mean()
    assert np.linalg.norm(left.mean(0) - right.mean(0)) > 2 * within


def test_features_of_one_unit_and_of_equal_examples():
    net = nn.Sequential(nn.Conv2d(1, 1, 1), nn.Flatten(), nn.Linear(4, 2))
    images = torch.arange(3.0).view(3, 1, 1, 1).expand(3, 1, 2, 2)
    view = Scope(net).trace(images).view("embedding")["0"]
    assert not view.values[:, 1].any()
    assert np.ptp(view.values[:, 0]) == pytest.approx(
        2 * net[0].weight.detach().abs().item(), rel=1e-5
    )
    same = Scope(net).trace(images[:1].expand(4, 1, 2, 2)).view("embedding")["0"]
    assert not same.values.any()


def test_what_cannot_be_laid_out_is_refused(monkeypatch):
    net, images = build("plain")
    trace = Scope(net, memory=1000).trace(images)
    with pytest.raises(Refused, match="by='umap'"):
        trace.view("embedding", by="umap")
    with pytest.raises(Refused, match="there are 2; give 3 or more"):
        trace.view("embedding", data=[images[:2]])
    with pytest.raises(Refused, match="some batches of data= have labels and others have none"):
        trace.view("embedding", data=[(images, [0] * 5), images])
    monkeypatch.setattr(room, "_ALWAYS", 0)
    with pytest.raises(
        Refused, match=r"keeps 14 numbers of each example, and 18 .*memory \(1,000 bytes\)"
    ):
        trace.view("embedding", data=[images] * 10)
