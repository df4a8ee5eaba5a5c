import numpy as np
import pytest
import torch

from layerscope.errors import Refused
from layerscope.nets import study_1d, study_2d
from layerscope.views import Scope
from layerscope.views.interrupted import Interrupted


def traced(rows=slice(None), **more):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net, images = study_2d(2, 8, input_shape=(3, 48, 40)), torch.rand(3, 3, 48, 40)
    names = ["a", "b", "c"][rows]
    return Scope(net, bounds=(0, 1), **more).trace(images[rows], examples=names)


def test_the_layer_answers_more_and_the_picture_is_still_there():
    trace = traced()
    for layer, view in trace.view("deep_dream").items():
        assert (view.quality["activation"] > 1.5 * view.quality["start"]).all(), layer
        images = trace.tape.input.tensor.numpy()
        assert np.corrcoef(view.values.ravel(), images.ravel())[0, 1] > 0.7
        assert view.values.min() >= 0
        assert view.values.max() <= 1
        again = trace.again(torch.from_numpy(view.values), torch.arange(3)).value(layer).tensor
        reached = again.square().mean((1, 2, 3)) / 2
        np.testing.assert_allclose(reached, view.quality["activation"], rtol=1e-4)


def test_a_dream_does_not_depend_on_its_batch_by_a_single_bit():
    whole = traced().view("deep_dream", "conv2", steps=5)["conv2"]
    alone = traced(slice(1, 2)).view("deep_dream", "conv2", steps=5)["conv2"]
    assert np.array_equal(whole.values[1:2], alone.values)


def test_one_channel_may_be_dreamt_of():
    trace = traced()
    view = trace.view("deep_dream", "conv2", unit=3)["conv2"]
    assert view.unit == 3
    images = torch.from_numpy(view.values)
    with torch.no_grad():
        maps = trace.again(images, torch.arange(3)).value("conv2").tensor[:, 3]
    before = trace.value("conv2").tensor[:, 3].square().mean((1, 2))
    assert (maps.square().mean((1, 2)) > before).all()
    several = trace.view("deep_dream", "conv2", unit=[3, 1, 3])["conv2"]
    assert np.array_equal(several.values[0], view.values[0])
    assert not np.array_equal(several.values[1], view.values[1])


def test_a_waveform_dreams_too():
    net = study_1d(blocks=2, channels=4, input_shape=(1, 300))
    trace = Scope(net, kind="waveform", bounds=(-1, 1)).trace(torch.rand(2, 1, 300) - 0.5)
    view = trace.view("deep_dream", "conv2")["conv2"]
    assert view.axes == ("batch", "channel", "time")
    assert (view.quality["activation"] > view.quality["start"]).all()


def test_a_layer_behind_a_flatten_is_dreamt_of_at_its_own_size_only():
    trace = traced()
    view = trace.view("deep_dream", "fc")["fc"]
    once = trace.view("deep_dream", "fc", octaves=1)["fc"]
    assert np.array_equal(view.values, once.values)
    assert (view.quality["activation"] > view.quality["start"]).all()


def test_ctrl_c_gives_the_layers_that_are_finished(monkeypatch):
    rolled, calls = torch.Tensor.roll, []

    def roll(*args):
        calls.append(1)
        if len(calls) > 3 * 2 + 1:
            raise KeyboardInterrupt
        return rolled(*args)

    monkeypatch.setattr(torch.Tensor, "roll", roll)
    with pytest.raises(Interrupted) as stopped:
        traced().view("deep_dream", steps=2, octaves=1)
    assert list(stopped.value.views) == ["conv1"]


def test_a_wrong_option_is_told_what_is_allowed():
    with pytest.raises(Refused, match="octaves=0: a number of at least 1"):
        traced().view("deep_dream", octaves=0)
    with pytest.raises(Refused, match="octaves=10000000: at most 64"):
        traced().view("deep_dream", octaves=10**7)
    with pytest.raises(Refused, match=r"ratio=1e\+300: at most 1024"):
        traced().view("deep_dream", ratio=1e300)
    with pytest.raises(Refused, match="units 0 to 7"):
        traced().view("deep_dream", "conv2", unit=8)
