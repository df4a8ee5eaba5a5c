"""The study's table: a figure and a size per depth and width, with the seeds' mean and range."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ROWS, COLUMNS = "blocks", "channels"


@dataclass(frozen=True)
class Table:
    """One table of a sweep: what all of it shares, its row and column keys, and its cells as text.

    `cells[row][column]` is a pair: the figure, or why there is none, and the parameters.
    """

    title: str
    row_key: str
    column_key: str
    rows: tuple[Any, ...]
    columns: tuple[Any, ...]
    cells: tuple[tuple[tuple[str, str], ...], ...]


def tables(found: Mapping[str, Any]) -> list[Table]:
    """Lay the settings of a sweep's document out in tables, depth down and width across.

    Where blocks or channels are not swept, the first keys that are take their place; a table for
    each combination of the other keys' values.
    """
    rows = found["settings"]
    keys = list(dict.fromkeys(key for row in rows for key in row["values"]))
    down = ROWS if ROWS in keys else keys[0]
    rest = [key for key in keys if key != down]
    across = COLUMNS if COLUMNS in rest else (rest[0] if rest else "")
    others = [key for key in rest if key != across]
    chosen = found["choice"]["chosen"] if found["choice"] else None
    groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(_text(row["values"].get(key)) for key in others), []).append(row)
    return [
        _table(_title(others, values), down, across, group, chosen)
        for values, group in groups.items()
    ]


def figure(row: Mapping[str, Any]) -> str:
    """Write a setting's mean, and the range of its seeds where there are several.

    >>> figure({"state": "finished", "mean": 0.9, "low": 0.88, "high": 0.91, "seeds": 3})
    '0.9000 (0.8800 to 0.9100)'
    >>> figure({"state": "stopped", "mean": None, "seeds": 1})
    'stopped'
    """
    if row["mean"] is None:
        return str(row["state"])
    spread = f" ({row['low']:.4f} to {row['high']:.4f})" if row["seeds"] > 1 else ""
    return f"{row['mean']:.4f}{spread}"


def _table(
    title: str, down: str, across: str, group: Sequence[Mapping[str, Any]], chosen: int | None
) -> Table:
    rows = _ordered([row["values"].get(down) for row in group])
    columns = _ordered([row["values"].get(across) for row in group])
    at = {(_text(r["values"].get(down)), _text(r["values"].get(across))): r for r in group}
    cells = tuple(
        tuple(_cell(at.get((_text(row), _text(column))), chosen) for column in columns)
        for row in rows
    )
    return Table(title, down, across, tuple(map(_text, rows)), tuple(map(_text, columns)), cells)


def _cell(row: Mapping[str, Any] | None, chosen: int | None) -> tuple[str, str]:
    if row is None:
        return "", ""
    mark = " *" if row["setting"] == chosen else ""
    return figure(row) + mark, f"{row['parameters']:,}"


def _ordered(values: Sequence[Any]) -> list[Any]:
    """Give each value once: numbers by size, anything else as it came."""
    once = list({_text(value): value for value in values}.values())
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in once):
        return sorted(once)
    return once


def _title(keys: Sequence[str], values: Sequence[str]) -> str:
    return ", ".join(f"{key} {value}" for key, value in zip(keys, values, strict=True))


def _text(value: Any) -> str:
    return "" if value is None else str(value)
