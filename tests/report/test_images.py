"""Views as pictures: zero is neutral, scales are said, nothing is moved or cut off."""

import base64
import io

import numpy as np
import pytest
from matplotlib.colors import LinearSegmentedColormap
from PIL import Image

from layerscope.errors import LayerscopeError
from layerscope.report import draw
from layerscope.report.figures import images
from layerscope.views import View


@pytest.fixture
def random():
    return np.random.default_rng(0)


def test_zero_is_exactly_neutral_whatever_else_is_in_the_map():
    for values in ([-3.0, 0.0, 1.0], [0.0, 1e-9, 5e6], [-1.0, -7.0, 0.0]):
        grey = images.signed(np.array([values]))[0][values.index(0.0)]
        assert grey.tolist() == [247, 247, 247]
        colour = images.signed(np.array([[values]] * 3))[0][values.index(0.0)]
        assert colour.tolist() == [128, 128, 128]


def test_signed_colours_are_the_papers_and_mirror_about_zero(random):
    values = random.normal(size=(3, 5, 4))
    ours = images.signed(values).transpose(2, 0, 1).astype(float)
    expected = values / (2 * np.abs(values).max()) + 0.5
    np.testing.assert_allclose(ours / 255, expected, atol=0.5 / 255 + 1e-9)
    mirrored = images.signed(-values).transpose(2, 0, 1).astype(float)
    np.testing.assert_allclose(ours + mirrored, 255, atol=1)


def test_one_signed_channel_is_blue_below_and_red_above_zero():
    below, above = images.signed(np.array([[-1.0, 1.0]]))[0].astype(int)
    assert below[2] > below[0] + 50
    assert above[0] > above[2] + 50
    np.testing.assert_array_equal(
        images.signed(np.array([[[-1.0, 0.5]]])), images.signed(np.array([[-1.0, 0.5]]))
    )


def test_the_signed_map_has_a_colour_of_its_own_for_zero():
    assert isinstance(images.SIGNED, LinearSegmentedColormap)
    assert images.SIGNED.N % 2 == 1


def test_rectified_maps_grow_brighter_with_their_values():
    ramp = images.rectified(np.linspace(0, 1, 50)[None])[0]
    bright = ramp @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(bright) > 0).all()
    half = images.rectified(np.full((1, 1), 5.0), top=10.0)[0, 0]
    assert half.tolist() == images.rectified(np.array([[1.0, 2.0]]))[0, 0].tolist()


def test_an_overlay_leaves_grey_what_is_zero_and_does_not_depend_on_scale(random):
    photo = random.integers(0, 256, (6, 6, 3), dtype=np.uint8)
    cam = random.random((6, 6)) * (random.random((6, 6)) > 0.5)
    laid = images.overlay(photo, cam)
    grey = np.round(photo @ [0.299, 0.587, 0.114])
    for channel in range(3):
        assert np.abs(laid[..., channel][cam == 0] - grey[cam == 0]).max() <= 1
    np.testing.assert_array_equal(laid, images.overlay(photo, 1000 * cam))
    silent = images.overlay(photo, 0 * cam)
    assert (silent[..., 0] == silent[..., 2]).all()
    strongest = laid[np.unravel_index(cam.argmax(), cam.shape)].astype(int)
    assert strongest.max() - strongest.min() > 50  # it stands out from grey in colour


def test_tiles_stand_where_a_slow_twin_puts_them(random):
    pictures = [random.integers(0, 256, (3, 4, 3), dtype=np.uint8) for _ in range(5)]
    sheet = images.tiles(pictures, columns=2, gap=1)
    assert sheet.shape == (3 * 3 + 2, 2 * 4 + 1, 4)
    covered = np.zeros(sheet.shape[:2], dtype=bool)
    for number, picture in enumerate(pictures):
        row, column = divmod(number, 2)
        for y in range(3):
            for x in range(4):
                at = (row * 4 + y, column * 5 + x)
                assert sheet[at].tolist() == [*picture[y, x].tolist(), 255]
                covered[at] = True
    assert (sheet[~covered] == 0).all()


@pytest.mark.parametrize(("longer", "expected"), [(1, 56), (6, 54), (22, 44), (56, 56), (172, 58)])
def test_fit_keeps_pixels_square_and_averages_what_it_reduces(random, longer, expected):
    picture = random.integers(0, 256, (longer, longer, 3), dtype=np.uint8)
    fitted = images.fit(picture, 56)
    assert max(fitted.shape[:2]) == expected
    if expected > longer:
        step = expected // longer
        np.testing.assert_array_equal(fitted[::step, ::step], picture)
        np.testing.assert_array_equal(fitted[step - 1 :: step, step - 1 :: step], picture)
    elif longer == 172:
        assert abs(int(fitted[0, 0, 0]) - picture[:3, :3, 0].mean()) <= 1


def test_feature_maps_share_one_scale():
    maps = np.array([[[0.0, 1.0], [0.0, 1.0]], [[0.0, 2.0], [0.0, 2.0]]])
    sheet = images.feature_grid(maps, columns=2, side=2)
    full, half = images.rectified(np.array([[2.0, 1.0]]))[0]
    assert sheet[0, 1, :3].tolist() == half.tolist()
    assert sheet[0, -1, :3].tolist() == full.tolist()
    below = images.feature_grid(maps - 1.0, columns=2, side=2)  # signed: zero is neutral
    assert below[0, 1, :3].tolist() == [247, 247, 247]


def test_filters_share_one_scale_and_zero_is_grey():
    filters = np.zeros((2, 3, 2, 2))
    filters[0, 0, 0, 0], filters[1, 0, 0, 0] = 1.0, 0.5
    sheet = images.filter_grid(filters, side=2)
    assert sheet[0, 0, :3].tolist() == [255, 128, 128]
    assert sheet[0, 5, :3].tolist() == [191, 128, 128]
    assert sheet[1, 1, :3].tolist() == [128, 128, 128]


@pytest.mark.parametrize("seed", range(20))
def test_the_piece_of_a_projection_holds_all_that_is_not_zero(seed):
    random = np.random.default_rng(seed)
    values = np.zeros((3, 40, 40))
    size, top, left = random.integers(1, 12), *random.integers(0, 28, 2)
    values[:, top : top + size, left : left + size] = 1.0
    y, x, side = images.piece(values, smallest=10)
    assert side == max(size, 10)
    assert 0 <= y <= 40 - side
    assert 0 <= x <= 40 - side
    assert values[:, y : y + side, x : x + side].sum() == values.sum()


def test_a_projection_stands_beside_the_same_piece_of_its_photograph(random):
    photo = random.integers(0, 256, (40, 40, 3), dtype=np.uint8)
    values = np.zeros((3, 40, 40))
    values[:, 20:30, 5:15] = random.normal(size=(3, 10, 10))
    sheet = images.projection(values, photo, side=10, smallest=10)
    assert sheet.shape == (10, 22, 4)
    np.testing.assert_array_equal(sheet[:, 12:, :3], photo[20:30, 5:15])
    strong = np.quantile(np.abs(values[values != 0]), 0.995)
    expected = np.clip(values / (2 * strong), -0.5, 0.5) + 0.5
    shown = sheet[:, :10, :3].transpose(2, 0, 1) / 255
    np.testing.assert_allclose(shown, expected[:, 20:30, 5:15], atol=0.51 / 255)
    silent = images.projection(0 * values, photo, side=10)
    assert (silent[:, :10, :3] == 128).all()


def test_pictures_survive_their_encoding(random):
    picture = random.integers(0, 256, (9, 7, 4), dtype=np.uint8)
    picture[..., 3] = 255
    kind, coded = images.data_uri(picture).split(",")
    assert kind == "data:image/webp;base64"
    with Image.open(io.BytesIO(base64.b64decode(coded))) as back:
        np.testing.assert_array_equal(np.asarray(back.convert("RGBA")), picture)


def test_what_is_no_picture_is_refused_with_its_shape():
    with pytest.raises(LayerscopeError, match="NaN"):
        images.overlay(np.zeros((2, 2, 3), np.uint8), np.full((2, 2), np.nan))
    with pytest.raises(LayerscopeError, match=r"\(2, 2\) from -1"):
        images.rectified(np.full((2, 2), -1.0))
    with pytest.raises(LayerscopeError, match=r"\(4, 2, 2\)"):
        images.signed(np.zeros((4, 2, 2)))
    with pytest.raises(LayerscopeError, match=r"\(2, 2, 4\)"):
        images.rgb(np.zeros((2, 2, 4)))


def test_a_map_whose_positions_were_moved_is_drawn_beside_the_picture_not_over_it():
    photo = np.full((8, 8, 3), 255, np.uint8)
    maps = np.random.default_rng(0).random((1, 4, 4), dtype=np.float32)
    view = View(maps, ("batch", "y", "x"), "grad_cam", "last", input_size=(8, 8), moved="flip")
    drawn = draw.example(view, 0, photo, {})
    np.testing.assert_array_equal(drawn.pixels[::43, ::43], images.rectified(maps[0]))
    assert "over the picture" not in drawn.alt
