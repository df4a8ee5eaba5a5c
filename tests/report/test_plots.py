"""Curves a layer, embeddings and signals: what is drawn is what was given, told apart twice."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from layerscope.errors import LayerscopeError
from layerscope.report import figures
from layerscope.report.figures import scatter, signals


def test_a_layer_curve_holds_values_interval_and_levels():
    figure = figures.layer_curve(
        ["conv1", "conv2", "fc"],
        [0.3, 0.5, 0.9],
        "balanced accuracy",
        low=[0.2, 0.4, 0.8],
        high=[0.4, 0.6, 0.95],
        levels={"chance": 1 / 6, "shuffled labels": [0.1, 0.2, 0.15]},
        share=True,
    )
    axes = figure.axes[0]
    values, chance, null = axes.lines
    assert list(values.get_ydata()) == [0.3, 0.5, 0.9]
    assert set(chance.get_ydata()) == {1 / 6}
    assert list(null.get_ydata()) == [0.1, 0.2, 0.15]
    assert chance.get_linestyle() != null.get_linestyle()
    band = axes.collections[0].get_paths()[0].vertices
    assert {0.2, 0.95} <= set(band[:, 1])
    assert [t.get_text() for t in axes.get_xticklabels()] == ["conv1", "conv2", "fc"]


def test_distributions_show_every_unit_and_the_middle_half():
    units = [np.arange(101) / 100, np.array([0.5])]
    axes = figures.distributions(["conv1", "conv2"], units, "selectivity").axes[0]
    dots = axes.collections[0].get_offsets()
    assert sorted(dots[:, 1]) == pytest.approx(units[0])
    assert (np.abs(dots[:, 0]) < 0.25).all()
    assert list(axes.lines[0].get_ydata()) == [0.25, 0.75]
    assert list(axes.lines[1].get_ydata()) == [0.5]


def test_classes_of_an_embedding_differ_in_colour_and_in_shape():
    points = np.random.default_rng(0).normal(size=(60, 2))
    labels = np.arange(60) % 12
    figure = figures.embedding([points], ["conv1"], labels, [f"class {k}" for k in range(12)])
    drawn = figure.axes[0].collections
    for k, dots in enumerate(drawn):
        np.testing.assert_array_equal(np.asarray(dots.get_offsets()), points[labels == k])
    looks = {
        (tuple(dots.get_facecolor()[0]), dots.get_paths()[0].vertices.tobytes()) for dots in drawn
    }
    assert len(looks) == 12
    assert [t.get_text() for t in figure.legends[0].get_texts()][-1] == "class 11"
    assert len(set(scatter.COLOURS)) == len(set(scatter.MARKERS)) == 10
    for colour in scatter.COLOURS:  # they stand out from white paper
        assert np.array(to_rgb(colour)) @ [0.2126, 0.7152, 0.0722] < 0.72
    with pytest.raises(LayerscopeError, match="one for each"):
        figures.embedding([points], ["a", "b"], labels, ["c"])


def test_a_waveform_is_drawn_whole_grey_where_the_view_is_zero():
    samples = np.sin(np.arange(200) / 9)
    values = np.zeros(200)
    values[50:60], values[120:130] = 2.0, -1.0
    figure = figures.waveform(samples, values, 100.0, signed=True)
    line = figure.axes[0].collections[0]
    ends = np.array([segment[0] for segment in line.get_segments()])
    np.testing.assert_allclose(ends[:, 1], samples[:-1])
    np.testing.assert_allclose(ends[:, 0], np.arange(199) / 100)
    colours = line.get_colors()[:, :3]
    assert np.ptp(colours[0]) == 0
    assert colours[0].max() < 0.8  # seen on white
    red, blue = colours[55], colours[125]
    assert red[0] > red[2] + 0.3
    assert blue[2] > blue[0] + 0.2
    assert figure.axes[1].get_xlabel() == "time (s)"
    assert figures.waveform(samples, values).axes[1].get_xlabel() == "sample"
    with pytest.raises(LayerscopeError, match="one length"):
        figures.waveform(samples, values[1:])


def test_a_recording_names_its_channels_and_zero_is_its_middle():
    values = np.array([[0.0, 3.0], [-1.0, 0.0]])
    figure = figures.recording(values, 2.0, ["TP9", "AF7"])
    drawn = figure.axes[0].images[0]
    assert drawn.get_clim() == (-3.0, 3.0)
    assert drawn.cmap(drawn.norm(0.0))[:3] == pytest.approx([247 / 255] * 3, abs=0.01)
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["TP9", "AF7"]
    with pytest.raises(LayerscopeError, match="one name a channel"):
        figures.recording(values, None, ["TP9"])


def test_a_strip_keeps_what_is_strongest():
    values = np.zeros(16_000)
    values[7_777] = -5.0
    strip = signals.strip(values, signed=True)
    assert strip.shape == (40, 172, 3)
    coloured = np.flatnonzero((strip[0] != 247).any(1))
    assert coloured.tolist() == [7_777 * 172 // 16_000]
    assert signals.strip(np.zeros((4, 30))).shape == (40, 150, 3)
