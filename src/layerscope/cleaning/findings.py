"""A finding: one issue of one example, with what is suggested and why; and how they are ordered."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from layerscope import storage
from layerscope.data.decisions import COLUMNS, Row, read_rows

ISSUES = ("leaking", "broken", "duplicate", "mislabelled", "odd")
"""In the order in which a person should look at them."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Say what is wrong with an example: `score` from 0 to 1, 1 the surest; `why` in words.

    `related` are ids that belong to it (its copies); findings of one `group` are shown together.
    """

    id: str
    sha256: str
    issue: str
    score: float
    suggestion: str
    why: str
    label: str = ""
    split: str = ""
    related: tuple[str, ...] = ()
    group: str = ""


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """Order findings: leaking first, then the worst; the members of a group stand together.

    >>> a, b = (Finding(k, "", "odd", s, "keep", "") for k, s in (("a", 0.2), ("b", 0.9)))
    >>> [each.id for each in ordered([a, b])]
    ['b', 'a']
    """
    found = list(findings)
    worst: dict[tuple[str, str], float] = {}
    for each in found:
        key = (each.issue, each.group or each.id)
        worst[key] = max(worst.get(key, 0.0), each.score)

    def rank(each: Finding) -> tuple[int, float, str, bool, str]:
        group = each.group or each.id
        first = ISSUES.index(each.issue)
        return (first, -worst[each.issue, group], group, each.suggestion != "keep", each.id)

    return sorted(found, key=rank)


def merged(findings: Sequence[Finding], before: Sequence[Row]) -> list[Row]:
    """Make the rows of keep_drop.csv; decisions that were made before are kept.

    A decision belongs to an id, its issue and its content. One whose issue is no longer found, or
    whose file has changed, keeps its row too, at the end: nobody's work is lost.
    """
    made = {(row.id, row.issue, row.sha256): row for row in before if row.decision}
    rows = []
    for each in findings:
        old = made.pop((each.id, each.issue, each.sha256), None)
        told = (each.id, each.sha256, each.issue, f"{each.score:.4f}", each.suggestion)
        rows.append(Row(*told, *((old.decision, old.who, old.when) if old else ())))
    return [*rows, *made.values()]


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write keep_drop.csv whole."""
    lines = ({name: getattr(row, name) for name in COLUMNS} for row in rows)
    storage.write_csv(path, COLUMNS, lines)


def rows_before(path: Path) -> list[Row]:
    """Read the rows of an earlier scan; none where there was none."""
    return read_rows(path) if path.exists() else []
