"""Recordings of a BIDS data set, read with mne-bids where it is installed."""

import warnings
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from layerscope.data.recordings.epochs import Epochs
from layerscope.data.recordings.mne_files import cut_raw
from layerscope.data.recordings.settings import RecordingsSettings
from layerscope.errors import LayerscopeError


def read_bids(
    root: Path, settings: RecordingsSettings, wanted: Collection[str] | None = None
) -> list[Epochs]:
    """Read the EEG recordings of a BIDS folder, cut around the events of their events.tsv.

    Subject and session are BIDS's own; bad channels and units too, as mne-bids reads them.

    Raises:
        LayerscopeError: mne-bids is not installed, the folder is not BIDS, has no EEG recording of
            the task, or one cannot be read.

    """
    try:
        import mne_bids
    except ImportError as error:
        raise LayerscopeError(
            "data.recordings.bids needs mne-bids, which is not installed: pip install mne-bids (or "
            "leave bids out and name files and events, as in "
            'events = "{name}_events.tsv")'
        ) from error
    if not (root / "dataset_description.json").is_file():
        raise LayerscopeError(f"{root} is no BIDS data set: it has no dataset_description.json")
    found = mne_bids.find_matching_paths(
        root,
        tasks=settings.task,
        datatypes="eeg",
        suffixes="eeg",
        extensions=[".edf", ".bdf", ".vhdr", ".set", ".fif"],
    )
    if not found:
        known = ", ".join(mne_bids.get_entity_vals(root, "task")) or "none"
        raise LayerscopeError(
            f"{root} has no EEG recording of task {settings.task}: its tasks are {known}"
        )
    return [_one(each, root, settings, wanted) for each in sorted(found, key=_path)]


def _path(place: Any) -> str:
    return str(place.fpath)


def _one(
    place: Any, root: Path, settings: RecordingsSettings, wanted: Collection[str] | None
) -> Epochs:
    """Read one recording."""
    import mne_bids

    name = place.fpath.relative_to(root).as_posix()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            raw = mne_bids.read_raw_bids(place, verbose="ERROR")
            raw.load_data(verbose="ERROR")
        except Exception as error:  # each format has its own
            raise LayerscopeError(
                f"{name} cannot be read: {type(error).__name__}: {error}"
            ) from error
    part = cut_raw(raw, place.fpath, name, settings, wanted)
    names = {"subjects": place.subject, "sessions": place.session or ""}
    said: dict[str, Any] = {key: (value,) * len(part) for key, value in names.items()}
    return replace(part, **said)
