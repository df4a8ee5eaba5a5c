"""The count table: examples per class and split, before and after balance, and what was refused."""

from collections import Counter
from typing import Any

import numpy as np

from layerscope.data.balance import epoch_order
from layerscope.data.dataset import Dataset


def counts(dataset: Dataset) -> dict[str, Any]:
    """Count the examples of each class and split, before and after balance, and the refused.

    `rows`: a dict a class with `class`, the splits' names, `balanced` (what one epoch of training
    shows) and `refused`, the last one for all. `imbalance`: largest over smallest class of train,
    before and after. `refused`: a dict a refused file with `id`, `split`, `label`, `reason`;
    `noted`: a dict a usable one with `id`, `split`, `label`, `note`; `log` says what was done to
    the whole, `warnings` what to look at.
    """
    settings, train = dataset.settings, dataset["train"]
    number = len(dataset.classes)
    shown = epoch_order(train.labels, settings.balance, settings.seed, epoch=0)
    balanced = np.bincount(train.labels[shown], minlength=number)
    refused = [example for example in dataset.examples if example.reason]
    refused_of = Counter(example.label for example in refused)
    columns = {
        name: np.bincount(split.labels, minlength=number).tolist()
        for name, split in dataset.splits.items()
    }
    columns["balanced"] = balanced.tolist()
    columns["refused"] = [refused_of[name] for name in dataset.classes]
    rows: list[dict[str, Any]] = [
        {"class": name} | {column: values[place] for column, values in columns.items()}
        for place, name in enumerate(dataset.classes)
    ]
    rows.append({"class": "all"} | {column: sum(values) for column, values in columns.items()})
    return {
        "rows": rows,
        "balance": settings.balance,
        "imbalance": {
            "before": _ratio(columns["train"]),
            "after": _ratio(columns["balanced"]),
        },
        "refused": [
            {"id": e.id, "split": e.split, "label": e.label, "reason": e.reason} for e in refused
        ],
        "noted": [
            {"id": e.id, "split": e.split, "label": e.label, "note": e.note}
            for e in dataset.examples
            if e.note and not e.reason
        ],
        "log": list(dataset.log),
        "warnings": list(dataset.warnings),
    }


def count_table(counted: dict[str, Any], most: int = 20) -> str:
    """Write what `counts` gave as a person reads it; at most `most` refused files are named.

    >>> rows = [{"class": "cat", "train": 9, "balanced": 3, "refused": 0}]
    >>> about = {"balance": "undersample", "imbalance": {"before": 3.0, "after": 1.0}}
    >>> print(count_table({"rows": rows, "refused": [], **about}))
    class  train  undersample  refused
    cat        9            3        0
    largest class to smallest: 3.0 to 1; after undersample: 1.0 to 1
    """
    rows, balance = counted["rows"], counted["balance"]
    columns = [column for column in rows[0] if column != "balanced" or balance != "none"]
    names = {"balanced": balance}
    table = [[names.get(column, column) for column in columns]]
    table += [
        [f"{row[column]:,}" if column != "class" else row["class"] for column in columns]
        for row in rows
    ]
    widths = [max(len(line[k]) for line in table) for k in range(len(columns))]
    lines = [
        "  ".join(
            cell.ljust(width) if k == 0 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in table
    ]
    ratio = counted["imbalance"]
    told = f"largest class to smallest: {ratio['before']:.1f} to 1"
    if balance != "none":
        told += f"; after {balance}: {ratio['after']:.1f} to 1"
    lines += [told, *counted.get("log", [])]
    lines += _named(counted["refused"], "reason", f"{len(counted['refused']):,} refused", most)
    noted = counted.get("noted", [])
    kinds = Counter(kind for file in noted for kind in _kinds(file["note"]))
    told = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common())
    lines += _named(noted, "note", f"{len(noted):,} used, but noted ({told})", most)
    return "\n".join(lines + [f"warning: {text}" for text in counted.get("warnings", [])])


def _kinds(note: str) -> list[str]:
    """Give what a note is about, each part's first word.

    >>> _kinds("resampled: from 8000 Hz: nothing above 4000 Hz; clipped: 3 samples at full scale")
    ['resampled', 'clipped']
    """
    return [part.partition(":")[0] for part in note.split("; ")]


def _named(files: list[dict[str, str]], key: str, told: str, most: int) -> list[str]:
    """Name files with what is said of each, the first few of many."""
    if not files:
        return []
    lines = [f"{told}:"]
    lines += [f"  {file['id']!r}: {file[key]}" for file in files[:most]]
    if len(files) > most:
        lines.append(f"  and {len(files) - most:,} more: data.csv of a run names them all")
    return lines


def _ratio(sizes: list[int]) -> float:
    return max(sizes) / max(min(sizes), 1)
