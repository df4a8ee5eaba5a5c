"""Room on disk for what does not fit into the memory budget; gone when nobody holds it any more.

The files have no name: they lie where `tempfile` puts them (`TMPDIR`) and vanish with the process
or with the last array over them, also after a crash.
"""

import errno
import os
import tempfile
from dataclasses import dataclass, field
from typing import IO

import numpy as np
import torch
from torch import Tensor

from layerscope.errors import LayerscopeError


def zeros(shape: tuple[int, ...], *, on_disk: bool) -> Tensor:
    """Return float32 zeros, in memory or mapped from a file on disk.

    >>> zeros((2, 3), on_disk=True).sum()
    tensor(0.)
    """
    if not on_disk or not torch.Size(shape).numel():
        return torch.zeros(shape)
    with _nameless() as file:
        _reserve(file, 4 * torch.Size(shape).numel())
        return torch.from_numpy(np.memmap(file, dtype=np.float32, mode="r+", shape=shape))


@dataclass(frozen=True, eq=False)
class Shelf:
    """Examples kept on disk under a number, until they are dropped; all of one shape and dtype.

    >>> shelf = Shelf()
    >>> shelf.put(7, torch.ones(2, 3))
    >>> shelf.take([7]).shape, shelf.numbers()
    (torch.Size([1, 2, 3]), [7])
    >>> shelf.close()
    """

    _file: IO[bytes] = field(default_factory=lambda: _nameless())
    _slots: dict[int, int] = field(default_factory=dict)
    _free: list[int] = field(default_factory=list)
    _like: list[Tensor] = field(default_factory=list)

    def put(self, number: int, example: Tensor) -> None:
        """Keep one example."""
        if not self._like:
            self._like.append(torch.empty_like(example, device="cpu").contiguous())
        slot = self._free.pop() if self._free else len(self._slots)
        content = example.detach().cpu().contiguous().flatten().view(torch.uint8)
        try:
            self._file.seek(slot * len(content))
            if self._file.write(content.numpy().tobytes()) < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise _no_room(error) from error
        self._slots[number] = slot

    def drop(self, number: int) -> None:
        """Forget one example; its room is used again."""
        self._free.append(self._slots.pop(number))

    def close(self) -> None:
        """Give the room on disk back."""
        self._file.close()

    def numbers(self) -> list[int]:
        """List what is kept, in ascending order."""
        return sorted(self._slots)

    def take(self, numbers: list[int]) -> Tensor:
        """Return some examples, `(N, *shape)`, to the last bit."""
        result = self._like[0].new_empty((len(numbers), *self._like[0].shape))
        for row, number in zip(result, numbers, strict=True):
            content = row.view(-1).view(torch.uint8).numpy()
            self._file.seek(self._slots[number] * len(content))
            content[:] = np.frombuffer(self._file.read(len(content)), np.uint8)
        return result


def _nameless() -> IO[bytes]:
    return tempfile.TemporaryFile(prefix="layerscope-", buffering=0)


def _reserve(file: IO[bytes], size: int) -> None:
    """Take the room now: a write into a mapped file that finds no room would end the process."""
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            file.truncate(size)
    except OSError as error:
        raise _no_room(error, size) from error


def _no_room(error: OSError, size: int = 0) -> LayerscopeError:
    wanted = f"{size / 1e9:.1f} GB in " if size else ""
    return LayerscopeError(
        f"cannot write {wanted}{tempfile.gettempdir()}: {error.strerror or error}; free some "
        "space, set TMPDIR to a folder on a larger disk, or ask for fewer layers or a smaller top="
    )
