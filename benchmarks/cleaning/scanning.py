"""The scan for copies of 10,000 to 250,000 packed photographs: seconds, growth, memory, recall.

    python -m benchmarks.cleaning.scanning [COUNT ...]

The photographs are made when they are asked for, so no disk is needed; making them is timed apart.
"""

import math
import resource
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from layerscope.cleaning.near import near_pairs
from layerscope.cleaning.pool import Pool
from layerscope.cli.tables import echo_table

COUNTS = (10_000, 50_000, 250_000)
SIDE = 172
COPIES = 0.01  # of all: a mirrored, brighter copy of another


class Made:
    """Photographs uint8 (N, y, x, 3), each made of its number: waves whose spectrum falls as 1/f.

    The last share of them are copies of the first ones.
    """

    def __init__(self, count: int) -> None:
        self.shape = (count, SIDE, SIDE, 3)
        self.originals = count - int(count * COPIES)
        self.seconds = 0.0

    def take(self, rows: np.ndarray, axis: int = 0) -> np.ndarray:
        start = time.perf_counter()
        made = np.stack([self._one(int(row)) for row in rows])
        self.seconds += time.perf_counter() - start
        return made

    def _one(self, row: int) -> np.ndarray:
        copy = row >= self.originals
        rng = np.random.default_rng(row - self.originals if copy else row)
        total = torch.full((1, 1, SIDE, SIDE), 128.0)
        for cells in (4, 8, 16, 43, 86):
            noise = torch.from_numpy(rng.normal(size=(1, 1, cells, cells)).astype(np.float32))
            total += F.interpolate(noise, (SIDE, SIDE), mode="bilinear") * (120 / cells**0.7)
        values = total[0, 0].clamp(0, 255).to(torch.uint8).numpy()
        if copy:
            values = np.minimum(values[:, ::-1], 235) + 20
        return np.repeat(values[..., None], 3, axis=-1)


def measure(count: int) -> dict[str, float]:
    """Scan once; give seconds without the making, memory in GB, recall and false pairs."""
    made = Made(count)
    ids = [str(k) for k in range(count)]
    same = [""] * count
    labels = np.zeros(count, dtype=np.int64)
    pool = Pool(ids, labels, same, same, same, made, np.arange(count), ("a",))  # type: ignore[arg-type]
    start = time.perf_counter()
    pairs = near_pairs(pool)
    seconds = time.perf_counter() - start - made.seconds
    planted = {(k, made.originals + k) for k in range(count - made.originals)}
    found = set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    return {
        "seconds": seconds,
        "making": made.seconds,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "recall": len(found & planted) / len(planted),
        "false": len(found - planted),
    }


def rows(counts: Sequence[int] = COUNTS) -> list[dict[str, Any]]:
    """Give a row for each number of photographs, beside its target; growth is to the row before."""
    found: list[dict[str, Any]] = []
    for count in counts:
        m = measure(count)
        allowed = 600 * count / 250_000
        row: dict[str, Any] = {"photographs": count, "seconds": round(m["seconds"], 1)}
        row |= {"ms each": 1000 * m["seconds"] / count, "making, s": round(m["making"], 1)}
        row |= {"memory, GB": m["memory"], "recall": m["recall"], "false": int(m["false"])}
        row |= {"growth": None, "n log n": None}
        if found:
            before = found[-1]
            row["growth"] = m["seconds"] / before["seconds"]
            n = before["photographs"]
            row["n log n"] = count * math.log(count) / (n * math.log(n))
        row["met"] = (
            m["seconds"] <= max(allowed, 60)
            and m["memory"] <= 2
            and m["recall"] >= 0.99
            and m["false"] <= count / 1000
        )
        found.append(row)
    return found


if __name__ == "__main__":
    echo_table(rows(tuple(map(int, sys.argv[1:])) or COUNTS))
