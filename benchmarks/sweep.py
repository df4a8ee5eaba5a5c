"""A sweep against its trials trained one after the other by `layerscope train`, and its overhead.

14 short trials: the study's digit network at 7 widths with 2 seeds. Both ways are whole commands,
start-up included, on the cores that this process may use.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.rows import row
from layerscope import storage
from layerscope.data.workers import cores
from layerscope.study import Study
from layerscope.training.sweep.trials import trials_of

STUDY = """\
name = "short"
[data]
kind = "digits"
[model]
preset = "study-mnist"
[training]
epochs = 3
[sweep]
seeds = 2
[sweep.grid]
"model.channels" = [4, 6, 8, 10, 12, 14, 16]
"""


def main(arguments: list[str] | None = None) -> list[dict[str, Any]]:
    """Measure; ratios of seconds, and seconds a trial, each with its target."""
    parser = argparse.ArgumentParser(prog="sweep", description=__doc__)
    parser.add_argument("--rounds", type=int, default=1, help="of both ways, in turn")
    rounds = parser.parse_args(arguments).rounds
    ratios, overheads = [], []
    with tempfile.TemporaryDirectory() as name:
        for number in range(rounds):
            folder = Path(name) / str(number)
            folder.mkdir()
            (folder / "short.toml").write_text(STUDY, encoding="utf-8")
            apart = _apart(folder)
            together = _command(["sweep", "short.toml", "--out", "sweep"], folder)
            ratios.append(together / apart)
            overheads.append(_overhead(folder / "sweep", together))
    return [
        row("14 trials as a sweep, against 14 train commands", min(ratios), "x", 0.75),
        row("overhead of the local engine, a trial", min(overheads), "s", 1.0),
    ]


def _apart(folder: Path) -> float:
    """Train the same 14 studies, one command after the other."""
    seconds = 0.0
    for trial in trials_of(Study.load(folder / "short.toml")):
        trial.study.save(folder / f"{trial.name}.toml")
        seconds += _command(["train", f"{trial.name}.toml", "--out", trial.name], folder)
    return seconds


def _overhead(sweep: Path, together: float) -> float:
    """Give what a sweep took beyond its trainings, shared by the cores, for each trial."""
    rows = storage.read_csv(sweep / "sweep.csv")
    trained = sum(float(each["seconds"]) for each in rows)
    return (together - trained / min(cores(), len(rows))) / len(rows)


def _command(arguments: list[str], folder: Path) -> float:
    """Run a command of ours and give its seconds."""
    environment = {**os.environ, "LAYERSCOPE_QUIET": "1"}
    environment.pop("OMP_NUM_THREADS", None)  # each way takes the threads that it would
    start = time.perf_counter()
    command = [sys.executable, "-m", "layerscope", *arguments]
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start
