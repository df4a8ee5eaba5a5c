"""Augmentation against torch indexing, single pictures and slow loops; chance is repeatable."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscope.training.augment import (
    LUMA,
    affine,
    augment,
    colour,
    crop_and_flip,
    cutout,
    generator,
    random_affine,
    random_boxes,
)
from layerscope.training.settings import AugmentSettings

FILL = (120, 110, 100)
EVERYTHING = AugmentSettings(
    crop=(0.3, 1.0),
    ratio=(0.75, 1.33),
    flip=0.5,
    rotation=15,
    shear=5,
    zoom=(0.9, 1.1),
    shift=0.1,
    brightness=0.3,
    contrast=0.3,
    saturation=0.3,
    grey=0.2,
    cutout=0.5,
)


def pictures(count=6, planes=3, height=20, width=24, seed=0):
    source = torch.Generator().manual_seed(seed)
    shape = (count, height, width, planes)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=source).permute(0, 3, 1, 2)


def boxes(*rows):
    return np.array(rows, dtype=np.int64)


def test_nothing_asked_changes_nothing():
    batch = pictures()
    same = augment(batch, AugmentSettings(), generator(0, 0, 0), size=(20, 24), fill=FILL)
    assert same.equal(batch)


def test_the_callers_batch_is_left_alone():
    batch = pictures()
    before = batch.clone()
    for size in ((20, 24), (16, 16)):
        augment(batch, EVERYTHING, generator(0, 0, 0), size=size, fill=FILL)
        painted = AugmentSettings(cutout=1.0)
        augment(batch, painted, generator(0, 0, 0), size=size, fill=FILL)
    assert batch.equal(before)


def test_a_step_gives_one_batch_whatever_torch_and_numpy_have_drawn():
    batch = pictures()
    results = []
    for _ in range(2):
        torch.rand(3)
        np.random.rand(3)
        source = generator(7, 2, 5)
        results.append(augment(batch, EVERYTHING, source, size=(16, 16), fill=FILL))
    assert results[0].equal(results[1])
    for other in (generator(8, 2, 5), generator(7, 3, 5), generator(7, 2, 6)):
        varied = augment(batch, EVERYTHING, other, size=(16, 16), fill=FILL)
        assert not varied.equal(results[0])


def test_the_global_generators_are_not_touched():
    state = torch.get_rng_state()
    legacy = np.random.get_state()[1].copy()
    augment(pictures(), EVERYTHING, generator(0, 0, 0), size=(16, 16), fill=FILL)
    assert torch.get_rng_state().equal(state)
    assert (np.random.get_state()[1] == legacy).all()


def test_cuts_and_mirrors_are_torch_indexing():
    batch = pictures(count=3)
    where = boxes((0, 0, 8, 10), (12, 14, 8, 10), (3, 5, 8, 10))
    cut = crop_and_flip(batch, where, np.array([False, True, False]), (8, 10))
    assert cut[0].equal(batch[0, :, 0:8, 0:10])
    assert cut[1].equal(batch[1, :, 12:20, 14:24].flip(-1))
    assert cut[2].equal(batch[2, :, 3:11, 5:15])
    assert cut.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("size", [(7, 9), (31, 33)])
def test_a_resized_cut_is_the_interpolated_slice(size):
    batch = pictures(count=2, height=40, width=40)
    where = boxes((2, 4, 30, 25), (0, 0, 40, 40))
    cut = crop_and_flip(batch, where, np.array([False, True]), size)
    for place, (top, left, high, wide) in enumerate(where):
        slow = F.interpolate(
            batch[place : place + 1, :, top : top + high, left : left + wide].double(),
            size=size,
            mode="bilinear",
            antialias=True,
        )[0]
        slow = slow.flip(-1) if place == 1 else slow
        assert (cut[place].double() - slow).abs().max() <= 1  # whole numbers, rounded twice


@given(st.integers(1, 50), st.integers(1, 50), st.floats(0.01, 1), st.floats(0.1, 10))
@settings(max_examples=60, deadline=None)
def test_boxes_lie_inside(height, width, area, ratio):
    found = random_boxes(generator(0, 0, 0), 20, (height, width), (area, 1.0), (ratio, 10.0))
    top, left, high, wide = found.T
    assert (found[:, :2] >= 0).all()
    assert (found[:, 2:] >= 1).all()
    assert (top + high <= height).all()
    assert (left + wide <= width).all()


def test_boxes_have_the_areas_ratios_and_places_that_are_asked():
    found = random_boxes(generator(0, 0, 0), 4000, (1000, 2000), (0.2, 0.5), (0.8, 1.25))
    top, left, high, wide = found.T
    area, ratio = high * wide / 2e6, wide / high / 2
    assert 0.19 < area.min() < 0.21
    assert 0.49 < area.max() < 0.51
    assert abs(area.mean() - 0.35) < 0.01
    assert abs(np.log(ratio).mean()) < 0.01
    assert 0.79 < ratio.min() < 0.82
    assert 1.22 < ratio.max() < 1.26
    for start, side, whole in ((top, high, 1000), (left, wide, 2000)):
        assert abs((start / (whole - side)).mean() - 0.5) < 0.02


def test_mirroring_happens_as_often_as_asked():
    ramp = torch.arange(8, dtype=torch.uint8).expand(4000, 1, 4, 8)
    turned = augment(ramp, AugmentSettings(flip=0.3), generator(0, 0, 0), size=(4, 8), fill=(0,))
    share = (turned[:, 0, 0, 0] == 7).float().mean()
    assert abs(share - 0.3) < 0.03


def as_map(linear, shift=(0.0, 0.0)):
    return np.concatenate([np.array(linear, float), np.array(shift)[:, None]], axis=1)[None]


def test_a_quarter_turn_is_rot90():
    batch = pictures(count=1, height=20, width=20)
    # y runs downwards, so (x, y) -> (-y, x) takes the right side to the bottom: clockwise.
    assert affine(batch, as_map([[0, -1], [1, 0]])).equal(batch.rot90(-1, dims=(2, 3)))


def test_a_shift_moves_by_a_fraction_of_the_side_and_repeats_the_edge():
    batch = pictures(count=1, height=20, width=40)
    moved = affine(batch, as_map(np.eye(2), (0.1, -0.25)))  # 4 to the right, 5 up
    assert moved[:, :, :15, 4:].equal(batch[:, :, 5:, :36])
    assert moved[:, :, :15, 0].equal(batch[:, :, 5:, 0])
    assert moved[:, :, 19, 4:].equal(batch[:, :, 19, :36])


def slow_affine(picture, full_map):
    """Look every pixel of the result up where it comes from, one at a time."""
    planes, height, width = picture.shape
    out = np.empty((planes, height, width))
    linear, shift = full_map[:, :2], full_map[:, 2] * (width, height)
    back = np.linalg.inv(linear)
    for y in range(height):
        for x in range(width):
            point = np.array([x + 0.5 - width / 2, y + 0.5 - height / 2])
            from_x, from_y = back @ (point - shift) + (width / 2 - 0.5, height / 2 - 0.5)
            from_x, from_y = np.clip(from_x, 0, width - 1), np.clip(from_y, 0, height - 1)
            left, top = math.floor(from_x), math.floor(from_y)
            right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
            u, v = from_x - left, from_y - top
            out[:, y, x] = (
                picture[:, top, left] * (1 - u) * (1 - v)
                + picture[:, top, right] * u * (1 - v)
                + picture[:, bottom, left] * (1 - u) * v
                + picture[:, bottom, right] * u * v
            )
    return out


def test_any_affine_map_is_the_slow_twins():
    batch = pictures(count=4, planes=1, height=12, width=17)
    asked = AugmentSettings(rotation=40, shear=20, zoom=(0.6, 1.5), shift=0.2)
    maps = random_affine(generator(0, 0, 1), 4, asked)
    fast = affine(batch, maps).double().numpy()
    for place in range(4):
        slow = slow_affine(batch[place].double().numpy(), maps[place])
        assert np.abs(fast[place] - slow).max() < 0.51  # rounded to whole numbers


def test_affine_maps_have_the_angles_zooms_and_shifts_that_are_asked():
    turned = random_affine(generator(0, 0, 0), 3000, AugmentSettings(rotation=30))
    angles = np.degrees(np.arctan2(turned[:, 1, 0], turned[:, 0, 0]))
    assert np.allclose(np.linalg.det(turned[:, :, :2]), 1)
    assert -30 <= angles.min() < -28
    assert 28 < angles.max() <= 30
    grown = random_affine(generator(0, 0, 0), 3000, AugmentSettings(zoom=(0.5, 2.0), shift=0.1))
    zoom = np.sqrt(np.linalg.det(grown[:, :, :2]))
    assert 0.5 <= zoom.min() < 0.52
    assert 1.95 < zoom.max() <= 2
    assert abs(np.log(zoom).mean()) < 0.03
    assert 0.098 < np.abs(grown[:, :, 2]).max() <= 0.1
    leaning = random_affine(generator(0, 0, 0), 3000, AugmentSettings(shear=20))
    lean = np.degrees(np.arctan(-leaning[:, 0, 1]))
    assert np.allclose(leaning[:, :, 0], (1, 0))
    assert 19 < np.abs(lean).max() <= 20


def slow_colour(picture, brightness, contrast, saturation):
    """Change saturation, brightness and contrast one after the other, in float64."""
    grey = (picture * torch.tensor(LUMA).double()[:, None, None]).sum(0)
    picture = grey + saturation * (picture - grey)
    picture = picture * brightness
    mean = (picture * torch.tensor(LUMA).double()[:, None, None]).sum(0).mean()
    return (mean + contrast * (picture - mean)).round().clamp(0, 255)


@pytest.mark.parametrize(("height", "width"), [(20, 24), (7, 9)])
def test_colours_are_the_slow_twins(height, width):
    batch = pictures(count=5, height=height, width=width)
    source = torch.Generator().manual_seed(1)
    factors = [torch.rand(5, generator=source) + 0.5 for _ in range(3)]
    fast = colour(batch, *factors)
    assert fast.is_contiguous(memory_format=torch.channels_last)
    for place in range(5):
        slow = slow_colour(batch[place].double(), *(f[place].item() for f in factors))
        assert (fast[place].double() - slow).abs().max() <= 1
        assert (fast[place].double() != slow).double().mean() < 0.001  # ties of float32


def test_no_saturation_is_grey_and_grey_pictures_keep_theirs():
    ones = torch.ones(2)
    grey = colour(pictures(count=2), ones, ones, torch.zeros(2))
    assert (grey - grey[:, :1]).abs().max() == 0
    single = pictures(count=2, planes=1)
    assert colour(single, ones, ones, torch.zeros(2)).equal(single)


def test_grey_happens_as_often_as_asked():
    batch = pictures(count=1, height=4, width=4).expand(2000, 3, 4, 4)
    varied = augment(batch, AugmentSettings(grey=0.25), generator(0, 0, 0), size=(4, 4), fill=FILL)
    grey = (varied == varied[:, :1]).flatten(1).all(1)
    assert abs(grey.float().mean() - 0.25) < 0.03


def test_cutout_paints_one_square_of_the_size_asked():
    batch = torch.full((500, 3, 40, 40), 255, dtype=torch.uint8)
    asked = AugmentSettings(cutout=0.6, cutout_size=(0.2, 0.5))
    out = cutout(batch, generator(0, 0, 0), asked, FILL)
    painted = (out == torch.tensor(FILL, dtype=torch.uint8)[:, None, None]).all(1)  # (B, Y, X)
    count = painted.flatten(1).sum(1)
    assert abs((count > 0).float().mean() - 0.6) < 0.06
    sides = count[count > 0].double().sqrt()
    assert (sides == sides.round()).all()
    assert sides.min() == 8
    assert sides.max() == 20
    for picture in painted[count > 0][:50]:
        rows, columns = picture.any(1).sum(), picture.any(0).sum()
        assert rows * columns == picture.sum()
    assert (out[painted.logical_not()[:, None].expand_as(out)] == 255).all()
