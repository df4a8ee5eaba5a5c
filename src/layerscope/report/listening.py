"""The players of a page: all sounds of one example on one time axis, with what is seen of each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from layerscope.errors import LayerscopeError
from layerscope.report import figures, heard
from layerscope.report.draw import INPUT
from layerscope.report.figures.sounds import outline, spectrogram_picture
from layerscope.report.words import words
from layerscope.seeing.wav import read_wav
from layerscope.views import View

if TYPE_CHECKING:
    from layerscope.run import Run

WIDE, TALL = 320, 64  # of a line's field, in its own units
QUALITY = 60  # of a spectrogram's picture


@dataclass(frozen=True)
class Track:
    """One sound: its file beside the page, its waveform and a map as paths, its spectrogram."""

    name: str
    group: str
    file: str
    wave: str
    spectrogram: str
    map_name: str
    map_alt: str
    above: str
    below: str


@dataclass(frozen=True)
class Group:
    """Tracks that are chosen from together: `places` among those of the player."""

    name: str
    places: tuple[int, ...]


@dataclass(frozen=True)
class Player:
    """The sounds of one example; `ticks` are `(share of the width, label)` of the time axis."""

    id: str
    label: str
    title: str
    seconds: float
    kilohertz: tuple[str, ...]
    ticks: tuple[tuple[float, str], ...]
    tracks: tuple[Track, ...]
    groups: tuple[Group, ...]


@dataclass(frozen=True, eq=False)
class Part:
    """A sound of a view, before it is drawn: of which method and layer, of which kind."""

    method: str
    layer: str
    kind: str
    source: str


Map = tuple[str, np.ndarray]
"""What a map is, in words, and its values `(time,)`."""


@dataclass(frozen=True, eq=False)
class Desk:
    """What is gathered while the views of a run are read: sounds and maps of each example."""

    run: "Run"
    sfreq: float
    clips: dict[int, np.ndarray]
    parts: dict[int, list[Part]] = field(default_factory=dict)
    maps: dict[tuple[int, str], Map] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)
    filters: dict[str, View] = field(default_factory=dict)

    def add(self, view: View, entry: Mapping[str, Any]) -> None:
        """Note the sounds, of units those of the strongest, and the maps of a relevance."""
        of_first = entry.get("rank", 0) == 0
        for kind, names in entry.get("sounds", {}).items() if of_first else ():
            for place, name in zip(entry["examples"], names, strict=False):
                named = "unit" if kind == "projection" and view.unit is not None else kind
                part = Part(view.method, view.layer, named, name)
                self.parts.setdefault(place, []).append(part)
        if entry.get("aim") is None or view.unit is not None:
            return
        for row, place in enumerate(entry["examples"]):
            values = heard.along_time(view, row, len(self.clips[place]))
            if values is not None and view.method != "deconvnet":
                told = f"{words(view.method).title} at {view.layer}"
                self.maps.setdefault((place, view.layer), (told, values))

    def shelved(self, source: str) -> str:
        """Give the path, beside the page, of a sound of the views' folder."""
        name = "sounds/" + source.removeprefix("sounds/")
        self.files[name] = self.run.views_folder / source
        return name

    def samples(self, source: str) -> np.ndarray:
        """Read a sound of the views' folder."""
        path = self.run.views_folder / source
        try:
            return read_wav(path)[0]
        except (OSError, RuntimeError) as error:
            raise LayerscopeError(f"cannot read {path}: {error}; make the views again") from error


def player(desk: Desk, place: int, example: Mapping[str, Any], order: Sequence[str]) -> Player:
    """Lay out the sounds of one example: the clip, what was used of it, what each layer holds."""
    samples = desk.clips[place]
    tracks = [
        _track(desk, place, INPUT, "as it was said", "Clip", example["sound"]),
        *(
            _track(desk, place, part.layer, name, group, part.source)
            for group, name, part in _sorted(desk.parts.get(place, []), order)
        ),
    ]
    names = list(dict.fromkeys(track.group for track in tracks))
    seconds = len(samples) / desk.sfreq
    said = f"{example['true']}, taken for {example['predicted']}"
    return Player(
        id=f"player-{place}",
        label=f"Player: {example['id']}, {said}",
        title=f"{example['id']} · {said}",
        seconds=seconds,
        kilohertz=(f"{desk.sfreq / 2000:g} kHz", f"{desk.sfreq / 4000:g}", "0"),
        ticks=tuple(_ticks(seconds)),
        tracks=tuple(tracks),
        groups=tuple(
            Group(name, tuple(k for k, track in enumerate(tracks) if track.group == name))
            for name in names
        ),
    )


_KINDS = {
    "only": "only what it used",
    "without": "all but that",
    "projection": "carried down",
    "unit": "the strongest unit, carried down",
    "made": "what is known",
}


def _sorted(parts: Sequence[Part], order: Sequence[str]) -> Iterator[tuple[str, str, Part]]:
    """Give the group, name and part of each track: a method's at the input, then its layers'."""
    for method in dict.fromkeys(part.method for part in parts):
        title = words(method).title
        mine = [part for part in parts if part.method == method and part.kind in _KINDS]
        yield from ((title, _KINDS[p.kind], p) for p in mine if p.layer == INPUT)
        layered = [p for p in mine if p.layer != INPUT]
        for kind in dict.fromkeys(part.kind for part in layered):
            those = {part.layer: part for part in reversed(layered) if part.kind == kind}
            named = f"{title}: {_KINDS[kind]}"
            known = [layer for layer in order if layer in those]
            rest = [layer for layer in those if layer not in known]
            yield from ((named, layer, those[layer]) for layer in (*known, *rest))


def _track(desk: Desk, place: int, layer: str, name: str, group: str, source: str) -> Track:
    """Draw one sound; below it stands the relevance of its layer or, without one, of the input."""
    samples = desk.samples(source)
    nothing: Map = ("no relevance was made", np.zeros(len(desk.clips[place])))
    known = [at for at in (layer, INPUT) if (place, at) in desk.maps]
    others = [at for of, at in desk.maps if of == place]
    told, values = desk.maps[place, (known or others)[0]] if known or others else nothing
    top = float(np.abs(values).max(initial=0))
    drawn = spectrogram_picture(heard.heard(samples, desk.sfreq), WIDE, 80)
    return Track(
        name=name,
        group=group,
        file=desk.shelved(source),
        wave=outline(samples, WIDE, TALL),
        spectrogram=figures.data_uri(drawn, QUALITY),
        map_name=told,
        map_alt=f"Along time: {told}",
        above=outline(np.clip(values, 0, None), WIDE, TALL, top),
        below=outline(np.clip(values, None, 0), WIDE, TALL, top),
    )


def _ticks(seconds: float) -> Iterator[tuple[float, str]]:
    """Give about five round times, 0 and the end among them where it is round."""
    raw = seconds / 4
    power = 10 ** np.floor(np.log10(raw))
    step = next(power * k for k in (1, 2, 2.5, 5, 10) if power * k >= raw * 0.999)
    for k in range(int(seconds / step + 1e-9) + 1):
        yield round(k * step / seconds, 5), f"{k * step:g}" + (" s" if k == 0 else "")
