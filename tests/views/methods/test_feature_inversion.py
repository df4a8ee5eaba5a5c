import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_image
from torch import nn

from layerscope.errors import Refused
from layerscope.nets import study_2d
from layerscope.views import Scope


def photograph(size=48):
    image = load_sample_image("china.jpg")[40:424, 100:484]
    pixels = torch.from_numpy(image.copy()).permute(2, 0, 1)[None] / 255
    return nn.functional.adaptive_avg_pool2d(pixels, size)


def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return study_2d(3, 8, input_shape=(3, 48, 48))


def likeness(view, images):
    return np.corrcoef(view.values.ravel(), images.numpy().ravel())[0, 1]


@pytest.mark.parametrize("parametrisation", ["fourier", "pixel"])
def test_a_layer_that_loses_nothing_gives_the_photograph_back(parametrisation):
    images = photograph()
    trace = Scope(network(), bounds=(0, 1)).trace(images)
    found = trace.view("feature_inversion", "conv1", parametrisation=parametrisation, steps=128)[
        "conv1"
    ]
    assert likeness(found, images) > 0.97
    assert found.quality["distance"] < 0.02 < 0.5 < found.quality["start"]


def test_deeper_layers_know_less():
    images = photograph()
    trace = Scope(network(), bounds=(0, 1)).trace(images)
    found = trace.view("feature_inversion")
    alike = [likeness(view, images) for view in found.values()]
    assert alike[0] > alike[1] > alike[2]
    for view in found.values():
        assert view.quality["distance"] < 0.3 * view.quality["start"]
        assert view.values.min() >= 0
        assert view.values.max() <= 1


def test_what_the_layer_has_lost_is_left_smooth():
    """A network that sees the left half only: the right half stays without the photograph."""
    images = photograph()
    net = nn.Sequential(nn.Conv2d(3, 6, 3, bias=False), nn.Flatten(), nn.Linear(6 * 46 * 46, 2))
    left = nn.Sequential(nn.ConstantPad2d((0, -24, 0, 0), 0.0), net[0])
    trace = Scope(nn.Sequential(left, nn.Flatten()), bounds=(0, 1)).trace(images)
    found = trace.view("feature_inversion", "conv1", steps=128)["0.1"].values[0]
    known = np.corrcoef(found[..., :22].ravel(), images[0, ..., :22].ravel())[0, 1]
    lost = np.corrcoef(found[..., 26:].ravel(), images[0, ..., 26:].ravel())[0, 1]
    assert known > 0.9
    assert abs(lost) < 0.6
    assert found[..., 28:].std() < 0.5 * found[..., :20].std()


def test_a_picture_does_not_depend_on_its_batch_by_a_single_bit():
    images = torch.cat([photograph(), photograph().flip(3)])
    scope = Scope(network(), bounds=(0, 1))
    whole = scope.trace(images, examples=["a", "b"]).view("feature_inversion", "conv2", steps=9)
    alone = scope.trace(images[1:], examples=["b"]).view("feature_inversion", "conv2", steps=9)
    assert np.array_equal(whole["conv2"].values[1:], alone["conv2"].values)


def test_a_silent_layer_has_nothing_to_tell():
    net = network()
    with torch.no_grad():
        net.conv2.bias.fill_(-1e6)
    trace = Scope(net, bounds=(0, 1)).trace(photograph())
    view = trace.view("feature_inversion", "conv2", steps=4)["conv2"]
    assert np.isfinite(view.values).all()
    assert view.quality["distance"] == 0


def test_a_wrong_number_of_steps_is_refused():
    with pytest.raises(Refused, match="at least 1"):
        Scope(network()).trace(photograph()).view("feature_inversion", steps=0)
