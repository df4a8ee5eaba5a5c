"""The tables of an analysis: one row a number, beside its nulls."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from layerscope.brain.analysis import Analysis
from layerscope.brain.contrasts import Contrast
from layerscope.brain.nulls import p_value

SWAPS = (
    *("band", "low", "high", "accuracy", "cost", "cost_low", "cost_high", "pull", "null_limit"),
    *("p", "corrected_p", "untrained_cost", "shuffled_costs", "twins_p"),
)
LAYERS = (
    *("layer", "band", "low", "high", "value", "null_mean", "null_limit", "p", "corrected_p"),
    *("moved", "untrained", "shuffled", "twins_p"),
)


@dataclass(frozen=True, eq=False)
class Compared:
    """A network's analysis beside those of its twins.

    Attributes:
        own: of the trained network.
        untrained: of the network with the weights it started from.
        shuffled: of the same network trained on shuffled labels, several times.

    """

    own: Analysis
    untrained: Analysis
    shuffled: tuple[Analysis, ...]

    @property
    def twins(self) -> tuple[Analysis, ...]:
        """All that cannot know the classes."""
        return (self.untrained, *self.shuffled)


def swap_rows(found: Compared) -> list[dict[str, Any]]:
    """Give a row for each band that was swapped."""
    rows = []
    for place, swap in enumerate(found.own.swaps):
        cost, low, high = swap.cost
        twins = [twin.swaps[place].cost[0] for twin in found.shuffled]
        untrained = found.untrained.swaps[place].cost[0]
        values = (
            *(swap.band.name, swap.band.low, swap.band.high, swap.accuracy, cost, low, high),
            *(swap.pull, float(np.quantile(swap.null, 0.95)), swap.p),
            *(float(found.own.corrected[place]), untrained, twins),
            float(p_value(cost, np.array([untrained, *twins]))),
        )
        rows.append(dict(zip(SWAPS, values, strict=True)))
    return rows


def layer_rows(found: Compared, which: str) -> list[dict[str, Any]]:
    """Give a row for each layer and band; `which` is "bands" or "fine"."""
    own: Contrast = getattr(found.own, which)
    bands = _bands_of(found.own, which)
    moved = {swap.band.name: swap.layers for swap in found.own.swaps}
    rows = []
    for i, layer in enumerate(found.own.layer_names):
        for j, (name, low, high) in enumerate(bands):
            twins = [float(getattr(twin, which).value[i, j]) for twin in found.twins]
            shift = moved.get(name, {}).get(layer)
            values = (
                *(layer, name, low, high, float(own.value[i, j]), float(own.expected[i, j])),
                *(float(own.limit[i, j]), float(own.p[i, j]), float(own.corrected[i, j])),
                *("" if shift is None else float(np.mean(shift)), twins[0], twins[1:]),
                float(p_value(own.value[i, j], np.array(twins))),
            )
            rows.append(dict(zip(LAYERS, values, strict=True)))
    return rows


def _bands_of(found: Analysis, which: str) -> Sequence[tuple[str, float, float]]:
    bands = found.band_list if which == "bands" else found.fine_list
    return [(band.name, band.low, band.high) for band in bands]
