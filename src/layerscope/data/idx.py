"""MNIST as its authors give it: four idx files, plain or gzipped, checked by their contents."""

import gzip
import hashlib
import struct
import zlib
from pathlib import Path

import numpy as np

from layerscope.errors import LayerscopeError

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
"""Where the files are to be had as NAME.gz; their first home is http://yann.lecun.com/exdb/mnist/."""

CONTENTS = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
"""md5 of each file's content, unpacked: archives differ with the program that made them."""


def load_mnist(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Read train images uint8 (60000, 28, 28), train labels uint8 (60000,), then those of test.

    Raises:
        LayerscopeError: files are missing (the message says where they are to be had and what
            their contents' checksums are), damaged, or not MNIST's.

    """
    paths = {name: _find(folder, name) for name in CONTENTS}
    missing = [name for name, path in paths.items() if path is None]
    if missing:
        raise LayerscopeError(_where_to_get(folder, missing))
    train_x, train_y, test_x, test_y = (
        read_idx(path, md5=CONTENTS[name]) for name, path in paths.items() if path is not None
    )
    return train_x, train_y, test_x, test_y


def read_idx(path: Path, md5: str | None = None) -> np.ndarray:
    """Read an idx file of unsigned bytes, plain or gzipped (by content, whatever its name says).

    The result is uint8 with the sizes that the file states.

    Raises:
        LayerscopeError: the file is damaged, or its unpacked content has not the given `md5`.

    """
    try:
        raw = path.read_bytes()
        if raw[:2] == b"\x1f\x8b":
            raw = gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise LayerscopeError(f"cannot read {path}: {error}; get it again") from error
    found = hashlib.md5(raw, usedforsecurity=False).hexdigest()
    if md5 is not None and found != md5:
        raise LayerscopeError(
            f"{path} is not MNIST's: the md5 of its unpacked content is {found}, not {md5}; "
            f"get it again, for example from {MIRRORS[0]}"
        )
    if len(raw) < 4 or raw[:3] != b"\0\0\x08" or len(raw) < 4 + 4 * raw[3]:
        raise LayerscopeError(f"{path} is no idx file of unsigned bytes: it begins {raw[:4]!r}")
    axes = raw[3]
    shape = struct.unpack(f">{axes}I", raw[4 : 4 + 4 * axes])
    values = np.frombuffer(raw, dtype=np.uint8, offset=4 + 4 * axes)
    if len(values) != np.prod(shape, dtype=np.int64):
        raise LayerscopeError(
            f"{path} holds {len(values)} values but states {' x '.join(map(str, shape))}: "
            "it is cut off, get it again"
        )
    return values.reshape(shape)


def _find(folder: Path, name: str) -> Path | None:
    """Find a file as it is spelled by its authors, or with a dot before idx, gzipped or not."""
    for spelling in (name, name.replace("-idx", ".idx")):
        for suffix in (".gz", ""):
            path = folder / (spelling + suffix)
            if path.is_file():
                return path
    return None


def _where_to_get(folder: Path, missing: list[str]) -> str:
    lines = [f"{folder} lacks {len(missing)} of MNIST's four files (each may end in .gz or not):"]
    lines += [f"  {name}  (md5 of the unpacked content {CONTENTS[name]})" for name in missing]
    lines.append(f"get them from {' or '.join(MIRRORS)}, as NAME.gz")
    return "\n".join(lines)
