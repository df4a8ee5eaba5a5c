"""The pack: every photograph decoded once into one memory-mapped file, "example y x channel"."""

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
from layerscope.data import photo
from layerscope.data.folders import ClassFolder, File
from layerscope.data.workers import cannot_write, decode_into
from layerscope.errors import LayerscopeError
from layerscope.progress import bar


@dataclass(frozen=True, eq=False)
class Pack:
    """What decoding gave for N photographs, in the order they were listed.

    `pixels` uint8 (N, y, x, channel), mapped from disk; the row of a refused one is empty. `sha256`
    uint8 (N, 32), of the files' contents. `sums` int64 (N, 2, channel): of the pixels, and of their
    squares. `reasons`: why a photograph is refused, by position.
    """

    pixels: np.ndarray
    sha256: np.ndarray
    sums: np.ndarray
    reasons: dict[int, str]


def open_pack(
    root: Path,
    folders: Sequence[ClassFolder],
    files: Sequence[File],
    decoder: photo.Decoder,
) -> Pack:
    """Open the pack of some files in `folders` below `root`, building it if need be.

    There is one pack for the `folders` of a `root` and a decoder. It is built again when a
    photograph was added, removed or changed, which the stamps tell (size, times of modification
    and of change, inode: the content is not read again), or Pillow was. A second run that wants the
    same pack waits for the first. A build that is cut off leaves no pack, only a temporary file
    that the next build removes.

    Raises:
        LayerscopeError: the cache cannot be written, or the disk is too small.

    """
    folder = cache_folder() / "packs"
    key = [str(root.resolve()), sorted(place.path for place in folders), asdict(decoder)]
    name = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:24]
    paths = [file.path for file in files]
    listing = _listing(files)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder / f"{name}.lock"):
            pack = _opened(folder, name, listing, len(paths), decoder)
            if pack is None:
                _build(folder, name, listing, root, paths, decoder)
                pack = _opened(folder, name, listing, len(paths), decoder)
    except OSError as error:
        told = error.strerror or str(error)
        raise LayerscopeError(cannot_write(folder / name, error.errno, told)) from error
    if pack is None:
        raise LayerscopeError(f"the pack just built in {folder} is gone: something deletes it")
    return pack


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


def _listing(files: Sequence[File]) -> str:
    """Digest what the pack is made from: the files and their state, and the decoder's versions."""
    digest = hashlib.sha256(json.dumps(photo.versions(), sort_keys=True).encode())
    for file in files:
        digest.update(os.fsencode(file.path) + b"\0" + file.stamp)
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


def _opened(
    folder: Path, name: str, listing: str, count: int, decoder: photo.Decoder
) -> Pack | None:
    """Open the pack if it is there, whole and made from what is listed."""
    shape = (count, decoder.size, decoder.size, decoder.channels)
    try:
        with (
            open(folder / f"{name}.npz", "rb") as file,
            np.load(file, allow_pickle=False) as index,
        ):
            about = json.loads(str(index["about"]))
            if about["listing"] != listing:
                return None
            sha256, sums = index["sha256"], index["sums"]
        pixels = np.load(folder / about["pixels"], mmap_mode="r")
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None
    if pixels.shape != shape or len(sha256) != count:
        return None
    reasons = {int(position): reason for position, reason in about["reasons"].items()}
    return Pack(np.asarray(pixels), sha256, sums, reasons)


def _build(
    folder: Path,
    name: str,
    listing: str,
    root: Path,
    paths: Sequence[str],
    decoder: photo.Decoder,
) -> None:
    """Decode into a temporary file, then rename it; the index, written last, makes it valid."""
    _remove(folder.glob(f"{name}-*"))  # out of date, or left by a build that was cut off
    shape = (len(paths), decoder.size, decoder.size, decoder.channels)
    _check_space(folder, int(np.prod(shape)))
    temporary = folder / f"{name}-{os.getpid()}.part"
    sha256 = np.zeros((len(paths), 32), dtype=np.uint8)
    sums = np.zeros((len(paths), 2, decoder.channels), dtype=np.int64)
    reasons: dict[str, str] = {}
    try:
        begin = _reserve(temporary, shape)
        position = 0
        with bar("packing", total=len(paths), unit="photographs") as step:
            for answers in decode_into(temporary, begin, root, paths, decoder):
                for digest, reason, channel_sums in answers:
                    if digest:
                        sha256[position] = np.frombuffer(bytes.fromhex(digest), dtype=np.uint8)
                    if reason:
                        reasons[str(position)] = reason
                    else:
                        sums[position] = np.reshape(channel_sums, (2, decoder.channels))
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


def _reserve(path: Path, shape: tuple[int, ...]) -> int:
    """Begin a .npy file of uint8 at its full size, still empty; give where its data begin."""
    with open(path, "wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        begin = file.tell()
        file.truncate(begin + int(np.prod(shape)))
    return begin


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise LayerscopeError(
            f"the pack needs {needed / 1e9:.1f} GB and {folder} has {free / 1e9:.1f} GB free: "
            "free some space, set LAYERSCOPE_CACHE to a folder on a larger disk, "
            "or lower data.size"
        )


def _remove(paths: Iterable[Path]) -> None:
    for path in list(paths):
        with contextlib.suppress(OSError):
            path.unlink()
