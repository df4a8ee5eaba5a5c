"""Recordings as a kind of data: what a study's network is shown, and new recordings for it."""

import hashlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from layerscope.data.dataset import Example, Split
from layerscope.data.found import Found
from layerscope.data.inputs import InputSpec
from layerscope.data.recordings.epochs import Epochs
from layerscope.data.recordings.groups import groups_of, named_splits
from layerscope.data.recordings.read import labelled_as, read, unlabelled
from layerscope.data.recordings.settings import RecordingsSettings
from layerscope.data.settings import DataSettings
from layerscope.errors import LayerscopeError

UNIT = "µV"
LEAST_STD = 1e-3  # microvolts, of a channel that never varies


def recordings(settings: DataSettings) -> Found:
    """Read the epochs of a study and say what is known of each.

    A split that the study names by folders or groups is given, the others are drawn. Epochs that
    were dropped are among the examples with their reason.

    Raises:
        LayerscopeError: see `read`, `groups_of` and `named_splits`.

    """
    own = settings.recordings or RecordingsSettings()
    epochs = _distinct(read(settings.folder(), _inside(own, settings), settings.classes))
    groups, lost = groups_of(epochs, own.split_by), epochs.lost
    group_of = dict(zip(epochs.recordings, groups, strict=True))
    by_recording = own.split_by in ("recording", "epoch")
    label_of = {name: label for label, name in enumerate(epochs.classes)}
    count, gone = len(epochs), len(lost)
    given = _folder_splits(epochs.ids, settings) or named_splits(groups, own)
    return Found(
        classes=epochs.classes,
        ids=[*epochs.ids, *(each.id for each in lost)],
        labels=np.array(
            [label_of[n] for n in (*epochs.labels, *(e.label for e in lost))], np.int64
        ),
        splits=[*given, *(_folder_splits([e.id for e in lost], settings) or [""] * gone)],
        sha256=[hashlib.sha256(x.tobytes()).digest() for x in epochs.x] + [b""] * gone,
        sources=[*epochs.recordings, *(each.recording for each in lost)],
        reasons=[*[""] * count, *(each.reason for each in lost)],
        rows=np.concatenate([np.arange(count), np.full(gone, -1)]).astype(np.int64),
        values=epochs.x,
        spec=partial(_spec, epochs, settings.normalize),
        groups=[
            *groups,
            *((by_recording and e.recording) or group_of.get(e.recording, "") for e in lost),
        ],
        together=[""] * (count + gone) if own.split_by == "epoch" else [],
        leak="warn" if own.allow_leak else "refuse",
        group_word="recording" if own.split_by == "epoch" else own.split_by,
        warnings=epochs.notes,
        log=epochs.log,
    )


def from_recordings(
    root: Path, classes: Sequence[str], spec: InputSpec, settings: DataSettings
) -> tuple[Split, list[Example]]:
    """Read new recordings, a folder or a file, for a network that is trained; all is one split.

    They are treated as the study says and must come out as the network takes them. Epochs of other
    classes and dropped ones are refused.

    Raises:
        LayerscopeError: they do not fit the network, or nothing usable is left.

    """
    own = settings.recordings or RecordingsSettings()
    asked = own.model_copy(update={"channels": spec.channels or own.channels})
    if not root.is_file() and not all(any(root.glob(name)) for name in own.files):
        asked = asked.model_copy(update={"files": ()})
    epochs = labelled_as(unlabelled(root, asked), settings.classes, classes)
    refused = [Example(e.id, "", e.label, "", e.recording, e.reason) for e in epochs.lost]
    if not len(epochs):
        raise LayerscopeError(f"{root}: no usable epoch of {', '.join(classes)} is left")
    shape = epochs.x.shape[1:]
    if shape != spec.shape or (spec.sfreq and abs(epochs.sfreq - spec.sfreq) > 1e-6):
        raise LayerscopeError(
            f"{root}: epochs of {shape[0]} channels and {shape[1]} samples at {epochs.sfreq:g} Hz, "
            f"and the network takes {spec.shape[0]} and {spec.shape[1]} at {spec.sfreq:g} Hz"
        )
    missing = [name for name in classes if name not in epochs.labels]
    notes = (f"no epoch of {', '.join(missing)}",) if missing else ()
    label_of = {name: label for label, name in enumerate(classes)}
    split = Split(
        "new",
        list(epochs.ids),
        np.array([label_of[name] for name in epochs.labels], dtype=np.int64),
        epochs.x,
        np.arange(len(epochs)),
        (*notes, *epochs.log, *epochs.notes),
        list(epochs.recordings),
    )
    return split, refused


def _inside(own: RecordingsSettings, settings: DataSettings) -> RecordingsSettings:
    """Look only into the folders of the splits, where these are named."""
    folders = [name for name in (settings.train, settings.val, settings.test) if name]
    if not folders or own.files:
        return own
    return own.model_copy(update={"files": tuple(f"{name}/**/*.*" for name in folders)})


def _folder_splits(ids: Sequence[str], settings: DataSettings) -> list[str]:
    """Name the split of each id by its folder; empty where no folder is named as a split's."""
    folders = {name: getattr(settings, name) for name in ("train", "val", "test")}
    inside = {name: f"{folder.rstrip('/')}/" for name, folder in folders.items() if folder}
    if not inside:
        return []
    found = [next((n for n, start in inside.items() if i.startswith(start)), None) for i in ids]
    if None in found:
        stray = ids[found.index(None)].partition("#")[0]
        raise LayerscopeError(
            f"{stray} lies in no folder of a split ({', '.join(inside.values())}): "
            "data.recordings.files names it, data.train, val or test do not"
        )
    return [name or "" for name in found]


def _distinct(epochs: Epochs) -> Epochs:
    """Drop an epoch whose signal is there already, in another file or recording or its own."""
    first: dict[bytes, int] = {}
    reasons = [""] * len(epochs)
    for k, x in enumerate(epochs.x):
        other = first.setdefault(hashlib.sha256(x.tobytes()).digest(), k)
        if other != k:
            reasons[k] = f"the same signal as {epochs.ids[other]}"
    copies = sum(map(bool, reasons))
    if not copies:
        return epochs
    kept = np.array([not reason for reason in reasons], dtype=bool)
    line = f"dropped {copies} of {len(epochs)} epochs whose signal is there already"
    return epochs.keep(kept, reasons).told(line)


def _spec(epochs: Epochs, normalize: str, rows: np.ndarray) -> InputSpec:
    """Describe the input; "channel" takes mean and std of each channel over the training epochs."""
    _, channels, times = epochs.x.shape
    mean, std = np.zeros(channels), np.ones(channels)
    if normalize == "channel":
        count = len(rows) * times
        mean = sum(epochs.x[k].sum(axis=1, dtype=np.float64) for k in rows) / count
        squares = (np.square(epochs.x[k] - mean[:, None]).sum(axis=1) for k in rows)
        std = np.maximum(np.sqrt(sum(squares) / count), LEAST_STD)
    return InputSpec(
        "recording",
        (channels, times),
        tuple(map(float, mean)),
        tuple(map(float, std)),
        sfreq=epochs.sfreq,
        channels=epochs.channels,
        unit=UNIT,
        tmin=epochs.tmin,
    )
