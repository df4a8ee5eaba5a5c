"""Looking at a network of the zoo with one method, as its entry in the battery says."""

import numpy as np
import pytest

from layerscope.views import Scope, find_method, methods
from views.entries import ENTRIES
from zoo import NETWORKS

METHODS = [method.name for method in methods()]
CLASSES = ["a", "b", "c", "d"]
TRUE = [0, 1, 2, 3, 0]


def scope_of(net, images, **more):
    kind = "waveform" if images.dim() == 3 else "photo"
    known = {"classes": CLASSES, "bounds": (-4, 4), "sfreq": 100.0 if kind == "waveform" else None}
    return Scope(net, **{"kind": kind, **known, **more})


def trace_of(net, images, **more):
    scope = scope_of(net, images, **more)
    return scope.trace(images, true=TRUE[: len(images)])


def options_of(method, images, **options):
    """Give the entry's options, and what a test asks for beside them."""
    entry = ENTRIES[method]
    found = {**entry.options_for(images), **options}
    if entry.layers is not None and "layers" in find_method(method, {}).options:
        found.setdefault("layers", entry.layers)
    return found


def look(net, images, method, *, scope=None, **options):
    trace = trace_of(net, images, **(scope or {}))
    return trace.view(method, **options_of(method, images, **options))


def scale_of(view):
    return max(float(np.abs(view.values).max(initial=0)), 1e-12)


def passes(method):
    """List the networks of the zoo that a method does not refuse."""
    return [name for name in NETWORKS if name not in ENTRIES[method].refuses]


def home(method):
    """Name the network that a method is at home in: a photograph's, or a waveform's."""
    return "plain" if "plain" in passes(method) else passes(method)[0]


def asked(test, names=METHODS):
    """Parametrise a test over the methods that are not exempt from it."""
    kept = [m for m in names if m in ENTRIES and test not in ENTRIES[m].exempt]
    return pytest.mark.parametrize("method", kept)


def asked_everywhere(test):
    """Parametrise a test over the methods and the networks that each passes."""
    kept = [m for m in METHODS if m in ENTRIES and test not in ENTRIES[m].exempt]
    pairs = [(method, network) for method in kept for network in passes(method)]
    return pytest.mark.parametrize(("method", "network"), pairs)
