"""Selectivity, strongest units and class means: planted answers, labels, options."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from layerscope import Refused
from layerscope.views import Scope
from zoo import build

LABELS = [0, 1, 1, 2, 0, 2, 2, 1]


def planted():
    """Give pictures of three classes, and filters: of class 0 alone, of all alike, of none."""
    net = nn.Sequential(
        *(nn.Conv2d(2, 3, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1)),
        *(nn.Flatten(), nn.Linear(3, 3)),
    )
    with torch.no_grad():
        net[0].weight[:, :, 0, 0] = torch.tensor([[1.0, 0], [0, 1], [0, 0]])
        net[0].bias[:] = torch.tensor([0.0, 0, -1])
    images = torch.zeros(8, 2, 4, 4)
    images[:, 1, 2, 2] = 3  # of every class
    for row, label in enumerate(LABELS):
        if label == 0:
            images[row, 0, row % 4, 1] = 5
    return net, images


@pytest.mark.parametrize("pool", ["mean", "max"])
def test_a_unit_of_one_class_is_wholly_selective_and_one_of_all_is_not(pool):
    net, images = planted()
    scope = Scope(net, classes=["cat", "dog", "house"])
    data = [(images[:5], LABELS[:5]), (images[5:], LABELS[5:])]
    view = scope.trace(images[:1]).view("selectivity", data=data, pool=pool)["0"]
    assert view.axes == ("unit",)
    assert view.values.tolist() == [1, 0, 0]
    assert view.quality["classes"][view.quality["class"][0]] == "cat"
    assert view.quality["count"].tolist() == [2, 3, 3]
    size = 16 if pool == "mean" else 1
    assert view.quality["means"][:, :2].tolist() == [[5 / size, 3 / size], *[[0, 3 / size]] * 2]


def test_activity_below_zero_counts_as_none():
    net, images = build("gated")
    view = Scope(net).trace(images, true=[0, 1, 2, 3, 0]).view("selectivity")["stem"]
    assert ((view.values >= 0) & (view.values <= 1)).all()
    maps = Scope(net).trace(images).value("stem").tensor
    means = maps.clamp(min=0).mean((2, 3))
    means[0] = (means[0] + means[4]) / 2
    best, _ = means[:4].max(0)
    rest = (means[:4].sum(0) - best) / 3
    np.testing.assert_allclose(view.values, (best - rest) / (best + rest), atol=1e-5)


def test_the_unit_of_a_class_is_its_strongest():
    net, images = planted()
    trace = Scope(net, classes=["cat", "dog", "house"]).trace(images, true=LABELS)
    view = trace.view("strongest_units", top=2)["0"]
    assert view.axes == ("class", "rank")
    assert view.unit.tolist() == [[0, 1], [1, 2], [1, 2]]
    assert view.values.tolist() == [[5, 0], [0, 0], [0, 0]]
    assert view.quality["response"].tolist() == [[5, 3, 0], [0, 3, 0], [0, 3, 0]]
    assert view.quality["contrast"].tolist() == [[5, 0, 0], [-2.5, 0, 0], [-2.5, 0, 0]]
    answers = trace.view("strongest_units", by="response", pool="mean")["0"]
    assert answers.unit.tolist() == [[0, 1, 2], [1, 0, 2], [1, 0, 2]]
    assert answers.values[1].tolist() == [3 / 16, 0, 0]


@given(cuts=st.lists(st.integers(1, 7), max_size=4), memory=st.sampled_from([1, 2**29]))
@settings(max_examples=10, deadline=None)
def test_the_figures_are_the_same_however_the_data_are_cut(cuts, memory):
    net, _ = build("plain 1-D")
    images = torch.randn(8, 3, 17, generator=torch.Generator().manual_seed(2))
    scope = Scope(net, kind="waveform", memory=memory)
    ends = [*sorted(set(cuts)), 8]
    data = [(images[a:b], LABELS[a:b]) for a, b in zip([0, *ends], ends, strict=False)]
    for method in ("selectivity", "strongest_units", "class_means"):
        found = scope.trace(images[:1]).view(method, data=iter(data))
        whole = Scope(net, kind="waveform").trace(images, true=LABELS).view(method)
        for layer, view in found.items():
            np.testing.assert_allclose(view.values, whole[layer].values, atol=2e-6)


def test_labels_may_be_names_that_the_network_does_not_know():
    net, images = build("plain")
    names = ["owl", "ant", "owl", "ant", "bee"]
    view = Scope(net).trace(images).view("selectivity", data=[(images, names)])["0"]
    assert view.quality["classes"].tolist() == ["ant", "bee", "owl"]
    assert view.quality["count"].tolist() == [2, 1, 2]


@pytest.mark.parametrize(
    "method", ["selectivity", "strongest_units", "class_means", "linear_probe"]
)
def test_missing_labels_are_refused_by_name(method):
    net, images = build("plain")
    with pytest.raises(Refused, match=rf"{method} needs the labels.*\(images, labels\)"):
        Scope(net).trace(images).view(method, data=[images])


@pytest.mark.parametrize("method", ["selectivity", "strongest_units", "linear_probe"])
def test_one_class_is_no_comparison(method):
    net, images = build("plain")
    scope = Scope(net, classes=["a", "b", "c", "d"])
    with pytest.raises(Refused, match=rf"{method} compares classes.*all labels.*'c'"):
        scope.trace(images, true="c").view(method)


def test_the_mean_grad_cam_of_a_class_is_the_mean_over_its_examples():
    net, images = build("residual")
    scope = Scope(net, classes=["a", "b", "c", "d"])
    trace = scope.trace(images, true=[3, 1, 1, 3, 3])
    cams = trace.view("grad_cam", target="true")
    data = [(images[:2], ["d", "b"]), (images[2:], ["b", "d", "d"])]
    options = {"of": "grad_cam", "options": {"target": "true"}}
    means = scope.trace(images[:1]).view("class_means", data=data, **options)
    for layer, view in means.items():
        assert view.axes == ("class", "y", "x")
        assert view.method == "class_means"
        assert view.quality["classes"].tolist() == ["b", "d"]
        assert str(view.quality["of"]) == "grad_cam"
        expected = [cams[layer].values[[1, 2]].mean(0), cams[layer].values[[0, 3, 4]].mean(0)]
        np.testing.assert_allclose(view.values, expected, atol=1e-6)
        assert view.over_input().values.shape == (2, 19, 19)


def test_the_mean_input_of_a_class():
    net, images = build("plain")
    trace = Scope(net).trace(images, true=[0, 1, 0, 1, 1])
    view = trace.view("class_means", of="input")["input"]
    assert view.axes == ("class", "channel", "y", "x")
    np.testing.assert_allclose(view.values[0], images[[0, 2]].mean(0), atol=1e-7)
    np.testing.assert_allclose(view.values[1], images[[1, 3, 4]].mean(0), atol=1e-7)


def test_the_mean_of_a_method_that_takes_no_layer():
    net, images = build("plain")
    trace = Scope(net).trace(images, true=[0, 1, 0, 1, 1])
    view = trace.view("class_means", of="saliency", options={"target": 2})["input"]
    whole = trace.view("saliency", target=2)["input"]
    np.testing.assert_allclose(view.values[0], whole.values[[0, 2]].mean(0), atol=1e-7)


def test_ranks_stay_where_they_are():
    net, images = build("plain")
    trace = Scope(net).trace(images, true=[0, 1, 0, 1, 1])
    view = trace.view("class_means", of="deconvnet", options={"top": 2})["0"]
    whole = trace.view("deconvnet", top=2)["0"]
    assert view.axes == ("rank", "class", "channel", "y", "x")
    np.testing.assert_allclose(view.values[1, 0], whole.values[1, [0, 2]].mean(0), atol=1e-6)


def test_what_shows_no_examples_has_no_class_mean():
    net, images = build("plain")
    trace = Scope(net).trace(images, true=[0, 1, 0, 1, 1])
    with pytest.raises(Refused, match="filters shows the network or a data set, not examples"):
        trace.view("class_means", of="filters")
    with pytest.raises(Refused, match="no method 'grad_cma': did you mean 'grad_cam'"):
        trace.view("class_means", of="grad_cma")
    with pytest.raises(Refused, match="grad_cam takes no option 'top'"):
        trace.view("class_means", of="grad_cam", options={"top": 3})


@pytest.mark.parametrize(
    ("method", "options", "words"),
    [
        ("selectivity", {"pool": "median"}, "pool='median'"),
        ("strongest_units", {"by": "size"}, "by='size'"),
        ("strongest_units", {"top": 0}, "top=0"),
    ],
)
def test_options_are_checked(method, options, words):
    net, images = build("plain")
    with pytest.raises(Refused, match=words):
        Scope(net).trace(images, true=[0, 1, 0, 1, 1]).view(method, **options)
