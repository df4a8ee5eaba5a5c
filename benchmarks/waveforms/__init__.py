"""Waveforms: training the 1-D network, its views, packing sounds, against what users have else."""

import importlib
from typing import Any

#: In the order of the table.
FAMILIES = ("packing", "training", "views")


def main(arguments: list[str] | None = None) -> list[dict[str, Any]]:
    """Measure every family, or those that are named."""
    found: list[dict[str, Any]] = []
    for name in arguments or FAMILIES:
        found += importlib.import_module(f"benchmarks.waveforms.{name}").rows()
    return found
