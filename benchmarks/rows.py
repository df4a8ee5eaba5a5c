"""A row of a benchmark's table: what was measured, and whether it meets its target."""

from typing import Any


def row(
    measured: str, value: float, unit: str, target: float | None, *, more: bool = False
) -> dict[str, Any]:
    """Make a row; `target` is the most (`more`: the least) that is wanted, None: none is."""
    met = target is None or (value >= target if more else value <= target)
    return {
        "measured": measured,
        "value": round(value, 2),
        "unit": unit,
        "target": "" if target is None else f"{'>=' if more else '<='} {target}",
        "met": met,
    }
