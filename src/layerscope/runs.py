"""All runs and sweeps of a folder: their state, their figures and the settings they differ in."""

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from layerscope import storage
from layerscope.errors import LayerscopeError
from layerscope.run import Run, flat

STATES = ("finished", "running", "resumable", "failed", "begun", "unreadable")
"""Resumable: it has a checkpoint; begun: killed before the first one, so it starts anew."""

_CONDITION = re.compile(r"\s*([\w.]+)\s*(!=|>=|<=|=|>|<)\s*(.*?)\s*")


def list_runs(
    folder: str | Path,
    *,
    trials: bool = False,
    where: Sequence[str] = (),
    sort: str = "",
) -> list[dict[str, Any]]:
    """Describe every run and sweep below a folder, a row each, in the order of their paths.

    A row has `run`, `kind`, `state`, `reason`, `epochs`, `split`, `accuracy`, `balanced_accuracy`
    and `settings`: those, by dotted key, that are not the same in all rows shown. The runs inside
    sweeps are left out unless `trials`, or the folder is a sweep.

    Args:
        folder: where to look.
        trials: list the runs inside sweeps too.
        where: conditions such as "state=failed", "model.blocks>5"; all must hold.
        sort: a key to sort by, "-" before it for the largest first; rows without it come last.

    Raises:
        LayerscopeError: no such folder, a condition that cannot be read, a key that no row has.

    """
    root = Path(folder)
    if not root.is_dir():
        raise LayerscopeError(f"there is no folder {folder}: name one that holds runs")
    inside = trials or (root / "sweep.toml").is_file()
    rows = [_described(root, path) for path in _found(root, inside)]
    for condition in where:
        rows = _filtered(rows, condition)
    if sort:
        rows = _sorted(rows, sort)
    keys = dict.fromkeys(key for row in rows for key in row["settings"])
    same = {key for key in keys if len({json.dumps(row["settings"].get(key)) for row in rows}) == 1}
    for row in rows:
        row["settings"] = {
            key: row["settings"].get(key) for key in keys if key not in same and key != "name"
        }
    return rows


def _found(root: Path, inside: bool) -> Iterator[Path]:
    """Give the folders of runs and sweeps; nothing is looked for inside of a run."""
    for name, folders, files in os.walk(root):
        folders.sort()
        path = Path(name)
        if "study.toml" in files:
            folders.clear()
            yield path
        elif "sweep.toml" in files:
            folders[:] = [part for part in folders if inside and part == "trials"]
            yield path


def _described(root: Path, path: Path) -> dict[str, Any]:
    name = str(path.relative_to(root)) if path != root else path.resolve().name
    row: dict[str, Any] = {"run": name, "kind": "run", "state": "unreadable", "reason": ""}
    row |= dict.fromkeys(("epochs", "split", "accuracy", "balanced_accuracy"))
    row["settings"] = {}
    if (path / "sweep.toml").is_file():
        row["kind"] = "sweep"
    try:
        row |= _sweep(path) if row["kind"] == "sweep" else _run(path)
    except (LayerscopeError, OSError, ValueError, KeyError) as error:
        row["reason"] = f"{error}".splitlines()[0]
    return row


def _run(path: Path) -> dict[str, Any]:
    run = Run(path)
    row: dict[str, Any] = {"settings": flat(run.study.model_dump(mode="json"))}
    row["epochs"] = len(run.history()) if run.history_file.is_file() else 0
    row["state"], row["reason"] = _state(run)
    if row["state"] == "finished":
        told = run.evaluation()
        row["split"] = run.evaluated_split()
        row["accuracy"] = told.accuracy.value
        row["balanced_accuracy"] = told.balanced_accuracy.value
    return row


def _state(run: Run) -> tuple[str, str]:
    """Tell a run's state, and why it failed or what is to be done."""
    if (process := storage.holder(run.path)) and not run.finished():
        return "running", f"process {process}"
    if run.finished():
        return "finished", ""
    if failed := run.provenance().get("failed"):
        return "failed", failed
    if (run.checkpoint_folder / "state.safetensors").is_file():
        epochs = run.study.training.epochs
        return "resumable", f"of {epochs} epochs; train --resume goes on"
    return "begun", "no checkpoint yet; train starts anew"


def _sweep(path: Path) -> dict[str, Any]:
    """Describe a sweep by its trials; its figures are those of the setting it chose, on val."""
    from layerscope.training.sweep.folder import SweepFolder

    folder = SweepFolder(path)
    states = [folder.state(trial).name for trial in folder.trials]
    finished, failed = states.count("finished"), states.count("failed")
    told = f"{finished} of {len(states)} trials finished" + (f", {failed} failed" if failed else "")
    document = (
        json.loads(folder.document_file.read_text(encoding="utf-8"))
        if folder.document_file.is_file()
        else {}
    )
    stopped = sum(row["state"] == "stopped" for row in document.get("trials", []))
    ended = finished + failed + stopped == len(states) and bool(document)
    process = storage.holder(path)
    state = "running" if process else "finished" if ended else "resumable"
    row: dict[str, Any] = {"state": state, "reason": told}
    row["settings"] = flat(folder.study.model_dump(mode="json", exclude={"sweep"}))
    choice = document.get("choice")
    if choice:
        row["split"] = "val"
        row[document["metric"]] = choice["mean"]
    return row


def _filtered(rows: list[dict[str, Any]], condition: str) -> list[dict[str, Any]]:
    read = _CONDITION.fullmatch(condition)
    if not read:
        raise LayerscopeError(
            f'"{condition}" is no condition: KEY=VALUE, or with !=, >, <, >= or <= between them'
        )
    key, sign, text = read.groups()
    _known(rows, key)
    return [row for row in rows if _holds(_value(row, key), sign, text)]


def _holds(value: Any, sign: str, text: str) -> bool:
    """Compare as numbers where both are, else as text.

    >>> _holds(7, ">", "5.5"), _holds("muon", "=", "muon"), _holds(None, "<", "1")
    (True, True, False)
    """
    if sign in ("=", "!="):
        return (_same(value, text)) == (sign == "=")
    try:
        left, right = float(value), float(text)
    except (TypeError, ValueError):
        return False
    return {
        ">": left > right,
        "<": left < right,
        ">=": left >= right,
        "<=": left <= right,
    }[sign]


def _same(value: Any, text: str) -> bool:
    try:
        return float(value) == float(text)
    except (TypeError, ValueError):
        word = "" if value is None else value if isinstance(value, str) else json.dumps(value)
        return word == text


def _sorted(rows: list[dict[str, Any]], sort: str) -> list[dict[str, Any]]:
    key, largest_first = sort.removeprefix("-"), sort.startswith("-")
    _known(rows, key)
    numbers = all(isinstance(_value(row, key), int | float | None) for row in rows)

    def order(row: dict[str, Any]) -> Any:
        return _value(row, key) if numbers else str(_value(row, key))

    known = [row for row in rows if _value(row, key) is not None]
    known.sort(key=order, reverse=largest_first)
    return known + [row for row in rows if _value(row, key) is None]


def _value(row: dict[str, Any], key: str) -> Any:
    return row[key] if key in row and key != "settings" else row["settings"].get(key)


def _known(rows: Sequence[dict[str, Any]], key: str) -> None:
    """Refuse a key that no row has."""
    import difflib

    keys = [name for row in rows for name in (*row, *row["settings"]) if name != "settings"]
    if rows and key not in keys:
        close = difflib.get_close_matches(key, dict.fromkeys(keys), n=1)
        guess = f"; did you mean {close[0]}?" if close else ""
        raise LayerscopeError(
            f'no run has the key "{key}"{guess} A column, or a setting as model.blocks'
        )
