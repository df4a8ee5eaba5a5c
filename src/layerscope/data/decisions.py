"""keep_drop.csv: what people decided of examples, and what a data set becomes by it."""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from layerscope.data.folders import listed
from layerscope.data.found import Found
from layerscope.errors import LayerscopeError

KEEP, DROP, RELABEL = "keep", "drop", "relabel:"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of keep_drop.csv: an issue of an example and, unless it is "", what was decided.

    `suggestion` and `decision` are "keep", "drop" or "relabel:CLASS"; `sha256` is of the content
    that was looked at; `score` from 0 to 1, 1 the surest; `who` decided `when` (ISO 8601).

    >>> Row("cat/1.jpg", "00", "mislabelled", "0.9", "relabel:dog", "relabel:dog").new_label
    'dog'
    """

    id: str
    sha256: str
    issue: str
    score: str = ""
    suggestion: str = ""
    decision: str = ""
    who: str = ""
    when: str = ""

    @property
    def new_label(self) -> str:
        """The class that was decided on, "" where none was."""
        return self.decision.removeprefix(RELABEL) if self.decision.startswith(RELABEL) else ""


COLUMNS = tuple(field.name for field in fields(Row))


def read_rows(path: Path) -> list[Row]:
    """Read keep_drop.csv; a decision that is none is refused with its line.

    Raises:
        LayerscopeError: no such file, another table, or a word that is no decision.

    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise LayerscopeError(
                    f"{path}: the columns are {listed(reader.fieldnames or ())}; a table of "
                    f"decisions has {', '.join(COLUMNS)}, parted by commas"
                )
            return [_row(path, reader.line_num, line) for line in reader]
    except FileNotFoundError:
        raise LayerscopeError(
            f"there is no table of decisions {path}: `layerscope clean` writes one"
        ) from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LayerscopeError(f"cannot read the decisions {path}: {error}") from error


def _row(path: Path, number: int, line: dict[str, str | None]) -> Row:
    row = Row(**{name: (line[name] or "") for name in COLUMNS})
    row = replace(row, decision=row.decision.strip())
    if row.decision not in ("", KEEP, DROP) and not row.new_label:
        raise LayerscopeError(
            f'{path}, line {number}: decision = "{row.decision}" of {row.id}: '
            f"keep, drop, {RELABEL}CLASS, or nothing"
        )
    return row


def decided(found: Found, path: Path) -> Found:
    """Apply the decisions of a table to what was found; nothing is deleted, all of it is told.

    One "drop" drops an example, whatever else was decided of it; else one "relabel:CLASS" gives it
    that class. A decision counts for the content that was looked at: of a file that has changed
    since, or is gone, it is not applied, and a warning tells.

    Raises:
        LayerscopeError: see `read_rows`; a class that is none; two new classes for one example.

    """
    rows = [row for row in read_rows(path) if row.decision]
    place = {name: k for k, name in enumerate(found.ids)}
    gone = [row.id for row in rows if row.id not in place]
    changed = [
        row.id
        for row in rows
        if row.id in place and row.sha256 != found.sha256[place[row.id]].hex()
    ]
    stale = {*gone, *changed}
    valid = [row for row in rows if row.id not in stale]
    drops = {row.id: row for row in valid if row.decision == DROP}
    moves = _moves(path, [row for row in valid if row.new_label], found.classes)
    labels, reasons, notes = found.labels.copy(), list(found.reasons), list(found.notes)
    counted: Counter[str] = Counter()
    for name, row in (moves | drops).items():
        k = place[name]
        if reasons[k]:
            continue  # refused anyway
        by = f"{row.issue}{f', {row.who}' if row.who else ''}{f' {row.when}' if row.when else ''}"
        if row.decision == DROP:
            reasons[k] = f"dropped by decision: {by}"
        else:
            old, labels[k] = found.classes[labels[k]], found.classes.index(row.new_label)
            told = f"relabelled: {old} to {row.new_label} ({by})"
            notes[k] = f"{notes[k]}; {told}" if notes[k] else told
        counted[row.decision if row.decision == DROP else "relabel"] += 1
    return replace(
        found,
        labels=labels,
        reasons=reasons,
        notes=notes,
        log=(
            *found.log,
            f"decisions of {path}: {counted[DROP]:,} dropped, {counted['relabel']:,} relabelled",
        ),
        warnings=(*found.warnings, *_warnings(path, gone, changed)),
    )


def decided_rows(rows: Sequence[Row]) -> list[Row]:
    """Give the one row that counts of each example: a drop, else a relabelling, else a keep.

    >>> [row.decision for row in decided_rows([Row("a", "", "odd", decision=d) for d in
    ...     ("keep", "drop", "relabel:cat")])]
    ['drop']
    """
    rank = {DROP: 0, KEEP: 2}
    first: dict[str, Row] = {}
    for row in sorted(rows, key=lambda row: rank.get(row.decision, 1)):
        if row.decision:
            first.setdefault(row.id, row)
    return list(first.values())


def _moves(path: Path, rows: Sequence[Row], classes: Sequence[str]) -> dict[str, Row]:
    """Give the one row that relabels each example."""
    moves: dict[str, Row] = {}
    for row in rows:
        if row.new_label not in classes:
            raise LayerscopeError(
                f'{path}: "{row.decision}" of {row.id}: the classes are {listed(classes)}'
            )
        other = moves.setdefault(row.id, row)
        if other.new_label != row.new_label:
            raise LayerscopeError(
                f"{path}: {row.id} is to become {other.new_label} ({other.issue}) and "
                f"{row.new_label} ({row.issue}): decide for one"
            )
    return moves


def _warnings(path: Path, gone: Sequence[str], changed: Sequence[str]) -> list[str]:
    told = []
    for names, what in ((gone, "are not in the data"), (changed, "have changed since")):
        if names:
            which = listed(dict.fromkeys(names), most=4)
            told.append(
                f"decisions on {len(set(names)):,} examples of {path} are not applied, as these "
                f"{what}: {which}; `layerscope clean` looks again"
            )
    return told


def usable(found: Found) -> np.ndarray:
    """Tell which examples are used, bool (N,)."""
    return np.array([not reason for reason in found.reasons], dtype=bool)
