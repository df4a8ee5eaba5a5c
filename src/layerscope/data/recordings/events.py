"""Events of a raw signal: from its annotations, its trigger channels, or a table beside it."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from layerscope.errors import LayerscopeError

NAMES = ("label", "trial_type", "value", "description")
"""Columns of a table that may name the event, the first that is there."""


@dataclass(frozen=True)
class Event:
    """Something that happened at a sample, counted from the first one of the signal."""

    sample: int
    name: str


def find_events(raw: Any, path: Path, name: str, asked: str | None) -> list[Event]:
    """List a raw signal's events in their order.

    `asked` is `data.recordings.events`: None for annotations, else trigger channels; a channel; or
    a table's name with a suffix, looked for beside the recording.

    Raises:
        LayerscopeError: there are none, or what was asked for is not there.

    """
    if asked is not None and Path(asked).suffix.lower() in (".csv", ".tsv", ".txt"):
        found = _table(path, name, asked, float(raw.info["sfreq"]))
    elif asked is not None:
        found = _triggers(raw, name, asked)
    else:
        found = _annotated(raw) or _triggers(raw, name, None)
    if not found:
        raise LayerscopeError(
            f"{name} has no events: neither annotations nor trigger channels; name a table of them "
            'as data.recordings.events, as in "{name}_events.tsv"'
        )
    return sorted(found, key=lambda event: event.sample)


def bad_spans(raw: Any) -> list[tuple[int, int, str]]:
    """List what is annotated as bad: first sample, sample behind the last, description."""
    rate, first = float(raw.info["sfreq"]), float(raw.first_time)
    spans = []
    for each in raw.annotations:
        if each["description"].upper().startswith("BAD"):
            start = round((each["onset"] - first) * rate)
            spans.append(
                (start, start + max(1, round(each["duration"] * rate)), each["description"])
            )
    return spans


def _annotated(raw: Any) -> list[Event]:
    """Read the annotations; what begins with BAD or EDGE is no event, as in MNE."""
    rate, first = float(raw.info["sfreq"]), float(raw.first_time)
    return [
        Event(round((each["onset"] - first) * rate), str(each["description"]).strip())
        for each in raw.annotations
        if not each["description"].upper().startswith(("BAD", "EDGE"))
    ]


def _triggers(raw: Any, name: str, channel: str | None) -> list[Event]:
    """Read where trigger channels rise; an event is named by its number."""
    import mne

    present = [raw.ch_names[k] for k in mne.pick_types(raw.info, meg=False, stim=True)]
    if channel is not None and channel not in raw.ch_names:
        raise LayerscopeError(
            f'{name}: data.recordings.events = "{channel}" is no channel of it; its trigger '
            f"channels are {', '.join(present) or 'none'} (a table's name ends in .csv or .tsv)"
        )
    wanted = present if channel is None else [channel]
    if not wanted:
        return []
    found = mne.find_events(raw, stim_channel=wanted, shortest_event=1, verbose="ERROR")
    return [Event(int(sample) - raw.first_samp, str(code)) for sample, _, code in found.tolist()]


def _table(path: Path, name: str, asked: str, rate: float) -> list[Event]:
    """Read a table of events: onset (s) or sample, and a name."""
    file = path.parent / asked.replace("{name}", path.stem)
    if not file.is_file():
        raise LayerscopeError(f'{name}: data.recordings.events = "{asked}": there is no {file}')
    text = file.read_text(encoding="utf-8-sig")
    tabs = "\t" in text.partition("\n")[0]
    rows = list(csv.DictReader(text.splitlines(), delimiter="\t" if tabs else ","))
    columns = [column.strip().lower() for column in (rows[0] if rows else {})]
    where = next((column for column in ("sample", "onset") if column in columns), None)
    label = next((column for column in NAMES if column in columns), None)
    if where is None or label is None:
        raise LayerscopeError(
            f"{file} has the columns {', '.join(columns) or 'none'}: it needs onset (s) or sample "
            f"(from 0), and one of {', '.join(NAMES)}"
        )
    events = []
    for number, row in enumerate(rows, start=2):
        cells = {(key or "").strip().lower(): (value or "").strip() for key, value in row.items()}
        try:
            place = float(cells[where])
        except ValueError:
            place = np.nan
        if not np.isfinite(place):
            raise LayerscopeError(f'{file}, line {number}: {where} = "{cells[where]}" is no number')
        events.append(Event(round(place if where == "sample" else place * rate), cells[label]))
    return events
