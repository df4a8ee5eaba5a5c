import json

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from layerscope import LayerscopeError, Refused
from layerscope.nets import study_2d
from layerscope.views import Scope, View
from views.entries import ENTRIES
from views.look import look, passes
from zoo import build


@pytest.mark.parametrize("method", ENTRIES)
def test_a_saved_view_is_read_back_whole(method, tmp_path):
    for layer, view in look(*build(passes(method)[0]), method).items():
        view.save(tmp_path / f"{layer}.npz")
        back = View.load(tmp_path / f"{layer}.npz")
        for name in (
            "axes",
            "method",
            "layer",
            "examples",
            "signed",
            "about",
            "input_size",
            "grid",
            "moved",
        ):
            assert getattr(back, name) == getattr(view, name)
        np.testing.assert_array_equal(back.values, view.values)
        np.testing.assert_array_equal(back.unit, view.unit)
        np.testing.assert_array_equal(back.target, view.target)
        assert back.quality.keys() == view.quality.keys()
        for name, array in view.quality.items():
            np.testing.assert_array_equal(back.quality[name], array)


def test_what_is_no_view_is_told(tmp_path):
    (tmp_path / "x.npz").write_bytes(b"no zip")
    with pytest.raises(LayerscopeError, match=r"cannot read the view .*x\.npz"):
        View.load(tmp_path / "x.npz")


def test_over_the_input_equals_torch_where_the_grid_is_even():
    maps = np.random.default_rng(0).random((2, 5, 7), dtype=np.float32)
    view = View(maps, ("batch", "y", "x"), "m", "l", input_size=(20, 21))
    expected = F.interpolate(torch.from_numpy(maps)[None], (20, 21), mode="bilinear")[0]
    np.testing.assert_allclose(view.over_input().values, expected.numpy(), atol=1e-6)


def test_over_the_input_a_spot_lies_where_the_layer_looked():
    """In a ceil-mode network the last cell hangs over the edge; stretching would displace it."""
    net = study_2d(5, 4, input_shape=(3, 172, 172))
    trace = Scope(net).trace(torch.rand(1, 3, 172, 172))
    maps = np.zeros((1, 11, 11), dtype=np.float32)
    maps[0, 8, 3] = 1
    view = trace.make_view(
        "m", "conv5", trace.value("conv5"), torch.from_numpy(maps), ("batch", "y", "x")
    )
    over = view.over_input().values[0]
    field = view.grid[0]
    y, x = np.unravel_index(over.argmax(), over.shape)
    assert abs(y - (8 * 16 + field[0])) <= 0.5
    assert abs(x - (3 * 16 + field[0])) <= 0.5
    assert field == (7.5, 16.0)


def test_a_view_without_space_is_refused():
    view = View(np.zeros((2, 3), np.float32), ("batch", "channel"), "m", "l", input_size=(4, 4))
    with pytest.raises(Refused, match="has not the input's spatial axes"):
        view.over_input()


class Flipped(nn.Module):
    """A convolution, the map turned about, and another convolution."""

    def __init__(self):
        super().__init__()
        self.first, self.last, self.fc = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3), nn.Linear(4, 2)
        for parameter in self.parameters():
            nn.init.constant_(parameter, 0.1)

    def forward(self, x):
        return self.fc(self.last(self.first(x).relu().flip(3)).relu().mean((2, 3)))


def test_a_map_whose_positions_were_moved_is_not_laid_over_the_input(tmp_path):
    image = torch.zeros(1, 1, 21, 41)
    image[0, 0, 10, 5] = 1
    trace = Scope(Flipped()).trace(image)
    views = trace.view("grad_cam", target=0)
    assert abs(int(views["first"].over_input().values[0].argmax()) % 41 - 5) <= 1
    assert views["last"].values[0].argmax() % 37 > 30  # in its own size it is as it is
    views["last"].save(tmp_path / "view.npz")
    for view in (views["last"], View.load(tmp_path / "view.npz")):
        with pytest.raises(Refused, match=r"View\(grad_cam at last.*flip moved its positions"):
            view.over_input()


@pytest.mark.parametrize("method", ["guided_grad_cam", "score_cam"])
def test_methods_that_lay_maps_over_the_input_refuse_moved_ones(method):
    trace = Scope(Flipped()).trace(torch.rand(1, 1, 21, 41))
    assert trace.view(method, layers=["first"], target=0)["first"].values.any()
    with pytest.raises(Refused, match=r"layer 'last' cannot be laid over.*flip moved"):
        trace.view(method, layers=["last"], target=0)


def test_a_view_saved_before_moved_positions_were_told_is_read(tmp_path):
    View(np.zeros((1, 2), np.float32), ("batch", "time"), "m", "l").save(tmp_path / "new.npz")
    arrays = dict(np.load(tmp_path / "new.npz"))
    facts = json.loads(str(arrays.pop("facts")))
    del facts["moved"]
    np.savez(tmp_path / "old.npz", facts=np.array(json.dumps(facts)), **arrays)
    assert View.load(tmp_path / "old.npz").moved == ""
