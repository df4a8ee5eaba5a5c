"""A manifest: a CSV table that says of each sound its path, label, split, speaker and part."""

import csv
import math
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from layerscope.data.folders import File, as_text, listed, stamp_of, unreadable
from layerscope.data.settings import DataSettings
from layerscope.data.waveforms.layouts import Listed, part_of, seconds_of
from layerscope.errors import LayerscopeError

NEEDED = ("path", "label")
KNOWN = (*NEEDED, "split", "speaker", "start", "end")
_WORDS = {
    "": ("",),
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}
_SPLITS = {word: split for split, words in _WORDS.items() for word in words}


def manifest(settings: DataSettings) -> Listed:
    """List what the table names; a line that cannot be used is refused, by its number.

    Classes are its labels, sorted, or those of `data.classes`, each a label or several. A split
    that stands in the table is not drawn. Other columns are passed over.

    Raises:
        LayerscopeError: no such table, a column that is needed is missing, or fewer than two
            labels.

    """
    root = settings.folder()
    assert settings.waveforms is not None
    name = str(settings.waveforms.manifest)
    rows = _rows(root / name)
    if settings.train is not None:
        raise LayerscopeError("data.train: the manifest's column split says it, leave train out")
    label_of = _labels(rows, settings)
    files: list[File] = []
    met: Counter[str] = Counter()
    for number, row in enumerate(rows, start=2):
        if row["label"] in label_of:
            file = _file(root, name, row, label_of[row["label"]])
            met[file.id] += not file.reason
            if met[file.id] > 1:
                file = _refused(file, "listed twice")
            files.append(replace(file, id=f"{file.id} (line {number})") if file.reason else file)
    given = {file.split for file in files}
    fractions = {"test": settings.test_fraction, "val": settings.val_fraction}
    left = {split: share for split, share in fractions.items() if split not in given}
    files.sort(key=lambda file: file.id)
    classes = tuple(dict.fromkeys(label_of.values()))
    return Listed(classes, files, [f"manifest {name}"], fractions=left)


def _rows(path: Path) -> list[dict[str, str]]:
    """Read the table, its cells without spaces around them."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file)
            columns = list(table.fieldnames or [])
            rows = [{name: (row.get(name) or "").strip() for name in KNOWN} for row in table]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LayerscopeError(f"data.waveforms.manifest: cannot read {path}: {error}") from error
    lacking = [name for name in NEEDED if name not in columns]
    if lacking:
        raise LayerscopeError(
            f"{path} has no column {' and '.join(lacking)}: it has {listed(columns)}; "
            f"a manifest has {', '.join(NEEDED)} and may have {', '.join(KNOWN[2:])}"
        )
    return rows


def _labels(rows: Sequence[Mapping[str, str]], settings: DataSettings) -> dict[str, str]:
    """Give the class of each label of the table that is wanted."""
    present = sorted({row["label"] for row in rows} - {""})
    if settings.classes is None:
        if len(present) < 2:
            raise LayerscopeError(
                f"the manifest has {listed(present)} as labels: two at least are needed"
            )
        return {label: label for label in present}
    wanted = {label: name for name, labels in settings.classes.items() for label in labels}
    missing = [label for label in wanted if label not in present]
    if missing:
        raise LayerscopeError(
            f"data.classes: no line of the manifest has the label {listed(missing)}; "
            f"its labels are {listed(present)}"
        )
    return wanted


def _file(root: Path, name: str, row: Mapping[str, str], label: str) -> File:
    """Read one line; what is wrong with it becomes its reason."""
    path = row["path"]
    split = _SPLITS.get(row["split"].lower())
    file = File(as_text(path), path, split or "", label, name, b"", "", group=row["speaker"])
    for reason in _mistakes(root, row, split):
        return _refused(file, reason)
    try:
        file = _stamped(file, os.stat(root / path))
    except OSError as error:
        return _refused(file, unreadable(error))
    if not (row["start"] or row["end"]):
        return file
    begin = float(row["start"] or 0)
    end = float(row["end"]) if row["end"] else seconds_of(root / path)
    if not 0 <= begin < end:
        return _refused(file, f"start = {begin:g}, end = {end:g} s: no sound lies between")
    return part_of(file, begin, end)


def _mistakes(root: Path, row: Mapping[str, str], split: str | None) -> Iterator[str]:
    path = PurePosixPath(row["path"])
    if not row["path"] or path.is_absolute() or ".." in path.parts:
        yield f'path = "{row["path"]}": it should be a file inside {root}'
    if split is None:
        yield f'split = "{row["split"]}": train, val, test or nothing'
    for name in ("start", "end"):
        if row[name] and not _is_seconds(row[name]):
            yield f'{name} = "{row[name]}": it should be seconds, 0 or more'


def _is_seconds(text: str) -> bool:
    try:
        value = float(text)
    except ValueError:
        return False
    return math.isfinite(value) and value >= 0


def _stamped(file: File, state: os.stat_result) -> File:
    return replace(file, stamp=stamp_of(state))


def _refused(file: File, reason: str) -> File:
    return replace(file, reason=reason)
