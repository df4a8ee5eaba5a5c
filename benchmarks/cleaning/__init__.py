"""Cleaning: how the scan for copies scales; and, apart, how many planted defects are found."""

from typing import Any


def main(arguments: list[str] | None = None) -> list[dict[str, Any]]:
    """Measure the scan at the numbers of photographs that are named, or at all."""
    from benchmarks.cleaning.scanning import COUNTS, rows

    return rows([int(each) for each in arguments or ()] or COUNTS)
