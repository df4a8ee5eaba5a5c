"""Timing two ways of doing the same work in turn, so that a busy machine disturbs both alike."""

import statistics
import time
from collections.abc import Callable


def ratio(ours: Callable[[], object], other: Callable[[], object], *, rounds: int = 7) -> float:
    """Run the two in turn, and give the median of ours / other, after one run of each."""
    ours(), other()
    ratios = []
    for _ in range(rounds):
        ratios.append(seconds(ours) / seconds(other))
    return statistics.median(ratios)


def seconds(work: Callable[[], object]) -> float:
    """Time one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
