"""Views as pictures: what is nothing is left as it is, and each kind of axes has its drawing."""

import numpy as np

from layerscope.report import draw, figures
from layerscope.views import View

PHOTO = np.full((6, 6, 3), 90, np.uint8)


def view(method, values, axes, **more):
    values = np.asarray(values, np.float32)
    more = {"layer": "input", "input_size": (6, 6), "grid": ((0.0, 1.0), (0.0, 1.0))} | more
    return View(values, axes, method, more.pop("layer"), examples=("a",), **more)


def test_a_mean_over_masks_is_drawn_from_its_least_value():
    values = np.full((1, 6, 6), 0.7)
    values[0, 2, 3] = 0.75
    rise = draw.example(view("rise", values, ("batch", "y", "x")), 0, PHOTO, {}).pixels
    coloured = np.argwhere((rise != 90).any(-1)).tolist()
    assert coloured == [[2, 3]]
    cam = draw.example(view("grad_cam", values, ("batch", "y", "x")), 0, PHOTO, {}).pixels
    assert (cam != 90).any(-1).all()


def test_signed_values_at_the_input_are_summed_and_projections_keep_their_colours():
    values = np.zeros((1, 3, 6, 6))
    values[0, :, 1, 1] = (2, -1, 0.5)
    axes = ("batch", "channel", "y", "x")
    summed = draw.example(view("lrp", values, axes, signed=True), 0, PHOTO, {}).pixels
    np.testing.assert_array_equal(summed, figures.signed(values[0].sum(0), 1.5))
    kept = draw.example(view("guided_backprop", values, axes, signed=True), 0, PHOTO, {}).pixels
    assert (kept[0, 0] == 128).all()
    assert kept[1, 1, 0] > 128 > kept[1, 1, 1]


def test_a_silent_unit_and_another_target_are_told():
    values = np.zeros((1, 3, 6, 6))
    axes = ("batch", "channel", "y", "x")
    entry = {"units": [4], "activation": [0.0]}
    silent = draw.example(view("deconvnet", values, axes, signed=True), 0, PHOTO, entry)
    assert silent.caption == "unit 4 · 0 · silent"
    entry = {"target": ["cat − dog"]}
    other = draw.example(view("lrp", values, axes, signed=True), 0, PHOTO, entry, "cat")
    assert other.caption == "for cat − dog, zero everywhere"
