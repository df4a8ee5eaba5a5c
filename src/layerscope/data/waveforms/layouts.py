"""Which sounds there are, of which class, split and speaker: class folders, and what all share."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from layerscope.data.folders import File, class_folders, scan
from layerscope.data.settings import DataSettings
from layerscope.data.waveforms.settings import BACKGROUND, LIST_FILES, WaveformsSettings


@dataclass(frozen=True)
class Listed:
    """The classes and the sounds of each; `places` name what the pack is made of.

    `fractions`: of the splits still to be drawn; None: those of the settings.
    """

    classes: tuple[str, ...]
    files: list[File]
    places: list[str]
    warnings: tuple[str, ...] = ()
    fractions: dict[str, float] | None = None


def listed(settings: DataSettings) -> Listed:
    """List the sounds of a study, each with its speaker where that is known, cut into windows."""
    from layerscope.data.waveforms.manifest import manifest
    from layerscope.data.waveforms.speech_commands import speech_commands

    given = settings.waveforms or WaveformsSettings()
    layout = {"folders": folders, "manifest": manifest, "speech_commands": speech_commands}
    found = layout[given.layout](settings)
    files = with_speakers(found.files, given.speaker)
    return replace(found, files=windows(settings.folder(), files, given))


def folders(settings: DataSettings) -> Listed:
    """List the sounds of class folders; a folder of background noise is no class."""
    classes, places = class_folders(settings, apart=(BACKGROUND,))
    root = settings.folder()
    hints = [name for name in LIST_FILES.values() if (root / name).is_file()]
    warnings = tuple(
        f"{root} holds {name}, which is not read: it is of the Speech Commands layout, say "
        'data.waveforms.layout = "speech_commands" if that is meant'
        for name in hints
    )
    return Listed(classes, scan(root, places), [place.path for place in places], warnings)


def with_speakers(files: Sequence[File], pattern: str | None) -> list[File]:
    """Add who speaks, where nothing said so yet and a file's name does."""
    if pattern is None:
        return list(files)
    expression = re.compile(pattern)

    def speaker(file: File) -> str:
        met = expression.search(os.path.basename(file.path))
        return (met[1] or "") if met else ""

    return [file if file.group else replace(file, group=speaker(file)) for file in files]


def windows(root: Path, files: Iterable[File], given: WaveformsSettings) -> list[File]:
    """Cut longer sounds into windows, where the settings ask for that."""
    if given.long != "windows":
        return list(files)
    return [part for file in files for part in _windows(root, file, given)]


def _windows(root: Path, file: File, given: WaveformsSettings) -> Iterator[File]:
    """Give the windows of one sound: as long as it lasts, and a last one that is half full."""
    begin, end = file.part or (0.0, seconds_of(root / file.path))
    if file.reason or end - begin <= given.seconds or end > given.max_seconds:
        yield file
        return
    hop = given.hop_seconds or given.seconds
    place = begin
    while place + given.seconds <= end + 1e-6:
        yield part_of(file, place, place + given.seconds)
        place = round(place + hop, 6)
    if end - place >= given.seconds / 2:
        yield part_of(file, place, end)


def part_of(file: File, begin: float, end: float) -> File:
    """Name a part of a file, in seconds.

    >>> part_of(File("a.wav", "a.wav", "", "yes", "", b"", ""), 0.5, 1.5).id
    'a.wav#0.5-1.5s'
    """
    begin, end = round(begin, 6), round(end, 6)
    whole = file.id.partition("#")[0] if file.part else file.id
    return replace(file, id=f"{whole}#{begin:g}-{end:g}s", part=(begin, end))


def seconds_of(path: Path) -> float:
    """Give how long a sound lasts by its header; 0 where it cannot be read, which is told later."""
    import soundfile

    try:
        header = soundfile.info(os.fspath(path))
    except (soundfile.SoundFileError, OSError):
        return 0.0
    return header.frames / header.samplerate
