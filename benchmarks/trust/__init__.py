"""Trust: what hiding, drawing layers anew and small noise cost, beside Quantus."""

import importlib
from typing import Any

#: In the order of the table.
FAMILIES = ("quantus",)


def main(arguments: list[str] | None = None) -> list[dict[str, Any]]:
    """Measure every family, or those that are named."""
    found: list[dict[str, Any]] = []
    for name in arguments or FAMILIES:
        found += importlib.import_module(f"benchmarks.trust.{name}").rows()
    return found
