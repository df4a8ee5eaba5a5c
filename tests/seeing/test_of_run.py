"""The views of a run: they are those of its weights, made once, and listed as they are."""

import json

import numpy as np
import pytest
from PIL import Image

import layerscope as ls
from layerscope import LayerscopeError, View
from layerscope.data import prepare
from layerscope.seeing.index import rounded


@pytest.fixture(scope="module")
def seen(_trained, tmp_path_factory):
    """The small run with all its views, shared; tests that change it take a copy."""
    import shutil

    run = ls.load(shutil.copytree(_trained, tmp_path_factory.mktemp("seen") / "run"))
    return run, ls.see(run)


def entries(run, **wanted):
    document = json.loads((run.views_folder / "index.json").read_text())
    return [
        entry
        for entry in document["views"]
        if all(entry.get(name) == value for name, value in wanted.items())
    ]


def test_every_class_method_and_conv_layer_is_there(seen):
    run, made = seen
    document = made.index.document
    assert made.made == len(document["views"])
    assert {example["true"] for example in document["examples"]} == set(run.classes)
    for method, count in (("feature_maps", 1), ("grad_cam", 1), ("deconvnet", 2)):
        for layer in ("conv1", "conv2", "conv3"):
            found = entries(run, method=method, layer=layer)
            shown = sorted(place for entry in found for place in entry["examples"])
            expected = sorted(list(range(len(document["examples"]))) * count)
            assert shown == expected, (method, layer)
    assert len(entries(run, method="filters")) == 1
    assert document["refused"] == []


def test_files_agree_with_the_index(seen):
    run, made = seen
    examples = made.index.document["examples"]
    for entry in made.index.document["views"]:
        view = View.load(run.views_folder / entry["file"])
        assert list(view.axes) == entry["axes"]
        assert list(view.values.shape) == entry["shape"]
        assert view.values.dtype == np.float32
        assert list(view.examples) == [examples[place]["id"] for place in entry["examples"]]
        if entry["method"] == "deconvnet" and entry["layer"] != "input":
            assert view.unit.tolist() == entry["units"]
    for example in examples:
        with Image.open(run.views_folder / example["image"]) as image:
            assert image.size == (28, 28)


def test_a_view_is_what_the_scope_sees(seen):
    run, _ = seen
    test = prepare(run.study.data)["test"]
    some = entries(run, layer="conv3", group="class3-0")
    assert [entry.get("rank") for entry in some if entry["method"] == "deconvnet"] == [0, 1]
    for entry in some:
        method, layer = entry["method"], "conv3"
        if method in ("feature_maps", "lrp"):  # of which a part, or a sum, is kept
            continue
        stored = View.load(run.views_folder / entry["file"])
        pixels = test.batch([test.ids.index(name) for name in stored.examples])
        trace = run.scope().trace(run.spec.to_model(pixels))
        options = {"unit": stored.unit} if method == "deconvnet" else {}
        fresh = trace.view(method, layers=layer, **options)[layer]
        top = np.abs(fresh.values).max()
        assert top > 0
        np.testing.assert_allclose(stored.values, fresh.values, atol=1e-3 * top)


def test_feature_maps_kept_are_the_strongest_channels(seen):
    run, _ = seen
    entry = entries(run, method="feature_maps", layer="conv3")[0]
    stored = View.load(run.views_folder / entry["file"])
    test = prepare(run.study.data)["test"]
    pixels = test.batch([test.ids.index(name) for name in stored.examples])
    full = run.scope().trace(run.spec.to_model(pixels)).view("feature_maps", layers="conv3")
    maps = full["conv3"].values
    assert maps.shape[1] > len(entry["channels"][0]) == 9
    for row, channels in enumerate(entry["channels"]):
        peaks = maps[row].max(axis=(1, 2))
        assert sorted(peaks[channels], reverse=True) == list(peaks[channels])
        assert peaks[channels[-1]] >= np.delete(peaks, channels).max(initial=-np.inf)
        np.testing.assert_allclose(stored.values[row], maps[row][channels], rtol=1e-3)


def test_examples_are_right_and_wrong_ones_as_predicted(seen):
    run, made = seen
    said = run.predictions()
    by_id = dict(zip(said.ids, zip(said.true, said.predicted, strict=True), strict=True))
    wrong = 0
    for example in made.index.document["examples"]:
        true, predicted = by_id[example["id"]]
        assert (example["true"], example["predicted"]) == (
            run.classes[true],
            run.classes[predicted],
        )
        wrong += true != predicted
    assert 0 < wrong < len(made.index.document["examples"])


def test_nothing_is_made_twice_and_what_is_missing_is_added(digits_run):
    first = ls.see(digits_run, methods=["grad_cam"], layers=["conv1"], classes=["3"])
    file = digits_run / "views" / first.index.document["views"][0]["file"]
    before = (file.stat().st_mtime_ns, file.read_bytes())
    assert ls.see(digits_run, methods=["grad_cam"], layers=["conv1"], classes=["3"]).made == 0
    more = ls.see(digits_run, methods=["grad_cam"], layers="conv", classes=["3"])
    assert more.made == 2 * first.made
    assert (file.stat().st_mtime_ns, file.read_bytes()) == before
    file.unlink()
    assert ls.see(digits_run, methods=["grad_cam"], layers="conv", classes=["3"]).made == 1
    assert file.is_file()


def test_views_of_other_weights_are_removed(digits_run):
    import safetensors.torch

    first = ls.see(digits_run, methods=["grad_cam"], layers=["conv1"], classes=["3"])
    file = digits_run / "views" / first.index.document["views"][0]["file"]
    before = View.load(file).values
    run = ls.load(digits_run)
    weights = safetensors.torch.load_file(run.weights_file)
    weights["conv1.weight"] *= 2
    safetensors.torch.save_file(weights, run.weights_file)
    again = ls.see(digits_run, methods=["grad_cam"], layers=["conv1"], classes=["3"])
    assert again.made == first.made
    assert not np.allclose(View.load(file).values, before)


def test_mistakes_are_told(digits_run):
    with pytest.raises(LayerscopeError, match="did you mean 'grad_cam'"):
        ls.see(digits_run, methods=["gradcam"])
    with pytest.raises(LayerscopeError, match=r"methods = 'grad_cam': .* a list, as in \["):
        ls.see(digits_run, methods="grad_cam")
    with pytest.raises(LayerscopeError, match="no layer 'conv9'"):
        ls.see(digits_run, layers=["conv9"])
    with pytest.raises(LayerscopeError, match="classes: cat is none of this run's: 0, 1"):
        ls.see(digits_run, classes=["cat"])
    (digits_run / "predictions.csv").unlink()
    with pytest.raises(LayerscopeError, match="has no predictions"):
        ls.see(digits_run)


def test_other_data_are_refused(digits_run):
    run = ls.load(digits_run)
    run.note(data_fingerprint="another")
    with pytest.raises(LayerscopeError, match="the data have changed since"):
        ls.see(run)
    assert not run.views_folder.exists()


def test_rounding_keeps_eleven_bits():
    values = np.random.default_rng(0).normal(size=10_000).astype(np.float32)
    values *= np.float32(10) ** np.random.default_rng(1).integers(-20, 20, 10_000)
    error = np.abs(rounded(values) - values) / np.abs(values)
    assert error.max() <= 2**-11
    assert (rounded(values).view(np.uint32) & 0x1FFF == 0).all()
    odd = np.float32([np.inf, -np.inf, np.nan, 0.0, -0.0])
    np.testing.assert_array_equal(rounded(odd), odd)
