"""Pictures of layers against brains: what is drawn, and that nothing is left out."""

import numpy as np
from scipy.stats import rankdata

from layerscope.report.figures.similarity import (
    borders,
    matrix,
    percentiles,
    rdm_sheet,
    similarity_curve,
    table_picture,
)


def test_a_curve_has_its_reference_lines_and_the_ceiling():
    band = ([0.1, 0.3], [0.0, 0.2], [0.2, 0.4])
    levels = {"pixels": 0.1, "category animal": 0.35}
    figure = similarity_curve(["a", "b"], band, band, levels, "Spearman", ceiling=(0.4, 0.7))
    axes = figure.axes[0]
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["trained", "untrained twin", "pixels", "category animal", "noise ceiling"]
    drawn = {line.get_label(): line.get_ydata() for line in axes.lines}
    assert list(drawn["trained"]) == band[0]
    assert set(drawn["pixels"]) == {0.1}
    assert axes.get_ylim()[1] >= 0.7
    styles = [(line.get_linestyle(), line.get_color()) for line in axes.lines[:4]]
    assert len(set(map(str, styles))) == 4


def test_percentiles_are_of_the_values_off_the_diagonal():
    random = np.random.default_rng(0)
    values = random.integers(0, 5, (6, 6)).astype(float)
    values = values + values.T
    np.fill_diagonal(values, 0)
    off = ~np.eye(6, dtype=bool)
    slow = 100 * (rankdata(values[off]) - 0.5) / off.sum()
    assert np.allclose(percentiles(values)[off], slow)
    assert not percentiles(values)[~off].any()


def test_an_rdm_is_drawn_with_the_borders_of_its_categories():
    square = np.ones((4, 4)) - np.eye(4)
    sheet = rdm_sheet({"a": square, "b": square}, blocks=["x", "x", "y", "y"])
    assert [len(axes.lines) for axes in sheet.axes[:2]] == [2, 2]
    assert borders(["x", "y", "x", "y"]) == []


def test_matrices_are_on_one_scale_and_name_their_layers():
    figure = matrix(np.array([[1.0, 0.2]]), ["conv1"], ["conv1", "conv2"], "CKA")
    assert figure.axes[0].images[0].get_clim() == (0, 1)
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["conv1", "conv2"]


def test_words_in_a_table_can_be_read_on_their_colour():
    figure = table_picture(np.array([[0.0, 100.0]]), ["a"], ["x", "y"], "%", top=100)
    dark, light = figure.axes[0].texts
    assert (dark.get_text(), light.get_text()) == ("0", "100")
    assert dark.get_color() != light.get_color()
