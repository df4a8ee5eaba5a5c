"""The Zeiler-Fergus figure of a data set, in plain inference passes over the same data.

A plain pass is default torch: fp32, contiguous memory, the same batches from the same pack. Of a
share of the data the same share of every layer's units is looked at, so that what a photograph
and what a unit cost stand in the proportion of the whole figure: 448 units over photos6's train
split. `python -m benchmarks.views.zeiler_fergus --share 1 --rounds 1` makes the whole.
"""

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.memory import peak
from benchmarks.pairs import ratio
from benchmarks.rows import row
from benchmarks.views.common import subject
from layerscope.data import InputSpec, Split, prepare
from layerscope.progress import quiet
from layerscope.run import Run
from layerscope.seeing.data import Batches
from layerscope.study import Study
from layerscope.views import Scope, View

EXAMPLE = Path(__file__).parents[2] / "examples" / "photos6.toml"
#: A trained network of that study, where there is one; its activations are spread as in use.
TRAINED = Path("runs/photos6")
SHARE = 1 / 16
BATCH = 16


def rows(share: float = SHARE, rounds: int = 3) -> list[dict[str, Any]]:
    """Measure the time against a plain pass, and the peak memory of a process of its own."""
    scope, data = seen(share)

    def plain() -> None:
        with torch.no_grad():
            for images, _, _ in data:
                scope.model(images.contiguous())

    with quiet():
        found = ratio(lambda: figure(scope, data, share), plain, rounds=rounds)
    command = [sys.executable, "-m", "benchmarks.views.zeiler_fergus", "--once"]
    held = peak([*command, "--share", str(share)], {**os.environ, "LAYERSCOPE_QUIET": "1"})
    told = "" if share == 1 else f" of {share:.3g} of the photographs and units"
    return [
        row(f"Zeiler-Fergus figure{told}", found, "plain passes", 2.0),
        row(f"Zeiler-Fergus figure{told}, peak memory", held / 1e9, "GB", 1.0),
    ]


def seen(share: float) -> tuple[Scope, Batches]:
    """Give a network and a share of the photographs; without LAYERSCOPE_DATA of smooth noise."""
    model = Run.open(TRAINED).net() if TRAINED.is_dir() else subject(1).net
    if os.environ.get("LAYERSCOPE_DATA"):
        dataset = prepare(Study.load(EXAMPLE).data)
        split, spec = dataset["train"], dataset.spec
    else:
        split, spec = _noise(4863), InputSpec("photo", (3, 172, 172), (0.5,) * 3, (0.25,) * 3)
    every = round(1 / share)
    return Scope(model.eval()), Batches(split, spec, BATCH, np.arange(0, len(split), every))


def figure(scope: Scope, data: Batches, share: float) -> dict[str, View]:
    """Make the figure: the whole call from the batches to the views."""
    trace = scope.trace(next(iter(data))[0][:1])
    every = round(1 / share)
    units = {
        layer: range(0, trace.value(layer).tensor.shape[1], every)
        for layer in trace.layer_names("conv")
    }
    return trace.view("zeiler_fergus", data=data, unit=units)


def _noise(count: int) -> Split:
    """Give photographs of smooth noise: 64 different ones, again and again."""
    draw = np.random.default_rng(0)
    small = torch.tensor(draw.uniform(0, 255, (64, 3, 12, 12)))
    large = torch.nn.functional.interpolate(small, 172, mode="bicubic").clamp(0, 255)
    pixels = large.permute(0, 2, 3, 1).numpy().astype(np.uint8)
    ids = [str(number) for number in range(count)]
    return Split("train", ids, np.zeros(count, int), pixels, np.arange(count) % 64)


def main(arguments: list[str] | None = None) -> None:
    """Print the rows, or make the figure once."""
    parser = argparse.ArgumentParser(prog="zeiler_fergus", description=__doc__)
    parser.add_argument("--share", type=float, default=SHARE, help="of the data and the units")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--once", action="store_true", help="make the figure, and time nothing")
    given = parser.parse_args(arguments)
    if given.once:
        start = time.perf_counter()
        views = figure(*seen(given.share), given.share)
        print(f"{sum(len(view.values) for view in views.values())} units", end=", ")
        print(f"{time.perf_counter() - start:.0f} s")
        return
    for found in rows(given.share, given.rounds):
        print(found)


if __name__ == "__main__":
    main()
