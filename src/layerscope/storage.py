"""Files written whole: a reader sees the old file or the new one, never half of one."""

import codecs
import contextlib
import csv
import fcntl
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from layerscope.errors import LayerscopeError


def write_whole(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write `path` through a temporary file beside it, flushed to disk and then renamed.

    Raises:
        LayerscopeError: the file cannot be written (disk full, no permission); what was at
            `path` before is untouched.

    """
    path = Path(path)
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise LayerscopeError(
            f"cannot write {path}: {error.strerror or error}; "
            "what was there before is untouched, free some space or permissions and try again"
        ) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text whole; parts of file names that are no text are escaped."""
    write_whole(path, lambda file: file.write(text.encode(errors="backslashreplace")))


def write_json(path: Path, document: Any) -> None:
    """Write a JSON document whole, indented, keys in the given order."""
    write_text(path, json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows as CSV, whole; a value missing from a row is left empty.

    Lines end in a carriage return and a line feed, as RFC 4180 has it: with a line feed alone,
    Python would not quote a value that holds a carriage return, and it would not come back.
    """

    def write(file: BinaryIO) -> None:
        text = codecs.getwriter("utf-8")(file, "backslashreplace")
        writer = csv.DictWriter(text, columns, restval="", lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(rows)

    write_whole(path, write)


def read_csv(path: Path) -> list[dict[str, str]]:
    """Read a CSV file as a list of rows, every value a string."""
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def holds_others(path: Path, left: tuple[str, ...]) -> bool:
    """Tell whether a path is a file, or a folder with more in it than files that begin with `left`.

    These are what a process that is killed at its very start leaves behind.
    """
    if not path.exists():
        return False
    return not path.is_dir() or any(not entry.name.startswith(left) for entry in path.iterdir())


@contextlib.contextmanager
def locked(folder: Path, instead: str, *, wait: float = 0.0) -> Iterator[int]:
    """Keep every other process from working in a folder; a crash lets go. Gives the descriptor.

    A process that inherits the descriptor holds the lock too. `instead` says what to do where the
    folder is taken; before that, it is waited for `wait` seconds.

    Raises:
        LayerscopeError: another process works in this folder.

    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        end = time.monotonic() + wait
        while not _taken(descriptor):
            if time.monotonic() >= end:
                holder = os.read(descriptor, 20).decode() or "unknown"
                raise LayerscopeError(
                    f"another process works in {folder} (process {holder}): {instead}"
                )
            time.sleep(0.1)
        os.truncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield descriptor
    finally:
        os.close(descriptor)


def holder(folder: Path) -> str | None:
    """Name the process that works in a folder, by its id; None where none does."""
    try:
        descriptor = os.open(folder / ".lock", os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.read(descriptor, 20).decode() or "unknown"
    finally:
        os.close(descriptor)
    return None


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
