"""Planted wrong labels in photos6: precision among as many suggestions as there are errors.

python -m benchmarks.cleaning.labels [SEEDS]
"""

import sys

import numpy as np

from layerscope.cleaning.features import features
from layerscope.cleaning.mislabelled import errors
from layerscope.cleaning.pool import pool_of
from layerscope.cleaning.probabilities import of_features
from layerscope.data import prepare
from layerscope.nets.pretrained import pretrained, pretrained_input
from layerscope.study import Study

NAME = "efficientnet_lite0"


def symmetric(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Turn 10 % of all labels into any other."""
    bad = rng.permutation(len(labels))[: len(labels) // 10]
    turned = labels.copy()
    turned[bad] = (labels[bad] + rng.integers(1, 6, len(bad))) % 6
    return turned


def cats_and_dogs(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Swap 10 % of cats (2) and dogs (3) only."""
    both = np.flatnonzero((labels == 2) | (labels == 3))
    bad = rng.permutation(both)[: len(both) // 10]
    turned = labels.copy()
    turned[bad] = 5 - labels[bad]
    return turned


def main(seeds: int = 3) -> None:
    """Print a line for each kind of noise and seed."""
    dataset = prepare(Study.load("examples/photos6.toml").data)
    pool = pool_of(dataset)
    given = features(pretrained(NAME), pretrained_input(NAME), pool)
    print("noise           seed  planted  precision  estimated (95 %)")
    for noise in (symmetric, cats_and_dogs):
        for seed in range(seeds):
            labels = noise(pool.labels, np.random.default_rng(seed))
            bad = np.flatnonzero(labels != pool.labels)
            found = errors(labels, of_features(given, labels, pool.groups))
            precision = np.isin(found.order[: len(bad)], bad).mean()
            told = f"{found.count:.0f} ({found.low:.0f} to {found.high:.0f})"
            print(
                f"{noise.__name__:15} {seed:4} {len(bad):8} {precision:10.3f}  {told}", flush=True
            )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
