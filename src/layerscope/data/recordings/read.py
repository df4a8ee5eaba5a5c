"""From the files of a study to its epochs: found, read, labelled, joined and cleaned."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from layerscope.data.recordings import arrays, bids, steps
from layerscope.data.recordings.epochs import Epochs, Lost, joined
from layerscope.data.recordings.mne_files import RAW, read_mne
from layerscope.data.recordings.settings import RecordingsSettings
from layerscope.errors import LayerscopeError

SUFFIXES = (*arrays.SUFFIXES, *RAW)
Classes = Mapping[str, Sequence[str]] | None


def read(root: Path, settings: RecordingsSettings, classes: Classes = None) -> Epochs:
    """Read every recording of a folder (or one file) and do to it what the settings say.

    `classes` maps a class to the names of its events, as `data.classes`; None takes all that there
    are. The result's `labels` are class names and its `classes` all of them, in their order.

    Raises:
        LayerscopeError: there is nothing to read, a file cannot be read, or files do not fit
            together.

    """
    wanted = None if classes is None else {n.strip() for names in classes.values() for n in names}
    epochs = _labelled(_read(root, settings, wanted), classes)
    return steps.rejected(steps.baselined(epochs, settings), settings)


def unlabelled(root: Path, settings: RecordingsSettings) -> Epochs:
    """Read every recording as `read` does, whatever its events; `labels` are the events' names."""
    epochs = _read(root, settings, None)
    return steps.rejected(steps.baselined(epochs, settings), settings)


def labelled_as(epochs: Epochs, mapping: Classes, classes: Sequence[str]) -> Epochs:
    """Name the class of each epoch; those of no class are lost.

    `mapping` is `data.classes`; None: the events are named as the classes.
    """
    pairs = mapping.items() if mapping else ((name, (name,)) for name in classes)
    owner = {name.strip(): concept for concept, names in pairs for name in names}
    reasons = [
        "" if label in owner else f'"{label}" is no class of the run' for label in epochs.labels
    ]
    kept = epochs.keep(np.array([not reason for reason in reasons], dtype=bool), reasons)
    labels = tuple(owner[label] for label in kept.labels)
    return replace(kept, labels=labels, classes=tuple(classes))


def _read(root: Path, settings: RecordingsSettings, wanted: set[str] | None) -> Epochs:
    """Read all files and join them."""
    if settings.bids:
        parts = bids.read_bids(root, settings, wanted)
    else:
        parts = [_one(path, name, settings, wanted) for path, name in find_files(root, settings)]
    parts = [steps.cropped(steps.resampled(part, settings), settings) for part in parts]
    return _named(joined(parts), settings)


def find_files(root: Path, settings: RecordingsSettings) -> list[tuple[Path, str]]:
    """List the recordings of a folder with their names in it, sorted; of one file itself.

    Raises:
        LayerscopeError: a pattern matches nothing, or nothing can be read.

    """
    if root.is_file():
        return [(root, root.name)]
    if not settings.files:
        found = [path for path in root.rglob("*") if path.name.lower().endswith(SUFFIXES)]
        if not found:
            raise LayerscopeError(
                f"data.root: no recording lies in {root}: files that end in {', '.join(SUFFIXES)}"
            )
    else:
        found = []
        for pattern in settings.files:
            matched = [path for path in root.glob(pattern) if path.is_file()]
            if not matched:
                raise LayerscopeError(
                    f'data.recordings.files: "{pattern}" matches no file in {root}'
                )
            strange = [path for path in matched if not path.name.lower().endswith(SUFFIXES)]
            if strange:
                raise LayerscopeError(
                    f"{strange[0]} is no recording that can be read: files end in "
                    f"{', '.join(SUFFIXES)}"
                )
            found += matched
    return [(path, path.relative_to(root).as_posix()) for path in sorted(set(found))]


def _one(path: Path, name: str, settings: RecordingsSettings, wanted: set[str] | None) -> Epochs:
    """Read one file; arrays are referenced and filtered here, what MNE reads in its reader."""
    if path.suffix.lower() not in arrays.SUFFIXES:
        return read_mne(path, name, settings, wanted)
    epochs = arrays.read_arrays(path, name, settings.unit)
    x, log = steps.referenced(epochs.x, epochs.channels, settings)
    x, more, notes = steps.filtered(x, epochs.sfreq, settings)
    kept = settings.channels or epochs.channels
    places = steps.places_of(kept, epochs.channels, f"{name}: data.recordings.channels")
    x = np.ascontiguousarray(x[:, places], dtype=np.float32)
    return replace(epochs, x=x, channels=tuple(kept)).told(*log, *more, notes=notes)


def _named(epochs: Epochs, settings: RecordingsSettings) -> Epochs:
    """Find the subject and session in a recording's name where the file does not say them."""
    found = {}
    for key in ("subject", "session"):
        pattern = re.compile(getattr(settings, key), re.IGNORECASE)
        found[f"{key}s"] = tuple(
            said or ((match := pattern.search(recording)) and match[1]) or ""
            for said, recording in zip(getattr(epochs, f"{key}s"), epochs.recordings, strict=True)
        )
    return replace(epochs, subjects=found["subjects"], sessions=found["sessions"])


def _labelled(epochs: Epochs, classes: Classes) -> Epochs:
    """Name the class of each epoch, and the classes in their order."""
    present = {*epochs.labels, *(each.label for each in epochs.lost)}
    if classes is None:
        order = epochs.classes or tuple(sorted(present, key=_natural))
        _refuse_few(order)
        return replace(epochs, classes=order)
    owner = {name.strip(): concept for concept, names in classes.items() for name in names}
    missing = [name for name in owner if name not in present]
    if missing:
        known = ", ".join([*epochs.classes] or sorted(present, key=_natural)) or "none of them"
        raise LayerscopeError(
            f"data.classes: no epoch is labelled {', '.join(missing)}; there are {known}"
        )
    others = np.array([label not in owner for label in epochs.labels], dtype=bool)
    if others.any():
        line = f"left out {others.sum()} of {len(epochs)} epochs, of events of no class"
        epochs = epochs.keep(~others).told(line)
    lost = [Lost(e.id, owner[e.label], e.recording, e.reason) for e in epochs.lost]
    labels = tuple(owner[label] for label in epochs.labels)
    return replace(epochs, labels=labels, lost=tuple(lost), classes=tuple(classes))


def _refuse_few(classes: Sequence[str]) -> None:
    if len(classes) < 2:
        raise LayerscopeError(
            f"the recordings hold epochs of {len(classes)} class ({', '.join(classes)}): at least "
            "two are needed"
        )


def _natural(name: str) -> tuple[tuple[int, str], ...]:
    """Order names so that 2 comes before 10.

    >>> sorted(["S10", "S2"], key=_natural)
    ['S2', 'S10']
    """
    return tuple((int(p), "") if p.isdigit() else (-1, p) for p in re.split(r"(\d+)", name))
