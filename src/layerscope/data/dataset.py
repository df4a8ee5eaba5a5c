"""A data set: its examples, its splits and what a network is shown of them."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from layerscope import storage
from layerscope.data.inputs import InputSpec
from layerscope.data.settings import DataSettings
from layerscope.errors import LayerscopeError

COLUMNS = ("id", "split", "label", "sha256", "source", "reason", "group", "note")


@dataclass(frozen=True, slots=True)
class Example:
    """One example, or one file that is refused: then `reason` says why.

    `id` is the path below data.root; `source` the folder or file it came from; `sha256` is of its
    content. The split of a refused file is "" where splits are drawn. `group` is its speaker,
    subject or recording, "" where that is not known; `note` says what was done to a usable one.
    """

    id: str
    split: str
    label: str
    sha256: str
    source: str
    reason: str = ""
    group: str = ""
    note: str = ""


@dataclass(frozen=True, eq=False)
class Split:
    """The examples of one split: ids, labels int64 (N,), and where their values lie.

    `values` may be mapped from disk: uint8 (rows, y, x, channel), int16 (rows, time) or float32
    (rows, channel, time); `rows` int64 (N,) says which row is whose. `notes` tell what a person
    should know of the split. `groups`: the speaker, subject or recording of each, "" if unknown.

    >>> values = np.arange(4, dtype=np.uint8).reshape(2, 1, 2, 1)
    >>> split = Split("val", ["a", "b"], np.array([0, 1]), values, rows=np.array([0, 1]))
    >>> split.batch([1]).tolist()
    [[[[2, 3]]]]
    """

    name: str
    ids: Sequence[str]
    labels: np.ndarray
    values: np.ndarray
    rows: np.ndarray
    notes: tuple[str, ...] = ()
    groups: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not self.groups:
            object.__setattr__(self, "groups", ("",) * len(self.ids))

    def __len__(self) -> int:
        return len(self.ids)

    def batch(self, positions: Any) -> torch.Tensor:
        """Read the values at some positions, in the type they are stored in.

        Photographs "batch channel y x" in channels_last memory; waveforms, of one channel, and
        recordings "batch channel time".

        Raises:
            IndexError: a position is not in 0..N-1.

        """
        positions = np.asarray(positions, dtype=np.int64)
        if len(positions) and positions.min() < 0:
            raise IndexError(f"position {positions.min()}: from 0 to {len(self) - 1}")
        values = torch.from_numpy(self.values.take(self.rows[positions], axis=0))
        if values.ndim == 4:
            return values.permute(0, 3, 1, 2)  # (B, y, x, C) -> (B, C, y, x)
        return values.unsqueeze(1) if values.ndim == 2 else values  # (B, C, time)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Everything a study's data give: classes, input, examples (refused ones too) and splits.

    `warnings` are what a person should know of the whole, `log` what was done to it; `background`
    reads sounds that training may mix in, int16 (time,).
    """

    settings: DataSettings
    classes: tuple[str, ...]
    spec: InputSpec
    examples: Sequence[Example]
    splits: dict[str, Split]
    fingerprint: str
    warnings: tuple[str, ...] = ()
    background: Callable[[], np.ndarray] | None = None
    log: tuple[str, ...] = ()

    def __getitem__(self, split: str) -> Split:
        """Give a split by name: train, val or test."""
        if split not in self.splits:
            raise LayerscopeError(f'no split "{split}": there are {", ".join(self.splits)}')
        return self.splits[split]

    def counts(self) -> dict[str, Any]:
        """Count the examples of each class and split, before and after balance, and the refused.

        See `layerscope.data.counts.counts`, whose `count_table` writes them as text.
        """
        from layerscope.data.counts import counts

        return counts(self)

    def write_table(self, path: Path) -> None:
        """Write data.csv whole: its columns are COLUMNS; a row an example."""
        rows = ({name: getattr(example, name) for name in COLUMNS} for example in self.examples)
        storage.write_csv(Path(path), COLUMNS, rows)


def fingerprint(examples: Sequence[Example], classes: Sequence[str]) -> str:
    """Digest what the usable examples are: classes, ids, splits, labels and contents (sha256).

    >>> one = Example("cat/1.jpg", "train", "cat", "00", "cat")
    >>> fingerprint([one], ["cat"]) == fingerprint([one], ["dog"])
    False
    """
    digest = hashlib.sha256("\0".join(classes).encode())
    for example in examples:
        if not example.reason:
            fields = (example.id, example.split, example.label, example.sha256)
            digest.update(("\n" + "\0".join(fields)).encode())
    return digest.hexdigest()
