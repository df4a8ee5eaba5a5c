"""The pack: every photograph or sound decoded once into one memory-mapped file, a row each."""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from layerscope import storage
from layerscope.data.folders import File
from layerscope.data.workers import Decoder, cannot_write, decode_into, row_bytes
from layerscope.errors import LayerscopeError
from layerscope.progress import bar


@dataclass(frozen=True, eq=False)
class Pack:
    """What decoding gave for N files, or parts of files, in the order they were listed.

    `values`, mapped from disk: uint8 (N, y, x, channel) of photographs, int16 (N, time) of sounds;
    the row of a refused one is empty. `sha256` uint8 (N, 32), of the files' contents. `sums` int64
    (N, ...), what the decoder tells of each. `reasons`: why one is refused, by position.
    """

    values: np.ndarray
    sha256: np.ndarray
    sums: np.ndarray
    reasons: dict[int, str]


def open_pack(
    root: Path,
    places: Sequence[str],
    files: Sequence[File],
    decoder: Decoder,
) -> Pack:
    """Open the pack of some files at `places` (folders, a table) of `root`, building it if need be.

    There is one pack for the `places` of a `root` and a decoder. It is built again when a file was
    added, removed or changed, which the stamps tell (size, times of modification and of change,
    inode: the content is not read again), or a decoding library was. A second run that wants the
    same pack waits for the first. A build that is cut off leaves no pack, only a temporary file
    that the next build removes.

    Raises:
        LayerscopeError: the cache cannot be written, or the disk is too small.

    """
    folder = cache_folder() / "packs"
    key = [str(root.resolve()), sorted(places), asdict(decoder)]
    name = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:24]
    listing = _listing(files, decoder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder / f"{name}.lock"):
            pack = _opened(folder, name, listing, len(files), decoder)
            if pack is None:
                _build(folder, name, listing, root, files, decoder)
                pack = _opened(folder, name, listing, len(files), decoder)
    except OSError as error:
        told = error.strerror or str(error)
        raise LayerscopeError(cannot_write(folder / name, error.errno, told)) from error
    if pack is None:
        raise LayerscopeError(f"the pack just built in {folder} is gone: something deletes it")
    return pack


def aligned(files: Sequence[File], pack: Pack) -> tuple[list[str], np.ndarray, list[bytes]]:
    """Give reason, row (-1 for none) and digest of every file; those without a reason are packed.

    The rows are int64 (N,); a digest is b"" where the content was not read.
    """
    reasons, rows, digests = [], np.full(len(files), -1, dtype=np.int64), []
    row = 0
    for place, file in enumerate(files):
        reason, digest = file.reason, b""
        if not reason:
            reason, digest = pack.reasons.get(row, ""), pack.sha256[row].tobytes()
            rows[place] = -1 if reason else row
            row += 1
        reasons.append(reason)
        digests.append(digest if any(digest) else b"")
    return reasons, rows, digests


def cache_folder() -> Path:
    """Give the folder of packs: $LAYERSCOPE_CACHE, else the user's cache folder (XDG).

    >>> cache_folder().is_absolute()
    True
    """
    given = os.environ.get("LAYERSCOPE_CACHE")
    if given:
        return Path(os.path.expanduser(given)).absolute()
    xdg = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(xdg):
        return Path(xdg) / "layerscope"
    try:
        return Path.home() / ".cache" / "layerscope"
    except RuntimeError:
        raise LayerscopeError(
            "there is no home folder to keep packs in: set LAYERSCOPE_CACHE to a folder"
        ) from None


def _listing(files: Sequence[File], decoder: Decoder) -> str:
    """Digest what the pack is made from: the files and their state, and the decoder's versions."""
    digest = hashlib.sha256(json.dumps(decoder.versions(), sort_keys=True).encode())
    for file in files:
        digest.update(os.fsencode(file.path) + b"\0" + file.stamp)
        if file.part:
            digest.update(repr(file.part).encode())
    return digest.hexdigest()


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Hold a lock that ends with the process; while another run holds it, say so and wait."""
    with open(lock, "ab") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with bar("waiting for another run that makes the same pack", 1, "pack") as step:
                fcntl.flock(held, fcntl.LOCK_EX)
                step()
        yield


def _opened(folder: Path, name: str, listing: str, count: int, decoder: Decoder) -> Pack | None:
    """Open the pack if it is there, whole and made from what is listed."""
    shape = (count, *decoder.row_shape)
    try:
        with (
            open(folder / f"{name}.npz", "rb") as file,
            np.load(file, allow_pickle=False) as index,
        ):
            about = json.loads(str(index["about"]))
            if about["listing"] != listing:
                return None
            sha256, sums = index["sha256"], index["sums"]
        values = np.load(folder / about["pixels"], mmap_mode="r")
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None
    if values.shape != shape or len(sha256) != count:
        return None
    reasons = {int(position): reason for position, reason in about["reasons"].items()}
    return Pack(np.asarray(values), sha256, sums, reasons)


def _build(
    folder: Path,
    name: str,
    listing: str,
    root: Path,
    files: Sequence[File],
    decoder: Decoder,
) -> None:
    """Decode into a temporary file, then rename it; the index, written last, makes it valid."""
    _remove(folder.glob(f"{name}-*"))  # out of date, or left by a build that was cut off
    _check_space(folder, len(files) * row_bytes(decoder), decoder.smaller)
    temporary = folder / f"{name}-{os.getpid()}.part"
    sha256 = np.zeros((len(files), 32), dtype=np.uint8)
    sums = np.zeros((len(files), *decoder.sums_shape), dtype=np.int64)
    reasons: dict[str, str] = {}
    try:
        begin = _reserve(temporary, (len(files), *decoder.row_shape), decoder)
        position = 0
        with bar("packing", total=len(files), unit=decoder.unit) as step:
            paths, parts = [file.path for file in files], [file.part for file in files]
            for answers in decode_into(temporary, begin, root, paths, decoder, parts=parts):
                for digest, reason, of_row in answers:
                    if digest:
                        sha256[position] = np.frombuffer(bytes.fromhex(digest), dtype=np.uint8)
                    if reason:
                        reasons[str(position)] = reason
                    else:
                        sums[position] = np.reshape(of_row, decoder.sums_shape)
                    position += 1
                step(len(answers))
        content = hashlib.sha256(sha256.tobytes()).hexdigest()[:16]
        pixels = f"{name}-{content}.npy"
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        os.replace(temporary, folder / pixels)
    finally:
        _remove([temporary])
    about = {"listing": listing, "pixels": pixels, "reasons": reasons}
    storage.write_whole(
        folder / f"{name}.npz",
        lambda file: np.savez(file, about=np.array(json.dumps(about)), sha256=sha256, sums=sums),
    )


def _reserve(path: Path, shape: tuple[int, ...], decoder: Decoder) -> int:
    """Begin a .npy file at its full size, still empty; give where its data begin."""
    with open(path, "wb") as file:
        header = {"descr": decoder.dtype, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        begin = file.tell()
        file.truncate(begin + shape[0] * row_bytes(decoder))
    return begin


def _check_space(folder: Path, needed: int, smaller: str) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise LayerscopeError(
            f"the pack needs {needed / 1e9:.1f} GB and {folder} has {free / 1e9:.1f} GB free: "
            "free some space, set LAYERSCOPE_CACHE to a folder on a larger disk, "
            f"or {smaller}"
        )


def _remove(paths: Iterable[Path]) -> None:
    for path in list(paths):
        with contextlib.suppress(OSError):
            path.unlink()
