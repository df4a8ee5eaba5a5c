"""The scan: every issue that is asked for, into a folder with keep_drop.csv and findings.json."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerscope import storage
from layerscope.cleaning.broken import broken
from layerscope.cleaning.duplicates import copies, shared_groups
from layerscope.cleaning.findings import (
    ISSUES,
    Finding,
    merged,
    ordered,
    rows_before,
    write_rows,
)
from layerscope.cleaning.odd import odd
from layerscope.cleaning.pool import Pool, pool_of
from layerscope.cleaning.shortcuts import Shortcut, shortcuts
from layerscope.cleaning.suspects import suspects
from layerscope.data.decisions import Row
from layerscope.errors import LayerscopeError

if TYPE_CHECKING:
    from layerscope.data import Dataset
    from layerscope.study import Study

KEEP_DROP = "keep_drop.csv"
SCANNED = ("leaking", "broken", "duplicate", "mislabelled", "odd", "shortcuts")


@dataclass(frozen=True)
class Scanned:
    """What a scan gave: findings in order, how many examples, and what more there is to tell."""

    folder: Path
    findings: list[Finding]
    rows: list[Row]
    pool: Pool
    errors: dict[str, Any] | None = None
    shortcuts: list[Shortcut] = field(default_factory=list)

    @property
    def decided(self) -> int:
        """How many rows of keep_drop.csv are decided."""
        return sum(bool(row.decision) for row in self.rows)

    def counts(self) -> dict[str, int]:
        """Count the findings of each issue."""
        counted = Counter(each.issue for each in self.findings)
        return {issue: counted[issue] for issue in ISSUES if issue in counted}


def scan(
    study: "Study", out: str | Path, issues: Sequence[str] = SCANNED, network: str = "auto"
) -> Scanned:
    """Look for defects in the data of a study, as they are without decisions; write the folder.

    `out` gets keep_drop.csv, in which decisions of an earlier scan stay, and findings.json.
    Nothing of the data is changed, moved or deleted. `network` is of `suspects`.

    Raises:
        LayerscopeError: an issue that is none, or data that cannot be prepared.

    """
    from layerscope.data import prepare

    wrong = [issue for issue in issues if issue not in SCANNED]
    if wrong:
        raise LayerscopeError(f"issues = {', '.join(wrong)}: of {', '.join(SCANNED)}")
    folder = Path(out)
    before = rows_before(folder / KEEP_DROP)
    dataset = prepare(study.data.model_copy(update={"decisions": None}))
    pool = pool_of(dataset)
    found, errors = look(dataset, pool, issues), None
    if "mislabelled" in issues:
        wrong_labels, errors = suspects(study, dataset, pool, folder / "folds", network)
        found = ordered([*found, *wrong_labels])
    files = study.data.kind in ("photos", "waveforms")
    cues = (
        shortcuts(pool, study.data.folder() if files else None, study.data.seed)
        if "shortcuts" in issues
        else []
    )
    rows = merged(found, before)
    write_rows(folder / KEEP_DROP, rows)
    storage.write_json(
        folder / "findings.json",
        {
            "examples": len(pool),
            "fingerprint": dataset.fingerprint,
            "classes": list(dataset.classes),
            "errors": errors,
            "shortcuts": [asdict(each) for each in cues],
            "findings": [asdict(each) for each in found],
        },
    )
    return Scanned(folder, found, rows, pool, errors, cues)


def look(dataset: "Dataset", pool: Pool, issues: Sequence[str]) -> list[Finding]:
    """Find what needs no network: broken, leaking, duplicate and odd examples."""
    found: list[Finding] = []
    if {"leaking", "duplicate"} & {*issues}:
        found += [each for each in copies(pool) + shared_groups(pool) if each.issue in issues]
    if "broken" in issues:
        found += broken(dataset, pool)
    if "odd" in issues:
        found += odd(pool)
    return ordered(found)
