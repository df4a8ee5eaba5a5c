"""Composites by name: each chooses the rule of every operation."""

from layerscope.views.propagate import Composite
from layerscope.views.rules.gradient import gradient
from layerscope.views.rules.rectifiers import deconvnet

COMPOSITES: dict[str, Composite] = {
    "gradient": gradient,
    "deconvnet": deconvnet,
}
