"""Cross-validate the studies of recordings with three seeds; write docs/results/eeg.md.

    LAYERSCOPE_DATA=... python benchmarks/eeg.py [--runs DIR] [--write] [NAME ...]

A run that is finished is not trained again. Without names: ssvep, faces, oddball.
"""

import argparse
import statistics
from pathlib import Path

from layerscope import Study
from layerscope.cross_validation import cross_validate
from layerscope.evaluation import Evaluation
from layerscope.evaluation.text import figure

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "results" / "eeg.md"
SEEDS = (0, 1, 2)
NAMES = ("ssvep", "faces", "oddball")
HEAD = ["study", "seed", "classifier", "accuracy", "balanced", "AUC", "binomial p", "permutation p"]


def main() -> None:
    """Train what is not there yet, print the tables, and write the page if asked."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "eeg")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    found = {n: {s: crossed(n, s, asked.runs) for s in asked.seeds} for n in asked.names}
    page = "\n".join(section(name, results) for name, results in found.items())
    print(page)
    if asked.write:
        text = PAGE.read_text(encoding="utf-8")
        start, end = "<!-- tables -->\n", "<!-- end -->\n"
        before, after = text.partition(start)[0], text.partition(end)[2]
        PAGE.write_text(before + start + page + end + after, encoding="utf-8")


def crossed(name: str, seed: int, runs: Path) -> Evaluation:
    """Cross-validate one study with one seed."""
    study = Study.load(ROOT / "examples" / f"{name}.toml")
    training = study.training.model_copy(update={"seed": seed})
    seeded = study.model_copy(update={"training": training})
    return cross_validate(seeded, runs / f"{name}-{seed}").evaluation()


def section(name: str, results: dict[int, Evaluation]) -> str:
    """Write one study's tables in Markdown."""
    rows = [_network(seed, each) for seed, each in results.items()]
    first = next(iter(results.values())).recordings
    assert first is not None  # these are recordings
    for twin in first.linear:
        cells = [twin.method, figure(twin.accuracy), "", figure(twin.auc), "", ""]
        rows.append(["", "", *cells])
    lines = [f"### {name}", "", *_table(HEAD, [[name, *row[1:]] for row in rows]), ""]
    areas = [each.recordings.auc.value for each in results.values() if each.recordings]
    mean = statistics.mean(a for a in areas if a is not None)
    accuracy = statistics.mean(each.accuracy.value or 0.0 for each in results.values())
    lines += [
        f"Mean of {len(results)} seeds: accuracy {accuracy:.3f}, AUC {mean:.3f}.",
        "",
    ]
    for seed, each in results.items():
        if each.recordings:
            lines += [f"- seed {seed}: {' '.join(each.recordings.sentences())}"]
    return "\n".join([*lines, "", *_groups(next(iter(results.values()))), ""])


def _network(seed: int, result: Evaluation) -> list[str]:
    found = result.recordings
    assert found is not None  # these are recordings
    chance = found.chance
    return [
        "",
        str(seed),
        "network",
        figure(result.accuracy),
        figure(result.balanced_accuracy),
        figure(found.auc),
        f"{chance.binomial_p:.2g}",
        f"{chance.accuracy_p:.2g}",
    ]


def _groups(result: Evaluation) -> list[str]:
    """Write what is right in each recording, of the first seed."""
    assert result.recordings is not None  # these are recordings
    rows = [
        [each.name, str(each.n), figure(each.accuracy), figure(each.auc)]
        for each in result.recordings.by_group
    ]
    return [
        "Each recording, first seed:",
        "",
        *_table(["recording", "epochs", "accuracy", "AUC"], rows),
    ]


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]


if __name__ == "__main__":
    main()
