"""Views against the best peers, in forward + backward passes to the input."""

import importlib
from typing import Any

#: In the order of the table.
FAMILIES = (
    *("cams", "projections", "paths", "perturbation", "relevance"),
    *("synthesis", "zeiler_fergus", "everything", "memory"),
)


def main(arguments: list[str] | None = None) -> list[dict[str, Any]]:
    """Measure every family, or those that are named."""
    found: list[dict[str, Any]] = []
    for name in arguments or FAMILIES:
        found += importlib.import_module(f"benchmarks.views.{name}").rows()
    return found
