"""Folders of photographs or sounds: which make a class, and which files lie in them."""

import contextlib
import difflib
import errno
import os
import stat
import struct
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from layerscope.data.settings import DataSettings
from layerscope.errors import LayerscopeError

_SYSTEM = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx"})
"""Files and folders that operating systems leave; they and hidden ones (.name) are passed over."""

_SPLIT_NAMES = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})


@dataclass(frozen=True)
class ClassFolder:
    """One folder of one class, its path below the root; `split` is "" where splits are drawn."""

    split: str
    label: str
    path: str


@dataclass(frozen=True, slots=True)
class File:
    """One file: its id (path below the root as text), where it stands, what its state was.

    `path` differs from `id` only where a name is not valid UTF-8, or where a `part` of the file is
    meant, in seconds (from, to). `reason` is "" or says why the file cannot be opened at all.
    """

    id: str
    path: str
    split: str
    label: str
    source: str
    stamp: bytes
    reason: str
    part: tuple[float, ...] = ()
    group: str = ""


def class_folders(
    settings: DataSettings, apart: Sequence[str] = ()
) -> tuple[tuple[str, ...], list[ClassFolder]]:
    """Find the class names and the folders of each, as the settings say.

    Folders named in `apart` are no classes.

    Raises:
        LayerscopeError: folders are missing (all are named, with the nearest names), a folder
            serves twice, or there are no classes.

    """
    root = settings.folder()
    named = {"train": settings.train, "val": settings.val, "test": settings.test}
    splits = {split: folder for split, folder in named.items() if folder is not None} or {"": ""}
    missing: list[str] = []
    found: list[ClassFolder] = []
    places: dict[str, str] = {}
    for split, folder in splits.items():
        place = find_folder(root, folder) if folder else ""
        if place is None:
            missing.append(_missing(f"data.{split}", folder, root))
        else:
            places[split] = place
    if missing:
        raise LayerscopeError("\n".join(missing))
    classes = settings.classes or _sub_folders(root, places, apart)
    for split, place in places.items():
        for label, folders in classes.items():
            for folder in folders:
                path = find_folder(root / place, folder)
                if path is None:
                    missing.append(_missing("data.classes", folder, root / place))
                else:
                    found.append(ClassFolder(split, label, os.path.join(place, path)))
    if missing:
        raise LayerscopeError("\n".join(missing))
    _refuse_overlap(root, found)
    return tuple(classes), found


def scan(root: Path, folders: Iterable[ClassFolder]) -> list[File]:
    """List every file below the folders, sorted by id, whatever the order of the file system.

    Links are followed; a link to a folder that is read anyway (a loop, another class's) and
    whatever cannot be opened is listed with its reason.
    """
    files: list[File] = []
    met: dict[tuple[int, int], str] = {}
    folders = list(folders)
    for folder in folders:
        with contextlib.suppress(OSError):  # told when it is read
            met[_identity(root / folder.path)] = as_text(folder.path)
    for folder in folders:
        _walk(root, folder, folder.path, met, files)
    return sorted(files, key=lambda file: file.id)


def _identity(folder: Path) -> tuple[int, int]:
    """Tell a folder from all others, by whatever path it is reached."""
    state = os.stat(folder)
    return state.st_dev, state.st_ino


def _walk(
    root: Path, folder: ClassFolder, path: str, met: dict[tuple[int, int], str], files: list[File]
) -> None:
    """Add the files of one folder and of the folders in it."""

    def refuse(what: str, reason: str) -> None:
        files.append(File(as_text(what), what, folder.split, folder.label, source, b"", reason))

    source = as_text(path)
    try:
        place = met.setdefault(_identity(root / path), source)
        if place != source:
            refuse(path, f"a link to the folder {place}, which is read by that path")
            return
        with os.scandir(root / path) as listed_entries:  # folders of its own before links to others
            entries = sorted(listed_entries, key=lambda entry: (entry.is_symlink(), entry.name))
    except OSError as error:
        refuse(path, unreadable(error))
        return
    for entry in entries:
        below = os.path.join(path, entry.name)
        if ignored(entry.name):
            continue
        try:
            state = os.stat(entry.path)
        except OSError as error:
            refuse(below, unreadable(error))
            continue
        if stat.S_ISDIR(state.st_mode):
            _walk(root, folder, below, met, files)
        elif stat.S_ISREG(state.st_mode):
            stamp = stamp_of(state)
            files.append(File(as_text(below), below, folder.split, folder.label, source, stamp, ""))
        else:
            refuse(below, "not a regular file")


def stamp_of(state: os.stat_result) -> bytes:
    """Tell a file's state by which it is known to have changed."""
    times = (state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino)
    return struct.pack("<qqqQ", *times)


def ignored(name: str) -> bool:
    """Tell hidden and operating-system files, which nobody means as data."""
    return name.startswith(".") or name.lower() in _SYSTEM


def unreadable(error: OSError) -> str:
    """Say why a listed file cannot be read."""
    if error.errno == errno.ENOENT:
        return "unreadable: a link that leads nowhere"
    return f"unreadable: {error.strerror or error}"


def as_text(path: str) -> str:
    """Write a path as valid text with forward slashes; bytes that are not UTF-8 are escaped."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return text.replace(os.sep, "/")


def listed(names: Iterable[str], most: int = 12) -> str:
    """List names for a message, the first few of many."""
    names = list(names)
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) or "nothing") + rest


def refusals(reasons: Sequence[str]) -> str:
    """Sum up why files are refused, the commonest reasons first.

    >>> refusals(["empty: zero bytes", "empty: zero bytes", "not a regular file"])
    '3 files refused (2 empty: zero bytes; 1 not a regular file)'
    """
    if not reasons:
        return "its folders hold no file"
    most = Counter(reasons).most_common(4)
    told = "; ".join(f"{count} {reason}" for reason, count in most)
    rest = len(reasons) - sum(count for _, count in most)
    return f"{len(reasons)} files refused ({told}{f'; {rest} others' if rest else ''})"


def folder_names(folder: Path) -> list[str]:
    """Name the folders in a folder that may be classes, sorted."""
    try:
        with os.scandir(folder) as entries:
            return sorted(e.name for e in entries if not ignored(e.name) and e.is_dir())
    except OSError as error:
        raise LayerscopeError(f"cannot list {folder}: {error.strerror or error}") from error


def find_folder(base: Path, folder: str) -> str | None:
    """Give a folder's path below `base` as it is on disk, or None.

    Letters with accents may be composed otherwise there, as macOS does.
    """
    if (base / folder).is_dir():
        return folder
    place = ""
    for part in Path(folder).parts:
        if not (base / place).is_dir():
            return None
        wanted = unicodedata.normalize("NFC", part)
        names = folder_names(base / place)
        same = [name for name in names if unicodedata.normalize("NFC", name) == wanted]
        if not same:
            return None
        place = os.path.join(place, same[0])
    return place


def _missing(key: str, folder: str, base: Path) -> str:
    names = folder_names(base)
    close = difflib.get_close_matches(folder, names, n=1)
    guess = f'; did you mean "{close[0]}"?' if close else ""
    return f'{key}: there is no folder "{folder}" in {base}, which has {listed(names)}{guess}'


def _sub_folders(
    root: Path, places: Mapping[str, str], apart: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """Take every sub-folder as a class; all splits must have the same."""
    first, *others = places.values()
    names = [name for name in folder_names(root / first) if name not in apart]
    if not any(places) and names and {name.lower() for name in names} <= _SPLIT_NAMES:
        raise LayerscopeError(
            f"data.root: {root} holds {listed(names)}, which are splits, not classes: "
            'say so, as in train = "train" and val = "val"'
        )
    if len(names) < 2:
        raise LayerscopeError(
            f"data.root: {root / first} has {listed(names)} as class folders: put the files "
            "into one folder a class, at least two, or name them in data.classes"
        )
    for other in others:
        extra = sorted(set(folder_names(root / other)) - {*names, *apart})
        if extra:
            raise LayerscopeError(
                f"data.classes: {root / other} has {listed(extra)}, which {root / first} has not: "
                "name the wanted ones in data.classes"
            )
    return {as_text(name): (name,) for name in names}


def _refuse_overlap(root: Path, folders: list[ClassFolder]) -> None:
    """Refuse a folder that is, or lies in, another one: its files would count twice."""
    owners = {os.path.realpath(root / folder.path): folder for folder in folders}
    if len(owners) < len(folders):
        twice = next(f for f in folders if owners[os.path.realpath(root / f.path)] is not f)
        other = owners[os.path.realpath(root / twice.path)]
        raise LayerscopeError(
            f'data.classes: "{twice.path}" of {twice.label} and "{other.path}" of {other.label} '
            "are the same folder: a folder belongs to one class of one split"
        )
    for path, folder in owners.items():
        for parent in Path(path).parents:
            if str(parent) in owners:
                outer = owners[str(parent)]
                raise LayerscopeError(
                    f'data.classes: "{folder.path}" of {folder.label} lies in "{outer.path}" of '
                    f"{outer.label}: a file belongs to one class"
                )
