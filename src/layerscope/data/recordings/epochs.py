"""What a recording's file gives: epochs in microvolts, their labels and where they come from."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from layerscope.errors import LayerscopeError


@dataclass(frozen=True, eq=False)
class Lost:
    """An epoch that cannot be used: its id, label, recording and the reason."""

    id: str
    label: str
    recording: str
    reason: str


@dataclass(frozen=True, eq=False)
class Epochs:
    """Epochs of one or more recordings.

    `x` float32 (N, channel, time) in microvolts; `labels`, `recordings`, `ids` are N names;
    `channels` name the second axis; the first sample lies `tmin` seconds from the event, at `sfreq`
    Hz. `classes`: their order where the file gives one. `subjects` and `sessions` of each, "" where
    the file does not say. `lost` are the epochs that were dropped; `log` says what was done, a line
    each, and `notes` what a person should look at.
    """

    x: np.ndarray
    labels: tuple[str, ...]
    recordings: tuple[str, ...]
    ids: tuple[str, ...]
    channels: tuple[str, ...]
    sfreq: float
    tmin: float
    classes: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    lost: tuple[Lost, ...] = ()
    log: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        for name in ("subjects", "sessions"):
            if not getattr(self, name):
                object.__setattr__(self, name, ("",) * len(self.ids))

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def times(self) -> np.ndarray:
        """Seconds from the event of each sample, float64 (time,)."""
        return self.tmin + np.arange(self.x.shape[2]) / self.sfreq

    def keep(self, kept: np.ndarray, reasons: Sequence[str] = ()) -> "Epochs":
        """Keep some epochs, bool (N,); with `reasons` (N) the others are lost, else forgotten."""
        chosen = np.flatnonzero(kept).tolist()
        lost = [
            Lost(self.ids[k], self.labels[k], self.recordings[k], reasons[k])
            for k in (np.flatnonzero(~kept).tolist() if len(reasons) else ())
        ]
        names = ("labels", "recordings", "ids", "subjects", "sessions")
        picked: dict[str, Any] = {
            name: tuple(getattr(self, name)[k] for k in chosen) for name in names
        }
        return replace(self, x=self.x[kept], lost=(*self.lost, *lost), **picked)

    def told(self, *log: str, notes: Sequence[str] = ()) -> "Epochs":
        """Add lines of what was done, and notes."""
        return replace(self, log=(*self.log, *log), notes=(*self.notes, *notes))


def joined(parts: Sequence[Epochs]) -> Epochs:
    """Join the epochs of several files; channels are put into the first file's order.

    Raises:
        LayerscopeError: files differ in channels, sampling rate, first sample or length.

    """
    first = parts[0]
    aligned = [_aligned(part, first) for part in parts]
    names = ("labels", "recordings", "ids", "subjects", "sessions", "lost")
    picked: dict[str, Any] = {
        name: sum((getattr(part, name) for part in parts), ()) for name in names
    }
    told: dict[str, Any] = {name: tuple(_once(parts, name)) for name in ("log", "notes", "classes")}
    return replace(first, x=np.concatenate(aligned), **picked, **told)


def _once(parts: Sequence[Epochs], name: str) -> list[str]:
    """List what the parts say, each thing once."""
    return list(dict.fromkeys(line for part in parts for line in getattr(part, name)))


def _aligned(part: Epochs, first: Epochs) -> np.ndarray:
    """Give a part's x with the channels of the first; refuse what does not fit it."""
    where, there = part.recordings[0] if len(part) else "a file", first.recordings[0]
    missing = [name for name in first.channels if name not in part.channels]
    if missing or len(part.channels) != len(first.channels):
        raise LayerscopeError(
            f"{where} has the channels {', '.join(part.channels)}, and {there} has "
            f"{', '.join(first.channels)}: name those that all have in data.recordings.channels"
        )
    for name, unit in (("sfreq", "Hz"), ("tmin", "s")):
        ours, theirs = getattr(part, name), getattr(first, name)
        if abs(ours - theirs) > 1e-6 * max(1.0, abs(theirs)):
            key = "resample" if name == "sfreq" else "tmin and data.recordings.tmax"
            raise LayerscopeError(
                f"{where} has {name} = {ours:g} {unit}, and {there} has {theirs:g} {unit}: set "
                f"data.recordings.{key}"
            )
    if part.x.shape[2] != first.x.shape[2]:
        raise LayerscopeError(
            f"{where} has epochs of {part.x.shape[2]} samples, and {there} has "
            f"{first.x.shape[2]}: set data.recordings.tmin and data.recordings.tmax"
        )
    order = [part.channels.index(name) for name in first.channels]
    return part.x[:, order]
