"""The brains' RDMs from an npz: which array, and which RDMs are sessions of one subject."""

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from layerscope.brain.rdm import condensed
from layerscope.errors import LayerscopeError, Refused

_SESSION = re.compile(r"[\s|_,;-]*\b(?:session|ses|run)[\s:_#-]*\d+\b", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Subjects:
    """RDMs `(subject, pair)`, the subjects' names, and how many RDMs each is the mean of."""

    rdms: np.ndarray
    names: tuple[str, ...]
    sessions: tuple[int, ...]
    key: str


def read_subjects(file: Path, key: str | None = None, sessions: int | None = None) -> Subjects:
    """Read one subject's RDM after the other, sessions averaged.

    `KEY_names` beside the array `KEY` names its RDMs; "hIT | BE | Session: 1" and "... 2" are
    sessions of one subject. `sessions` says instead that so many RDMs in a row are.

    Raises:
        LayerscopeError: no such file or array, or values that are no RDMs.

    """
    arrays = read_arrays(file)
    key = _key(file, arrays, key)
    matrices = np.asarray(arrays[key], dtype=np.float64)
    matrices = matrices[None] if matrices.ndim == 2 else matrices
    if matrices.ndim != 3:
        raise LayerscopeError(
            f"{file}: {key} has the shape {arrays[key].shape}; expected (stimulus, stimulus) or "
            "(rdm, stimulus, stimulus)"
        )
    try:
        rdms = condensed(matrices, f"{key} of {file}")
    except Refused as refusal:
        raise LayerscopeError(str(refusal)) from None
    named = arrays.get(f"{key}_names")
    given = [str(x) for x in named] if named is not None else []
    names = given if len(given) == len(rdms) else [f"{key} {n + 1}" for n in range(len(rdms))]
    owners = _owners(names, sessions)
    each = list(dict.fromkeys(owners))
    places = [[n for n, owner in enumerate(owners) if owner == one] for one in each]
    mean = np.stack([rdms[some].mean(0) for some in places])
    return Subjects(mean, tuple(each), tuple(map(len, places)), key)


def read_arrays(file: Path) -> dict[str, np.ndarray]:
    """Read every array of an npz by its name; nothing in it is run.

    Raises:
        LayerscopeError: no such file, or no npz of plain arrays.

    """
    if not file.is_file():
        raise LayerscopeError(f"there is no file {file}")
    try:
        with np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (ValueError, OSError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise LayerscopeError(f"{file} is not readable as an npz of arrays ({error})") from None


def _key(file: Path, arrays: dict[str, np.ndarray], key: str | None) -> str:
    """Find the array that is meant."""
    square = [
        name
        for name, array in arrays.items()
        if array.ndim in (2, 3) and array.shape[-1] == array.shape[-2] and array.dtype.kind in "fiu"
    ]
    if key is None and len(square) == 1:
        return square[0]
    if key is None or key not in arrays:
        given = "no key is named" if key is None else f"it has no {key}"
        raise LayerscopeError(
            f"{file}: {given}; its arrays of RDMs are {', '.join(square) or 'none'} (--key)"
        )
    return key


def _owners(names: list[str], sessions: int | None) -> list[str]:
    """Name the subject of each RDM."""
    if sessions is None:
        return [_SESSION.sub("", name).strip() or name for name in names]
    if len(names) % sessions:
        raise LayerscopeError(
            f"sessions = {sessions}: {len(names)} RDMs cannot be shared out so; they are "
            f"{', '.join(names[:4])}{', ...' if len(names) > 4 else ''}"
        )
    return [names[sessions * (place // sessions)] for place in range(len(names))]
