"""Spoken words, three seeds of both examples: `python -m benchmarks.words` writes the results.

The runs lie in runs/words16-0, runs/words16-1, ...; finished ones are taken as they are, and one
that was interrupted goes on, so the command can be given again.
"""

import argparse
import os
from pathlib import Path
from statistics import mean

from layerscope import Run, Study, train
from layerscope.evaluation.figures import wilson

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "results" / "words.md"
STUDIES = {"words16": 0.95, "words10": 0.90}
"""The accuracy on val that is wanted of each."""
HEAD = """\
# Spoken words

`study_1d` as it is, trained by `layerscope train examples/words16.toml` and
`layerscope train examples/words10.toml`; the seeds are `training.seed`. Speakers of val are in no
other split. No weights are chosen on val: those of the last epoch, averaged, are kept. Intervals
are Wilson's, 95 %, of the clips of one training. This page is written by
`python -m benchmarks.words`.

| study | seed | accuracy on val | interval | correct | epochs | minutes |
| --- | --- | --- | --- | --- | --- | --- |
"""


def main() -> None:
    """Train what is not trained yet, and write the page."""
    parser = argparse.ArgumentParser(prog="words", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--studies", nargs="+", default=list(STUDIES), choices=list(STUDIES))
    parser.add_argument("--runs", type=Path, default=ROOT / "runs")
    options = parser.parse_args()
    rows, summaries = [], []
    for name in options.studies:
        runs = [trained(name, seed, options.runs) for seed in options.seeds]
        rows += [row(name, run) for run in runs]
        summaries.append(summary(name, runs))
    PAGE.parent.mkdir(exist_ok=True)
    cores = f"Trained on {os.cpu_count()} cores."
    PAGE.write_text(HEAD + "\n".join(rows) + "\n\n" + "\n".join([*summaries, "", cores]) + "\n")
    print(PAGE.read_text())


def trained(name: str, seed: int, folder: Path) -> Run:
    """Train an example with another seed, or open the run that has it."""
    study = Study.load(ROOT / "examples" / f"{name}.toml")
    training = study.training.model_copy(update={"seed": seed})
    study = study.model_copy(update={"name": f"{name}-{seed}", "training": training})
    return train(study, folder / study.name, resume=True)


def row(name: str, run: Run) -> str:
    """Tell one training."""
    found, history = run.evaluation(), run.history()
    correct = int(found.confusion.trace())
    told = wilson(correct, found.n)
    low, high = told.interval or (0.0, 1.0)
    minutes = float(history[-1]["seconds"]) / 60
    cells = (
        *(name, str(run.study.training.seed), f"{told.value:.3f}", f"{low:.3f} to {high:.3f}"),
        *(f"{correct} of {found.n}", str(len(history)), f"{minutes:.1f}"),
    )
    return f"| {' | '.join(cells)} |"


def summary(name: str, runs: list[Run]) -> str:
    """Tell mean and range, beside what is wanted."""
    values = [run.evaluation().accuracy.value or 0.0 for run in runs]
    reached = "reached" if mean(values) >= STUDIES[name] else "missed"
    return (
        f"- {name}: mean {mean(values):.3f}, range {min(values):.3f} to {max(values):.3f} over "
        f"{len(values)} seeds; {STUDIES[name]:.2f} is wanted: {reached}."
    )


if __name__ == "__main__":
    main()
