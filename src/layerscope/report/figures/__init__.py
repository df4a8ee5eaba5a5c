"""Figures of the page, the slides and the gallery: arrays in; pictures, plots, drawings out."""

from layerscope.report.figures.bands import band_costs, frequency_curves, layer_bands
from layerscope.report.figures.confusion import confusion_svg
from layerscope.report.figures.grid import grid
from layerscope.report.figures.images import (
    attribution,
    data_uri,
    feature_grid,
    filter_grid,
    fit,
    overlay,
    projection,
    rectified,
    rgb,
    signed,
    strong,
    tiles,
)
from layerscope.report.figures.moments import event_related, strongest_epochs
from layerscope.report.figures.network import network_svg
from layerscope.report.figures.plots import curves, distributions, layer_curve, reliability, svg_uri
from layerscope.report.figures.ranking import ranking
from layerscope.report.figures.robustness import robustness
from layerscope.report.figures.scatter import embedding
from layerscope.report.figures.sheet import Legend, save_png
from layerscope.report.figures.signals import recording, strip, waveform
from layerscope.report.figures.sounds import Heard, layers_heard, listening
from layerscope.report.figures.topography import topographies
from layerscope.report.figures.tuning import filter_responses, snippets, tuning
from layerscope.report.figures.units import pair, synthesised, zeiler_fergus

__all__ = [
    "Heard",
    "Legend",
    "attribution",
    "band_costs",
    "confusion_svg",
    "curves",
    "data_uri",
    "distributions",
    "embedding",
    "event_related",
    "feature_grid",
    "filter_grid",
    "filter_responses",
    "fit",
    "frequency_curves",
    "grid",
    "layer_bands",
    "layer_curve",
    "layers_heard",
    "listening",
    "network_svg",
    "overlay",
    "pair",
    "projection",
    "ranking",
    "recording",
    "rectified",
    "reliability",
    "rgb",
    "robustness",
    "save_png",
    "signed",
    "snippets",
    "strip",
    "strong",
    "strongest_epochs",
    "svg_uri",
    "synthesised",
    "tiles",
    "topographies",
    "tuning",
    "waveform",
    "zeiler_fergus",
]
