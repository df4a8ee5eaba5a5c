"""Sheets of pictures: each where its names say, to the pixel, no word over another or cut off."""

import itertools

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from layerscope.errors import LayerscopeError
from layerscope.report import figures
from layerscope.report.figures.sheet import wrapped


@pytest.fixture
def random():
    return np.random.default_rng(0)


def drawn(figure):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


def find(picture, within):
    """The places (y, x) where a picture lies in a larger one, to the pixel."""
    corner = np.argwhere((within == picture[0, 0]).all(-1))
    h, w = picture.shape[:2]
    inside = [(y, x) for y, x in corner if (within[y : y + h, x : x + w].shape == picture.shape)]
    return [(y, x) for y, x in inside if (within[y : y + h, x : x + w] == picture).all()]


def boxes(figure):
    renderer = FigureCanvasAgg(figure).get_renderer()
    texts = [t for axes in figure.axes for t in axes.texts if t.get_text()]
    return {text.get_text(): text.get_window_extent(renderer) for text in texts}


def assert_words_are_readable(figure):
    width, height = figure.get_size_inches() * figure.dpi
    found = boxes(figure)
    for (one, a), (other, b) in itertools.combinations(found.items(), 2):
        assert not a.overlaps(b), (one, other)
    for word, box in found.items():
        assert 0 <= box.x0 < box.x1 <= width, word
        assert 0 <= box.y0 < box.y1 <= height, word


LONG = "features.3.conv.depthwise"


@pytest.mark.parametrize("columns", [["conv1", "conv2", "conv1", "conv2"], [LONG, "a", "b", "c"]])
def test_a_grid_puts_each_picture_below_its_column_and_beside_its_row(random, columns):
    cells = [
        [random.integers(0, 256, (40, 40, 3), dtype=np.uint8) for _ in range(4)] for _ in range(2)
    ]
    figure = figures.grid(
        cells,
        ["cat", "Norwegian forest cat"],
        columns,
        groups=[("Grad-CAM", 2), ("LRP, EpsilonPlusFlat", 2)],
        notes=[["for dog", "", "", "zero everywhere"], [""] * 4],
        legends=[figures.Legend("over", "its maximum", name="Grad-CAM")] * 3,
        title="What a title says " * 6,
        caption="a caption that is long enough to need more than one line " * 4,
        side=40,
    )
    pixels = drawn(figure)
    assert pixels.shape[:2] == tuple(round(n * 100) for n in figure.get_size_inches()[::-1])
    places = {}
    for r, c in np.ndindex(2, 4):
        (places[r, c],) = find(cells[r][c], pixels)
    for r, c in places:
        assert places[r, c][0] == places[r, 0][0]
        assert places[r, c][1] == places[0, c][1]
    assert [places[0, c][1] for c in range(4)] == sorted(places[0, c][1] for c in range(4))
    assert places[0, 2][1] - places[0, 1][1] > places[0, 1][1] - places[0, 0][1]  # groups apart
    found, height = boxes(figure), len(pixels)
    assert found["cat"].x1 < places[0, 0][1]
    assert abs(height - (found["cat"].y0 + found["cat"].y1) / 2 - places[0, 0][0] - 20) < 3
    named = found[columns[3]]
    assert abs((named.x0 + named.x1) / 2 - places[0, 3][1] - 20) < 3
    assert_words_are_readable(figure)


def test_a_grid_says_where_there_is_no_picture_and_wants_a_name_for_each():
    black = np.zeros((4, 4, 3), np.uint8)
    figure = figures.grid([[black, None]], ["cat"], ["conv1", "fc"])
    assert "–" in boxes(figure)
    for rows, columns in ((["cat", "dog"], ["a", "b"]), (["cat"], ["a"])):
        with pytest.raises(LayerscopeError, match="give one name for each"):
            figures.grid([[black, black]], rows, columns)
    with pytest.raises(LayerscopeError, match="groups of 3 columns"):
        figures.grid([[black, black]], ["cat"], ["a", "b"], groups=[("x", 3)])


def test_zeiler_fergus_puts_projections_left_and_their_patches_right_on_one_scale(random):
    units = [3, 17, 40]
    projections = [[random.normal(size=(3, 6, 6)) * (k + 1) for k in range(9)] for _ in units]
    patches = [
        [random.integers(0, 256, (6, 6, 3), dtype=np.uint8) for _ in range(9)] for _ in units
    ]
    activations = [np.linspace(9, 1, 9) + u for u in units]
    figure = figures.zeiler_fergus(
        projections, patches, units, activations, title="conv2", caption="as said", side=6
    )
    pixels = drawn(figure)
    for u, unit in enumerate(units):
        scale = np.quantile(np.abs(np.concatenate([p.ravel() for p in projections[u]])), 0.995)
        for k in range(9):
            ((y, x),) = find(patches[u][k], pixels)
            ((v, w),) = find(figures.signed(projections[u][k], scale), pixels)
            assert (v, w) == (y, x - (3 * 6 + 2 + 4))
        assert f"unit {unit} · {unit + 9:.3g}" in boxes(figure)
    assert_words_are_readable(figure)


def test_zeiler_fergus_of_every_unit_of_a_wide_layer_stays_within_its_width(random):
    patch, values = np.zeros((140, 140, 3), np.uint8), np.zeros((3, 140, 140))
    figure = figures.zeiler_fergus([[values] * 9] * 64, [[patch] * 9] * 64, range(64), [[0.0]] * 64)
    assert figure.get_size_inches()[0] <= 14.4
    assert_words_are_readable(figure)
    with pytest.raises(LayerscopeError, match="one for each"):
        figures.zeiler_fergus([], [], [], [])


def test_made_pictures_stand_below_their_words(random):
    made = [random.integers(0, 256, (30, 30, 3), dtype=np.uint8) for _ in range(5)]
    figure = figures.synthesised(made, [f"unit {k}" for k in range(5)], title="made", side=30)
    found, pixels = boxes(figure), drawn(figure)
    for number, picture in enumerate(made):
        ((y, x),) = find(picture, pixels)
        box = found[f"unit {number}"]
        assert abs(box.x0 - x) < 3
        assert 0 < y - (len(pixels) - box.y0) < 12
    assert_words_are_readable(figure)


def test_a_file_holds_the_figure_and_is_the_same_each_time(tmp_path):
    black = np.zeros((8, 8, 3), np.uint8)
    paths = [
        figures.save_png(figures.grid([[black]], ["a"], ["b"]), tmp_path / n) for n in ("1", "2")
    ]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    with Image.open(paths[0]) as image:
        assert image.format == "PNG"
        assert len(find(black, np.asarray(image.convert("RGB")))) >= 1


def test_lines_break_at_spaces_and_lose_nothing():
    text = "one two three four five six seven"
    assert " ".join(wrapped(text, 80, 10)) == text
    assert wrapped("", 80, 10) == []
    assert wrapped("antidisestablishmentarianism", 10, 10) == ["antidisestablishmentarianism"]
