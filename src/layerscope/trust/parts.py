"""The parts of a verdict in their folder: what is finished is kept, whatever comes after."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from layerscope.storage import write_json, write_whole

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Parts:
    """A folder of named arrays; `open` empties one that was made of anything else."""

    folder: Path

    @staticmethod
    def open(folder: Path, key: Mapping[str, Any]) -> "Parts":
        """Open the folder for parts of this key."""
        file = folder / "key.json"
        try:
            before = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            before = None
        if before != json.loads(json.dumps(key)):
            shutil.rmtree(folder, ignore_errors=True)
            write_json(file, key)
        return Parts(folder)

    def has(self, name: str) -> bool:
        """Tell whether a part is there and whole."""
        return self.read(name) is not None

    def read(self, name: str) -> Arrays | None:
        """Read a part; None where it is not there or damaged."""
        try:
            with np.load(self.folder / f"{name}.npz", allow_pickle=False) as stored:
                return {key: stored[key] for key in stored.files}
        except (OSError, ValueError, EOFError, BadZipFile):
            return None

    def made(self, name: str, make: Callable[[], Mapping[str, np.ndarray]]) -> Arrays:
        """Read a part, or make it and write it whole."""
        found = self.read(name)
        if found is None:
            found = dict(make())
            arrays: dict[str, Any] = found
            write_whole(
                self.folder / f"{name}.npz", lambda file: np.savez_compressed(file, **arrays)
            )
        return found
