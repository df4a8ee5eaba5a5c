"""The sounds that a page plays: copies beside it, so that its folder is whole.

They stay WAV files: Chromium cannot seek in a short FLAC file.
"""

from collections.abc import Mapping
from pathlib import Path

from layerscope.storage import write_whole

FOLDER = "sounds"


def put(folder: Path, sounds: Mapping[str, Path]) -> None:
    """Copy sounds to `folder`; those of an older page that are not named are removed.

    Args:
        folder: the page's.
        sounds: names such as "sounds/000.wav", and the files that they are copies of.

    """
    for name, source in sounds.items():
        if not _is_current(folder / name, source):
            _copy(folder / name, source)
    kept = {folder / name for name in sounds}
    for path in sorted((folder / FOLDER).rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
        elif path.is_file() and path not in kept:
            path.unlink()
    if (folder / FOLDER).is_dir() and not sounds:
        (folder / FOLDER).rmdir()


def _is_current(path: Path, source: Path) -> bool:
    """Tell whether a file was made after its source."""
    return path.is_file() and path.stat().st_mtime_ns >= source.stat().st_mtime_ns


def _copy(path: Path, source: Path) -> None:
    content = source.read_bytes()
    write_whole(path, lambda file: file.write(content))
