"""What is asked of each registered method by default, and that each answers or says why not."""

import json

import numpy as np
import pytest

import layerscope as ls
from layerscope import LayerscopeError, View, report
from layerscope.seeing.ask import INPUT, ONCE, asks, missing
from layerscope.seeing.settings import ViewsSettings
from layerscope.views import methods

NEEDS_GLOBAL_POOLING = {"cam"}
NEEDS_SOUND = {
    *("effective_response", "frequency_response"),
    *("time_frequency", "time_frequency_occlusion"),
}
REFUSED = NEEDS_GLOBAL_POOLING | NEEDS_SOUND


@pytest.fixture(scope="module")
def everything(_trained, tmp_path_factory):
    """The small run with a view of every registered method, of two classes."""
    import shutil

    run = ls.load(shutil.copytree(_trained, tmp_path_factory.mktemp("everything") / "run"))
    names = [method.name for method in methods()]
    layers = ["conv1", "conv3"]
    return run, ls.see(run, methods=names, layers=layers, classes=["3", "8"])


def test_every_method_has_a_view_where_it_belongs_or_a_reason(everything):
    _, seen = everything
    found = {}
    for entry in seen.index.document["views"]:
        found.setdefault(entry["method"], set()).add((entry["group"] == ONCE, entry["layer"]))
    for method in methods():
        if method.name in REFUSED:
            assert method.name not in found
            assert any(name == method.name and why for name, _, why in seen.outcome.refused)
            continue
        assert {once for once, _ in found[method.name]} == {"batch" not in method.axes}
        layers = {layer for _, layer in found[method.name]}
        assert layers <= {"conv1", "conv3", INPUT}
        if "layer" in method.needs and method.name != "filters":
            assert {"conv1", "conv3"} <= layers, method.name
    refused = {name for name, _, _ in seen.outcome.refused}
    assert refused <= REFUSED


def test_nothing_is_asked_twice(everything):
    run, seen = everything
    names = [method.name for method in methods()]
    again = ls.see(run, methods=names, layers=["conv1", "conv3"], classes=["3", "8"])
    assert again.made == 0
    assert again.outcome == seen.outcome


def test_the_page_shows_every_view(everything):
    run, seen = everything
    told = report.page(run).read_text(encoding="utf-8")
    assert "its axes are" not in told
    assert "At the input" in told
    from layerscope.report.words import words

    for name in {entry["method"] for entry in seen.index.document["views"]}:
        assert words(name).reading, name
        assert words(name).title.replace("'", "&#39;") in told, name


def test_views_that_hold_inputs_hold_them_as_bytes_too(everything):
    run, seen = everything
    by_method = {entry["method"]: entry for entry in seen.index.document["views"]}
    patches = View.load(run.views_folder / by_method["zeiler_fergus"]["file"])
    assert patches.quality["patches"].dtype == np.uint8
    assert patches.values.shape == patches.quality["patches"].shape
    assert patches.values.shape[0] == len(patches.unit) <= run.study.views.pictured
    peaks = patches.quality["activation"].max(axis=1)
    assert (peaks > 0).all()
    made = View.load(run.views_folder / by_method["class_model"]["file"])
    mean, std = run.spec.mean[0], run.spec.std[0]
    expected = np.clip((made.values * std + mean) * 255, 0, 255)
    np.testing.assert_allclose(made.quality["pixels"], expected, atol=0.7)


def test_relevance_at_a_layer_is_kept_as_its_sum_over_channels(everything):
    run, seen = everything
    entry = next(
        e for e in seen.index.document["views"] if e["method"] == "lrp" and e["layer"] == "conv3"
    )
    assert entry["summed"] == "channel"
    stored = View.load(run.views_folder / entry["file"])
    assert stored.axes == ("batch", "y", "x")
    from layerscope.data import prepare

    test = prepare(run.study.data)["test"]
    pixels = test.batch([test.ids.index(name) for name in stored.examples])
    whole = run.scope().trace(run.spec.to_model(pixels)).view("lrp", layers=["conv3"])["conv3"]
    np.testing.assert_allclose(
        stored.values, whole.values.sum(1), atol=2e-3 * np.abs(whole.values).max()
    )


def test_views_for_another_target_are_added_and_told_apart(digits_run):
    asked = {"methods": ["grad_cam", "lrp"], "layers": ["conv3"], "classes": ["3"]}
    first = ls.see(digits_run, **asked)
    other = ls.see(digits_run, target="3 - 8", **asked)
    assert other.made == first.made > 0
    assert ls.see(digits_run, target="3 - 8", **asked).made == 0
    entries = json.loads((digits_run / "views" / "index.json").read_text())["views"]
    assert len({entry["file"] for entry in entries}) == len(entries) == 2 * first.made
    assert {entry["aim"] for entry in entries} == {"predicted", "3 - 8"}
    told = {name for e in entries if e["aim"] == "3 - 8" for name in e["target"]}
    assert told == {"3 − 8"}
    with pytest.raises(LayerscopeError, match="no class 'cat'"):
        ls.see(digits_run, target="cat", **asked)


def test_what_is_missing_is_asked_once_for_each_place():
    settings = ViewsSettings(methods=("grad_cam", "lrp", "filters", "deconvnet"))
    wanted = asks(settings, ["conv1", "conv2"])
    places = {(ask.method.name, ask.layers, ask.aim) for ask in wanted}
    assert places == {
        ("grad_cam", ("conv1", "conv2"), "predicted"),
        ("lrp", (INPUT, "conv1", "conv2"), "predicted"),
        ("filters", (), None),
        ("deconvnet", ("conv1", "conv2"), None),
        ("deconvnet", (INPUT,), "predicted"),
    }
    made = {
        ("a", "grad_cam", "conv1", "predicted"),
        ("a", "lrp", INPUT, "dog"),
        (ONCE, "filters", "conv1", None),
        ("b", "deconvnet", "conv1", None),
    }
    left = {(ask.method.name, ask.layers) for ask in missing(made, "a", wanted)}
    assert left == {
        ("grad_cam", ("conv2",)),
        ("lrp", (INPUT, "conv1", "conv2")),
        ("deconvnet", ("conv1", "conv2")),
        ("deconvnet", (INPUT,)),
    }
