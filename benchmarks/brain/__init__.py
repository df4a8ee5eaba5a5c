"""Brains: what asking recordings and comparing with brains cost."""

import importlib
from typing import Any

#: In the order of the table.
FAMILIES = ("similarity", "ridge", "swapping")


def main(arguments: list[str] | None = None) -> list[dict[str, Any]]:
    """Measure every family, or those that are named."""
    found: list[dict[str, Any]] = []
    for name in arguments or FAMILIES:
        found += importlib.import_module(f"benchmarks.brain.{name}").rows()
    return found
