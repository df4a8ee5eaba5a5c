"""The verdict on the page: badges beside pictures, a table, figures; and files that are damaged."""

from pathlib import Path

import numpy as np
import pytest

from layerscope.errors import LayerscopeError
from layerscope.report.figures.trust import deletion_curves, similarity_by_depth
from layerscope.report.page import html
from layerscope.run import Run
from layerscope.trust.of_run import trust_run
from layerscope.verbs import see


def test_the_page_shows_the_verdict_beside_the_pictures(digits_run: Path) -> None:
    run = Run.open(digits_run)
    see(run, methods=["grad_cam", "saliency"], layers="conv3")
    assert 'id="trust"' not in html(run)
    found = trust_run(run, methods=["grad_cam", "saliency"], quick=True)
    page = html(run)
    assert 'id="trust"' in page
    section = page[page.index('id="trust"') :]
    layers = page[page.index('id="layers"') : page.index('id="trust"')]
    for row in found["rows"][:2]:
        told = row["reading"].replace("'", "&#39;")
        assert told in section
        assert told in layers
        assert f"badge {row['level']}" in layers
    assert f"{found['rows'][0]['gaps']['blur']['mean']:.2f}" in section
    (digits_run / "trust" / "curves.npz").write_bytes(b"")
    with pytest.raises(LayerscopeError, match="no whole verdict"):
        html(run)


def test_lines_hold_what_they_are_given() -> None:
    levels = {"a": "pass", "b": "fail"}
    curves = {"a": np.array([0.4, 0.1]), "b": np.array([0.9, 0.8])}
    axes = similarity_by_depth(["fc", "conv1"], curves, levels).axes[0]
    lines = [line.get_ydata().tolist() for line in axes.lines[:2]]
    assert lines == [[1.0, 0.4, 0.1], [1.0, 0.9, 0.8]]
    assert [text.get_text() for text in axes.texts] == ["a", "b"]
    assert axes.lines[0].get_color() != axes.lines[1].get_color()
    figure = deletion_curves(np.array([0.0, 0.5]), {"mean": curves, "blur": curves}, levels)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["hidden by mean", "hidden by blur"]
    assert figure.axes[1].lines[1].get_xdata().tolist() == [0, 50]
