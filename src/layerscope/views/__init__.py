"""What each layer sees: tensors in, views out."""

from layerscope.views import methods as _methods
from layerscope.views.aims import Aim, Channel, Difference, Region, Unit
from layerscope.views.propagate import descend
from layerscope.views.registry import Method, find_method, method, methods
from layerscope.views.rules import COMPOSITES
from layerscope.views.scope import Scope
from layerscope.views.trace import Trace
from layerscope.views.view import View

__all__ = [
    "COMPOSITES",
    "Aim",
    "Channel",
    "Difference",
    "Method",
    "Region",
    "Scope",
    "Trace",
    "Unit",
    "View",
    "descend",
    "find_method",
    "method",
    "methods",
]
del _methods
