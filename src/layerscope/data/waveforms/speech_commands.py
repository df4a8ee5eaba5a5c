"""The Speech Commands layout (Warden 2018): its lists or its hash, its noise, its extra classes."""

import hashlib
import math
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from layerscope.data.folders import ClassFolder, File, class_folders, folder_names, scan
from layerscope.data.settings import DataSettings
from layerscope.data.waveforms.layouts import Listed
from layerscope.data.waveforms.noise import silence
from layerscope.data.waveforms.settings import BACKGROUND, LIST_FILES, WaveformsSettings
from layerscope.errors import LayerscopeError

_MOST = 2**27 - 1
SPLITS = ("train", "val", "test")


def speech_commands(settings: DataSettings) -> Listed:
    """List the words that are wanted, and what else makes a class.

    A split is what `validation_list.txt` and `testing_list.txt` say; without them, what the hash of
    the speaker's name says for the shares `val_fraction` and `test_fraction`. "unknown" are clips
    of all other words, as many in each split as `unknown` times its words' clips, rounded up, in
    the order of a digest of seed and name; "silence" are stretches of background noise, as many as
    `silence` says in the same way.
    """
    root, given = settings.folder(), settings.waveforms or WaveformsSettings()
    if settings.train is not None:
        raise LayerscopeError(
            'data.train: layout = "speech_commands" has splits of its own, leave train, val and '
            "test out"
        )
    classes, places = class_folders(settings, apart=(BACKGROUND,))
    _refuse_taken(classes, given)
    lists = _lists(root)
    words = _split(scan(root, places), lists, settings)
    wanted = Counter(file.split for file in words)
    files, of_pack = list(words), [place.path for place in places]
    if given.unknown:
        own = {Path(place.path).parts[0] for place in places}
        others = [name for name in folder_names(root) if name not in {*own, BACKGROUND}]
        rest = scan(root, [ClassFolder("", "unknown", name) for name in others])
        files += _unknown(_split(rest, lists, settings), wanted, settings)
        classes, of_pack = (*classes, "unknown"), [*of_pack, *others]
    if given.silence:
        files += silence(root, {s: math.ceil(given.silence * wanted[s]) for s in SPLITS}, settings)
        classes, of_pack = (*classes, "silence"), [*of_pack, BACKGROUND]
    files.sort(key=lambda file: file.id)
    return Listed(classes, files, of_pack, fractions={})


def which_split(name: str, val_percent: float, test_percent: float) -> str:
    """Give the split of a clip by the hash of its speaker, as the data set's README defines it.

    >>> which_split("bed/0a7c2a8d_nohash_0.wav", 10, 10)
    'train'
    """
    speaker = re.sub(r"_nohash_.*$", "", os.path.basename(name))
    number = int(hashlib.sha1(speaker.encode(), usedforsecurity=False).hexdigest(), 16)
    percent = number % (_MOST + 1) * (100.0 / _MOST)
    if percent < val_percent:
        return "val"
    return "test" if percent < val_percent + test_percent else "train"


def _lists(root: Path) -> dict[str, str] | None:
    """Read the lists: the split of each path they name; None where there is neither."""
    found: dict[str, str] = {}
    present = {split: name for split, name in LIST_FILES.items() if (root / name).is_file()}
    for split, name in present.items():
        try:
            lines = (root / name).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise LayerscopeError(f"cannot read {root / name}: {error}") from error
        for line in filter(None, map(str.strip, lines)):
            if found.setdefault(_stem(line), split) != split:
                raise LayerscopeError(f"{line} stands in both {' and '.join(present.values())}")
    return found if present else None


def _stem(path: str) -> str:
    """Name a clip without its ending, which differs where clips were stored in another format."""
    return os.path.splitext(path)[0]


def _split(
    files: Sequence[File], lists: dict[str, str] | None, settings: DataSettings
) -> list[File]:
    """Put every clip into its split."""
    if lists is not None:
        return [replace(file, split=lists.get(_stem(file.id), "train")) for file in files]
    val, test = 100 * settings.val_fraction, 100 * settings.test_fraction
    return [replace(file, split=which_split(file.path, val, test)) for file in files]


def _unknown(files: Sequence[File], wanted: Counter[str], settings: DataSettings) -> list[File]:
    """Choose as many clips of other words as are asked for in each split."""
    given = settings.waveforms or WaveformsSettings()

    def rank(file: File) -> bytes:
        return hashlib.sha256(f"layerscope unknown {settings.seed}\n{file.id}".encode()).digest()

    chosen: list[File] = []
    for split in SPLITS:
        here = sorted((f for f in files if f.split == split and not f.reason), key=rank)
        chosen += here[: math.ceil(given.unknown * wanted[split])]
    if not chosen:
        raise LayerscopeError(
            "data.waveforms.unknown: there is no other word than those of data.classes to be "
            '"unknown": name fewer words, or leave it out'
        )
    return chosen


def _refuse_taken(classes: Sequence[str], given: WaveformsSettings) -> None:
    for name in ("unknown", "silence"):
        if name in classes and getattr(given, name):
            raise LayerscopeError(
                f'data.waveforms.{name}: a class folder is named "{name}" already: rename it, or '
                f"leave {name} out"
            )
