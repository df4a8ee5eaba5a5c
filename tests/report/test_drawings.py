"""Drawings and plots: true to their numbers, to scale, readable in both themes."""

import base64
import io
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from layerscope.evaluation.calibration import Bin
from layerscope.nets.geometry import geometry
from layerscope.nets.study import study_1d, study_2d, study_mnist
from layerscope.report.figures import confusion_svg, curves, network_svg, reliability, svg_uri
from layerscope.report.figures.confusion import cell_colours
from layerscope.report.figures.network import TALLEST, stages
from layerscope.report.figures.svg import element, shortened, text
from layerscope.report.theme import DARK, LIGHT

SVG = "{http://www.w3.org/2000/svg}"
STUDY = np.array(
    [
        [28, 0, 1, 1, 0, 0],
        [5, 932, 12, 85, 2, 14],
        [0, 3, 62, 13, 0, 0],
        [4, 29, 75, 1831, 0, 1],
        [0, 0, 0, 1, 32, 1],
        [0, 1, 0, 1, 2, 47],
    ]
)
CLASSES = ["bed", "bird", "cat", "dog", "house", "tree"]


def texts(svg: str) -> list[tuple[str, float, float]]:
    return [
        (found.text or "", float(found.get("x")), float(found.get("y")))
        for found in ET.fromstring(svg).iter(f"{SVG}text")
    ]


def test_a_count_stands_in_the_row_of_its_true_and_the_column_of_its_predicted_class():
    written = texts(confusion_svg(STUDY, CLASSES))
    place = {word: (x, y) for word, x, y in written}
    rows = {word: y for word, x, y in written if word in CLASSES and x < place["62"][0] - 150}
    columns = {word: x for word, x, y in written if word in CLASSES and y < place["28"][1] - 20}
    assert abs(place["1,831"][1] - rows["dog"]) < 20
    assert abs(place["1,831"][0] - columns["dog"]) < 1
    x, y = place["85"]  # birds taken for dogs
    assert abs(y - rows["bird"]) < 20
    assert abs(x - columns["dog"]) < 1
    assert {"true class", "predicted class"} <= set(place)
    counts = [int(word.replace(",", "")) for word, _, _ in written if re.fullmatch(r"[\d,]+", word)]
    assert sorted(counts) == sorted(STUDY.ravel().tolist())


def test_a_cells_colour_is_its_share_of_its_row():
    svg = confusion_svg(STUDY, CLASSES)
    fills = [found.get("fill") for found in ET.fromstring(svg).iter(f"{SVG}rect")]
    shares = (STUDY / STUDY.sum(axis=1, keepdims=True)).ravel()
    assert fills == [cell_colours(share, LIGHT)[0] for share in shares]
    assert fills[0] != fills[7]  # 93 % of beds and 89 % of birds, though there are 35 times as many


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_everything_written_is_readable(theme):
    for share in np.linspace(0, 1, 201):
        assert contrast(*cell_colours(share, theme)) >= 4.5
    for ink in (theme.ink, theme.muted, theme.accent, theme.wrong):
        for ground in (theme.paper, theme.panel):
            assert contrast(ink, ground) >= 4.5, (ink, ground)
    for line in (theme.first, theme.second, theme.third):
        assert contrast(line, theme.paper) >= 3


def test_names_are_escaped_in_drawings():
    svg = confusion_svg(np.eye(2, dtype=int), ['<script>"&', "b"])
    assert '<script>"&' in [word for word, _, _ in texts(svg)]
    assert "<script" not in svg
    assert element("a", href='"><b>') == '<a href="&quot;&gt;&lt;b&gt;"/>'
    assert text("<b>", 1, 2) == '<text x="1" y="2">&lt;b&gt;</text>'


@pytest.mark.parametrize("k", [1, 2, 16])
def test_any_number_of_classes_is_drawn(k):
    svg = confusion_svg(np.zeros((k, k), dtype=int), [f"a very long name {i}" for i in range(k)])
    assert len(list(ET.fromstring(svg).iter(f"{SVG}rect"))) == k * k


@pytest.mark.parametrize("k", [17, 1000])
def test_many_classes_are_an_image_of_the_same_colours(k):
    counts = np.random.default_rng(0).integers(0, 9, (k, k))
    svg = confusion_svg(counts, [f"name {i}" for i in range(k)], theme=DARK)
    assert len(svg) < 4_000_000
    coded = next(ET.fromstring(svg).iter(f"{SVG}image")).get("href").split(",")[1]
    with Image.open(io.BytesIO(base64.b64decode(coded))) as image:
        pixels = np.asarray(image)
    share = counts[3, 5] / counts[3].sum()
    assert "#" + bytes(pixels[3, 5]).hex() == cell_colours(share, DARK)[0]


def test_long_names_are_cut_and_wide_letters_count_twice():
    assert shortened("猫" * 10, 9) == "猫猫猫猫…"
    assert shortened("cat", 3) == "cat"


def test_the_network_is_drawn_to_scale():
    layers = geometry(study_2d(), (3, 172, 172))
    root = ET.fromstring(network_svg(layers, (3, 172, 172)))
    faces = []
    for found in root.iter(f"{SVG}polygon"):
        points = [tuple(map(float, pair.split(","))) for pair in found.get("points").split()]
        square = len(points) == 4 and points[0][1] == points[1][1] and points[0][0] == points[3][0]
        if square and found.get("fill-opacity"):
            faces.append((points[1][0] - points[0][0], points[2][1] - points[1][1]))
    sizes = [172, 172, 86, 43, 22, 11, 6]
    for size, (width, height) in zip(sizes, faces, strict=False):
        assert width == pytest.approx(size / 172 * TALLEST, abs=0.02)
        assert height == pytest.approx(size / 172 * TALLEST, abs=0.02)
    fields = [float(found.get("width")) for found in root.iter(f"{SVG}rect")]
    expected = [field / 172 * TALLEST for field in (5, 14, 32, 68, 140)]  # 284 is more than all
    np.testing.assert_allclose(fields, expected, atol=0.01)


@pytest.mark.parametrize(
    ("net", "shape"),
    [(study_2d(7, 64), (3, 172, 172)), (study_mnist(), (1, 28, 28)), (study_1d(), (1, 16000))],
    ids=["2d", "mnist", "1d"],
)
def test_the_networks_drawing_names_every_layer_and_what_it_sees(net, shape):
    layers = geometry(net, shape)
    svg = network_svg(layers, shape, theme=DARK)
    words = [word for word, _, _ in texts(svg)]
    width = float(ET.fromstring(svg).get("width"))
    for layer in layers:
        if layer.parameters:
            assert layer.name in words
            if layer.size:
                assert f"sees {' × '.join(f'{n:,}' for n in layer.receptive_field)}" in words
                size = " × ".join(f"{n:,}" for n in (*layer.size, layer.channels))
                assert size in words
    assert max(x for _, x, _ in texts(svg)) < width
    assert [s.layer.name for s in stages(layers)][-1] == "fc"


def test_curves_hold_their_points_and_mark_the_best_epoch():
    points = [(1, 0.9), (2, 0.4), (4, 0.5)]
    figure = curves({"training": points, "validation": [(2, 0.6)]}, "loss", best=2)
    axes = figure.axes[0]
    first, second, best = axes.lines
    assert list(zip(*first.get_data(), strict=True)) == points
    assert second.get_marker() == "o"  # a single point has no line to be seen by
    assert list(best.get_xdata()) == [2, 2]
    assert [each.get_text() for each in axes.get_legend().get_texts()] == ["training", "validation"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "loss")


def test_reliability_leaves_out_empty_bins():
    bins = [Bin(0.0, 0.5, 0, None, None), Bin(0.5, 1.0, 8, 0.9, 0.75)]
    upper, lower = reliability(bins).axes
    assert [list(part) for part in upper.lines[1].get_data()] == [[0.9], [0.75]]
    assert [patch.get_height() for patch in lower.patches] == [0, 8]


def test_a_plot_is_the_same_bytes_each_time():
    draw = lambda: svg_uri(curves({"val": [(1, 0.5), (2, 0.7)]}, "accuracy", share=True))
    assert draw() == draw()


def test_pyplot_and_its_global_state_stay_out():
    code = "import layerscope.report, sys; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
