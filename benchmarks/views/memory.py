"""Peak memory of every method, and what half the memory budget costs in time.

Memory is RssAnon + RssShmem of a process of its own, the libraries included: 16 photographs of
172 x 172 through the 6-block network, each method as it is by default.
"""

import os
import sys
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from benchmarks.memory import peak
from benchmarks.pairs import ratio
from benchmarks.rows import row
from benchmarks.views.common import subject
from layerscope.views import Scope, find_method, methods

MOST = 1.0  # GB, of 1e9 bytes
LONGER = 1.3
#: What a method cannot do without, and the one layer that holds the most work where all of them
#: would take minutes.
OPTIONS: dict[str, dict[str, Any]] = {
    "expected_gradients": {"baselines": torch.zeros(4, 3, 172, 172)},
    "linear_probe": {"folds": 2},
    "ablation_cam": {"layers": "conv5"},
    "activation_maximization": {"layers": "conv6"},
    "deep_dream": {"layers": "conv5"},
    "feature_inversion": {"layers": "conv3"},
    "score_cam": {"layers": "conv5"},
    "zeiler_fergus": {"layers": "conv5"},
}
#: What the network has no reading for: CAM needs global average pooling.
REFUSED = ("cam",)
#: What takes a minute and more; its chunks are those of the others.
LONG = ("rise", "expected_gradients", "feature_inversion", "score_cam")
LABELS = [number % 6 for number in range(16)]


def rows() -> list[dict[str, Any]]:
    """Measure the largest peak, with the method that has it, and the costliest half budget."""
    environment = {**os.environ, "LAYERSCOPE_QUIET": "1"}
    command = [sys.executable, "-m", "benchmarks.views.memory"]
    names = [one.name for one in methods() if one.name not in REFUSED]
    peaks = {name: peak([*command, name], environment) / 1e9 for name in names}
    largest = max(peaks, key=peaks.__getitem__)
    costs = {name: cost_of_half_the_budget(name) for name in names if name not in LONG}
    slowest = max(costs, key=costs.__getitem__)
    return [
        row(f"largest peak memory ({largest})", peaks[largest], "GB", MOST),
        row(f"half the memory budget ({slowest})", costs[slowest], "x time", LONGER),
    ]


def look(method: str, share: float = 1.0) -> None:
    """Trace the batch within a share of the usual budget, and look."""
    from layerscope.progress import quiet

    one = subject(16)
    scope = Scope(one.net, classes=list("abcdef"), bounds=(0, 1))
    scope = replace(scope, memory=int(share * scope.memory))
    trace = scope.trace(one.images, true=LABELS)
    options = dict(OPTIONS.get(method, {}))
    if "target" in find_method(method, {}).options:
        options["target"] = 1
    with quiet():
        trace.view(method, **options)


def cost_of_half_the_budget(method: str) -> float:
    """Give the time with half the budget in units of that with the whole."""
    return ratio(partial(look, method, 0.5), partial(look, method), rounds=3)


if __name__ == "__main__":
    look(sys.argv[1])
