"""Figures of the page and the slides: arrays in; pictures, plots and drawings out."""

from layerscope.report.figures.confusion import confusion_svg
from layerscope.report.figures.images import (
    data_uri,
    feature_grid,
    filter_grid,
    fit,
    overlay,
    projection,
    rectified,
    rgb,
    signed,
    tiles,
)
from layerscope.report.figures.network import network_svg
from layerscope.report.figures.plots import curves, reliability, svg_uri

__all__ = [
    "confusion_svg",
    "curves",
    "data_uri",
    "feature_grid",
    "filter_grid",
    "fit",
    "network_svg",
    "overlay",
    "projection",
    "rectified",
    "reliability",
    "rgb",
    "signed",
    "svg_uri",
    "tiles",
]
