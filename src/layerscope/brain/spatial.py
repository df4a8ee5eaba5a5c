"""Filters, patterns and responses of the linear layers of a network, as arrays to be kept."""

from typing import Any

import numpy as np

from layerscope.brain.epochs import Epochs
from layerscope.brain.patterns import first_linear_layers, spatial_filters, unit_patterns
from layerscope.views import Scope


def spatial_arrays(
    scope: Scope, epochs: Epochs, units: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Give what the strongest units of each layer that is linear in the input weigh and hear.

    Named "LAYER/what": `units` `(unit,)`; `filter` and `pattern` `(unit, channel)`; `share` of the
    filter that is one product of space and time `(unit,)`; `time` its weights over time
    `(unit, lag)` and `response` their gain at `hertz` `(unit, frequency)`.
    """
    found: dict[str, Any] = {}
    for layer, linear in first_linear_layers(scope, epochs, list(units)).items():
        chosen = units[layer][units[layer] >= 0]
        own = linear.of(chosen)
        space, time, share = spatial_filters(own)
        size = max(256, 2 * time.shape[1])
        found |= {
            f"{layer}/units": chosen,
            f"{layer}/filter": space,
            f"{layer}/pattern": unit_patterns(epochs, own),
            f"{layer}/share": share,
            f"{layer}/time": time,
            f"{layer}/response": np.abs(np.fft.rfft(time, n=size)),
            f"{layer}/hertz": np.fft.rfftfreq(size, 1 / float(scope.sfreq or 1)),
        }
    return found
