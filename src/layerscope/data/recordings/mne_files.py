"""Recordings that MNE reads: epochs (.fif) and raw signals (.fif, .edf, .bdf, .vhdr, .set)."""

import warnings
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from layerscope.data.recordings.epochs import Epochs, Lost
from layerscope.data.recordings.events import Event, bad_spans, find_events
from layerscope.data.recordings.settings import RecordingsSettings
from layerscope.data.recordings.steps import filtered, mne_for, places_of, referenced
from layerscope.errors import LayerscopeError

RAW = (".fif", ".fif.gz", ".edf", ".bdf", ".vhdr", ".set")
MICROVOLTS = 1e6  # MNE holds volts


def read_mne(
    path: Path, name: str, settings: RecordingsSettings, wanted: Collection[str] | None = None
) -> Epochs:
    """Read a file of epochs, or raw signals cut around their events, in microvolts.

    `wanted` names the events around which raw signals are cut (None: all). A .fif or .set
    file is one or the other as it says itself. Reference and filters are applied to what is read.

    Raises:
        LayerscopeError: mne is not installed, or the file cannot be read, has no EEG channels, no
            events, or lacks tmax.

    """
    mne = mne_for(f"{name}: reading {path.suffix} files")
    opened, whole = _open(mne, path, name)
    if whole:
        return cut_raw(opened, path, name, settings, wanted)
    return _from_epochs(mne, opened, name, settings)


def _open(mne: Any, path: Path, name: str) -> tuple[Any, bool]:
    """Open a file; also say whether it holds raw signals (or else epochs)."""
    failures = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as of a file's name that is not MNE's convention
        for whole, reader in _readers(mne, path):
            try:
                return reader(path, preload=True, verbose="ERROR"), whole
            except Exception as error:  # each format has its own
                failures.append(f"{type(error).__name__}: {error}".splitlines()[0])
    raise LayerscopeError(f"{name} cannot be read: {'; '.join(dict.fromkeys(failures))}")


def _readers(mne: Any, path: Path) -> list[tuple[bool, Any]]:
    """List what may read a file, the likelier first."""
    lower = path.name.lower()
    if lower.endswith((".fif", ".fif.gz")):
        readers = [(True, mne.io.read_raw_fif), (False, _read_epochs_fif)]
        return readers[::-1] if "epo" in lower else readers
    if lower.endswith(".set"):
        return [(True, mne.io.read_raw_eeglab), (False, _read_epochs_eeglab)]
    return [(True, mne.io.read_raw)]


def _read_epochs_fif(path: Path, *, preload: bool, verbose: str) -> Any:
    import mne

    return mne.read_epochs(path, preload=preload, verbose=verbose)


def _read_epochs_eeglab(path: Path, **_: Any) -> Any:
    import mne

    return mne.io.read_epochs_eeglab(path, verbose="ERROR")


def _picked(mne: Any, opened: Any, name: str, settings: RecordingsSettings) -> list[str]:
    """Name the channels that a reference may read: EEG, sEEG and ECoG, and those that are named."""
    places = mne.pick_types(opened.info, meg=False, eeg=True, seeg=True, ecog=True, exclude=())
    found = [opened.ch_names[k] for k in places]
    asked = [*settings.channels]
    if isinstance(settings.reference, tuple):
        asked += settings.reference
    places_of(asked, opened.ch_names, f"{name}: data.recordings.channels and reference")
    found += [channel for channel in dict.fromkeys(asked) if channel not in found]
    if not found:
        kinds = ", ".join(sorted(set(opened.get_channel_types())))
        raise LayerscopeError(
            f"{name} has no EEG channels (it has {kinds}): name those that are meant in "
            "data.recordings.channels"
        )
    return found


def _from_epochs(mne: Any, opened: Any, name: str, settings: RecordingsSettings) -> Epochs:
    """Read MNE's epochs; those that MNE had dropped before are not in the file."""
    channels, sfreq = _picked(mne, opened, name, settings), float(opened.info["sfreq"])
    names = {code: str(label) for label, code in opened.event_id.items()}
    labels = [names.get(code, str(code)) for code in opened.events[:, 2].tolist()]
    x = opened.get_data(picks=channels) * MICROVOLTS  # (N, channel, time)
    x, log, notes = _cleaned(x, channels, sfreq, settings, opened.info["bads"])
    ids = [f"{name}#{k:05d}" for k in range(len(x))]
    made = _made(x, labels, ids, channels, sfreq, float(opened.tmin), name, settings)
    return made.told(*log, notes=notes)


def cut_raw(
    raw: Any,
    path: Path,
    name: str,
    settings: RecordingsSettings,
    wanted: Collection[str] | None,
) -> Epochs:
    """Cut epochs around the events of MNE's raw signals, which are filtered whole."""
    mne = mne_for(name)
    if settings.tmax is None:
        raise LayerscopeError(
            f"{name} holds raw signals: data.recordings.tmax (s) must say where epochs end"
        )
    channels = _picked(mne, raw, name, settings)
    every = find_events(raw, path, name, settings.events)
    events = [event for event in every if wanted is None or event.name in wanted]
    if not events:
        known = ", ".join(sorted({event.name for event in every}))
        raise LayerscopeError(f"{name} has no event of data.classes; it has {known}")
    sfreq, bad = float(raw.info["sfreq"]), bad_spans(raw)
    x = raw.get_data(picks=channels) * MICROVOLTS  # (channel, time)
    x, log, notes = _cleaned(x, channels, sfreq, settings, raw.info["bads"])
    first = round((settings.tmin or 0.0) * sfreq)
    length = round(settings.tmax * sfreq) - first + 1
    kept, lost = [], []
    for number, event in enumerate(events):
        reason = _outside(event, first, length, x.shape[1], bad)
        if reason:
            lost.append(Lost(f"{name}#{number:05d}", event.name, name, reason))
        else:
            kept.append(number)
    starts = [events[number].sample + first for number in kept]
    cut = np.stack([x[:, s : s + length] for s in starts]) if kept else np.empty((0, *x.shape))
    made = _made(
        cut[:, :, :length],
        [events[number].name for number in kept],
        [f"{name}#{number:05d}" for number in kept],
        channels,
        sfreq,
        first / sfreq,
        name,
        settings,
        lost,
    )
    return made.told(*log, notes=notes)


def _outside(
    event: Event, first: int, length: int, samples: int, bad: Sequence[tuple[int, int, str]]
) -> str:
    """Say why no epoch can be cut around an event, or ""."""
    start = event.sample + first
    if start < 0 or start + length > samples:
        return "the epoch reaches beyond the recording"
    for begin, end, description in bad:
        if begin < start + length and start < end:
            return f'the epoch overlaps what is annotated "{description}"'
    return ""


def _cleaned(
    x: np.ndarray,
    channels: Sequence[str],
    sfreq: float,
    settings: RecordingsSettings,
    bad: Sequence[str],
) -> tuple[np.ndarray, list[str], list[str]]:
    """Apply reference and filters; say what was done and what to look at."""
    x, log = referenced(x, channels, settings, bad)
    x, more, notes = filtered(x, sfreq, settings)
    marked = [channel for channel in bad if channel in (settings.channels or channels)]
    if marked:
        notes.append(
            f"channels marked as bad are kept: {', '.join(marked)} (data.recordings.channels can "
            "leave them out)"
        )
    return x, log + more, notes


def _made(
    x: np.ndarray,
    labels: Sequence[str],
    ids: Sequence[str],
    channels: Sequence[str],
    sfreq: float,
    tmin: float,
    name: str,
    settings: RecordingsSettings,
    lost: Sequence[Lost] = (),
) -> Epochs:
    """Put together what was read, with the channels that are wanted."""
    kept = list(settings.channels or channels)
    return Epochs(
        x=np.ascontiguousarray(x[:, [channels.index(c) for c in kept]], dtype=np.float32),
        labels=tuple(labels),
        recordings=(name,) * len(ids),
        ids=tuple(ids),
        channels=tuple(kept),
        sfreq=sfreq,
        tmin=tmin,
        lost=tuple(lost),
    )
