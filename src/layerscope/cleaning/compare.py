"""Whether cleaning helped: retrained on cleaned data, on uncleaned, and without random examples."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from layerscope import storage
from layerscope.cleaning.findings import write_rows
from layerscope.data.decisions import DROP, KEEP, Row, decided_rows, read_rows
from layerscope.errors import LayerscopeError

if TYPE_CHECKING:
    from layerscope.study import Study

ARMS = ("uncleaned", "random drop", "cleaned")
DRAWS = 2000  # of the bootstrap


@dataclass(frozen=True)
class Difference:
    """How much better the cleaned data's accuracy is than another's, with a 95 % interval."""

    than: str
    value: float
    low: float
    high: float


def compare(
    study: "Study",
    folder: Path,
    *,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    automatic: bool = False,
) -> dict[str, Any]:
    """Train on cleaned data, uncleaned, and with as many random train examples dropped; compare.

    The decisions are those of `folder`/keep_drop.csv on train examples; validation stays as it is.
    `automatic`: where nobody has decided, the suggestion is taken. A run for each arm and seed lies
    in `folder`/compare; what is trained is not trained again. Gives, and writes as compare.json,
    `arms`, `differences` and `sentence`.

    Raises:
        LayerscopeError: nothing is decided on the train split, or a training that cannot go on.

    """
    from layerscope import verbs

    place = folder / "compare"
    tables = _tables(study, folder / "keep_drop.csv", place, seeds, automatic)
    correct: dict[str, list[np.ndarray]] = {arm: [] for arm in ARMS}
    for seed in seeds:
        for arm in ARMS:
            asked = study.model_copy(
                update={
                    "data": study.data.model_copy(update={"decisions": tables[arm, seed]}),
                    "training": study.training.model_copy(update={"seed": seed, "keep": "last"}),
                }
            )
            run = verbs.train(asked, place / f"{arm.replace(' ', '-')}-{seed}", resume=True)
            said = run.predictions("val")
            order = np.argsort(said.ids)
            correct[arm].append((said.predicted == said.true)[order])
    found = weighed({arm: np.stack(rows) for arm, rows in correct.items()})
    storage.write_json(folder / "compare.json", found)
    return found


def weighed(correct: dict[str, np.ndarray], seed: int = 0) -> dict[str, Any]:
    """Compare the arms, bool (seed, example) each, paired over examples and seeds.

    The interval is the bootstrap's over validation examples and seeds together.

    >>> right = np.ones((2, 50), dtype=bool)
    >>> weighed({"uncleaned": ~right, "random drop": ~right, "cleaned": right})["sentence"]
    'cleaning helped: ...'
    """
    rng = np.random.default_rng(seed)
    differences = []
    for other in ARMS[:-1]:
        gain = correct["cleaned"].astype(np.float64) - correct[other]  # (seed, example)
        low, high = np.percentile(_drawn(gain, rng), [2.5, 97.5])
        differences.append(Difference(other, float(gain.mean()), float(low), float(high)))
    return {
        "arms": [
            {
                "arm": arm,
                "accuracy": float(rows.mean()),
                "of seeds": [round(float(x), 4) for x in rows.mean(axis=1)],
            }
            for arm, rows in correct.items()
        ],
        "differences": [vars(each) for each in differences],
        "sentence": sentence(differences),
    }


def _drawn(gain: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw seeds and examples anew, DRAWS times, and give the mean gain of each draw."""
    count, examples = gain.shape
    seeds = _counts(rng, DRAWS, count)  # (draw, seed)
    parts = [_counts(rng, 100, examples) @ gain.T for _ in range(DRAWS // 100)]
    return np.asarray((seeds * np.concatenate(parts)).sum(axis=1) / gain.size)


def _counts(rng: np.random.Generator, draws: int, size: int) -> np.ndarray:
    """Say how often each of `size` is drawn in each of some bootstrap draws, float (draw, size)."""
    drawn = rng.integers(0, size, (draws, size)) + size * np.arange(draws)[:, None]
    return np.bincount(drawn.reshape(-1), minlength=draws * size).reshape(draws, size).astype(float)


def sentence(differences: Sequence[Difference]) -> str:
    """Say in one sentence whether cleaning helped, and against what."""
    told = " and ".join(
        f"{100 * d.value:+.1f} points against {d.than} ({100 * d.low:+.1f} to {100 * d.high:+.1f})"
        for d in differences
    )
    if all(d.low > 0 for d in differences):
        return f"cleaning helped: accuracy {told}"
    if any(d.high < 0 for d in differences):
        return f"cleaning harmed: accuracy {told}"
    return f"it cannot be told that cleaning helped: accuracy {told}"


def _tables(
    study: "Study", path: Path, place: Path, seeds: Sequence[int], automatic: bool
) -> dict[tuple[str, int], str | None]:
    """Write the decisions of each arm and seed; None for uncleaned data."""
    from layerscope.data import prepare

    dataset = prepare(study.data.model_copy(update={"decisions": None}))
    if "val" not in dataset.splits:
        raise LayerscopeError("there is no val split to compare on: set data.val_fraction")
    train = {e.id: e for e in dataset.examples if e.split == "train" and not e.reason}
    rows = [row for row in read_rows(path) if row.id in train]
    if automatic:
        rows = [replace(row, decision=row.decision or row.suggestion) for row in rows]
    rows = decided_rows([row for row in rows if row.sha256 == train[row.id].sha256])
    changing = [row for row in rows if row.decision != KEEP]
    if not changing:
        raise LayerscopeError(
            f"{path} drops or relabels no example of train: decide on review.html and save the "
            "table there, or take the suggestions with --automatic"
        )
    cleaned = place / "cleaned.csv"
    write_rows(cleaned, changing)
    tables: dict[tuple[str, int], str | None] = {}
    for seed in seeds:
        chosen = np.random.default_rng((seed, 7)).permutation(sorted(train))[: len(changing)]
        dropped = [Row(str(k), train[str(k)].sha256, "random", decision=DROP) for k in chosen]
        table = place / f"random-{seed}.csv"
        write_rows(table, dropped)
        tables |= {("uncleaned", seed): None, ("random drop", seed): str(table.absolute())}
        tables["cleaned", seed] = str(cleaned.absolute())
    return tables
