"""Worker processes, one a core, that decode files; the user's script is not run in them."""

import contextlib
import errno
import json
import math
import os
import queue
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, ClassVar, Protocol

from layerscope.errors import LayerscopeError

_PROGRAM = "from layerscope.data.worker import main; main()"

_KEPT_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**30)}
"""glibc keeps the memory of one file for the next one: new pages cost a tenth of the time."""

CHUNK = 16
"""Files a worker is given at a time."""

Answer = tuple[str, str, list[int]]
"""sha256, reason ("" when the values are in the pack), what the decoder sums up of them."""


class Decoder(Protocol):
    """Settings of decoding, a dataclass; the module `reader` has it and a function `row`."""

    reader: ClassVar[str]
    dtype: ClassVar[str]
    unit: ClassVar[str]
    smaller: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def row_shape(self) -> tuple[int, ...]:
        """The sizes of one row of the pack."""

    @property
    def sums_shape(self) -> tuple[int, ...]:
        """The sizes of what is summed up of each file."""

    def versions(self) -> dict[str, Any]:
        """Name what else the values depend on."""


Part = tuple[float, ...]
"""Which part of a file is meant, in seconds from and to; nothing: the whole."""


def decode_into(
    pack: Path,
    begin: int,
    root: Path,
    paths: Sequence[str],
    decoder: Decoder,
    jobs: int | None = None,
    *,
    parts: Sequence[Part] | None = None,
) -> Iterator[list[Answer]]:
    """Decode files, or `parts` of them, into rows of a pack file from byte `begin`.

    On all cores or `jobs`. Gives the answers in the order of `paths`, some at a time. A file on
    which its decoder crashes is refused with that reason, and the others go on.

    Raises:
        LayerscopeError: the pack cannot be written, or workers cannot run.

    """
    starts = range(0, len(paths), CHUNK)
    row = row_bytes(decoder)
    crew: queue.SimpleQueue[_Worker] = queue.SimpleQueue()

    def answer(start: int) -> list[Answer]:
        rows = range(start, min(start + CHUNK, len(paths)))
        worker = crew.get()
        try:
            return worker.ask(
                [(begin + k * row, paths[k], *(parts[k] if parts else ())) for k in rows]
            )
        finally:
            crew.put(worker)

    jobs = max(1, min(jobs or cores(), len(starts)))
    with ThreadPoolExecutor(jobs) as threads, contextlib.ExitStack() as stack:
        for _ in range(jobs):
            worker = _Worker(pack, root, decoder)
            crew.put(stack.enter_context(contextlib.closing(worker)))
        stack.callback(threads.shutdown, wait=False, cancel_futures=True)
        yield from threads.map(answer, starts)


def row_bytes(decoder: Decoder) -> int:
    """Give the bytes that one row takes."""
    return math.prod(decoder.row_shape) * int(decoder.dtype[-1])


def cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


_Task = tuple[Any, ...]  # where in the pack the values begin; the path below root; which part


@dataclass(frozen=True)
class _Running:
    process: subprocess.Popen[str]
    errors: IO[bytes]


class _Worker:
    """One worker process, started again when a file crashes it."""

    def __init__(self, pack: Path, root: Path, decoder: Decoder) -> None:
        self._pack = pack
        paths = {"pack": str(pack), "root": str(root)}
        self._setup = {"reader": decoder.reader, "decoder": asdict(decoder), **paths}
        self._closed = False
        self._running = self._start()

    def ask(self, tasks: Sequence[_Task]) -> list[Answer]:
        answers = self._try(tasks)
        if answers is not None:
            return answers
        answers = []
        for task in tasks:  # find the one that crashes the decoder
            one = self._try([task])
            answers += one if one is not None else [("", "its decoder crashes", [])]
        return answers

    def close(self) -> None:
        self._closed = True
        self._end()

    def _try(self, tasks: Sequence[_Task]) -> list[Answer] | None:
        """Give the answers, or None (and a fresh process) when the process crashed."""
        process = self._running.process
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(tasks) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except (OSError, ValueError):  # the pipe is broken, or closed
            line = ""
        if line.endswith("\n"):
            return _checked(json.loads(line), self._pack)
        self._explain(process.wait())
        self._end()
        self._running = self._start()
        return None

    def _explain(self, status: int) -> None:
        """Raise unless a new process may do better: it crashed, and was not ended on purpose."""
        if self._closed or status in (-2, -9, -15):
            raise LayerscopeError(
                "packing was stopped: a worker process was ended from outside; where memory is "
                "short the system does so: lower data.max_pixels or free some memory"
            )
        if status >= 0:
            self._running.errors.seek(0)
            told = self._running.errors.read().decode(errors="replace").strip().splitlines()
            raise LayerscopeError(
                f"a worker process cannot run (exit status {status}): {(told or ['no reason'])[-1]}"
            )

    def _start(self) -> _Running:
        path = {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        environment = os.environ | _KEPT_MEMORY | path
        errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed by _end)
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
            encoding="ascii",
        )
        assert process.stdin is not None
        with contextlib.suppress(OSError):  # the first answer will tell
            process.stdin.write(json.dumps(self._setup) + "\n")
            process.stdin.flush()
        return _Running(process, errors)

    def _end(self) -> None:
        process, errors = self._running.process, self._running.errors
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, errors):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()


def _checked(answer: Any, pack: Path) -> list[Answer]:
    """Pass the answers on; an error of the worker concerns the pack, not a file."""
    if isinstance(answer, list):
        return [(digest, reason, sums) for digest, reason, sums in answer]
    raise LayerscopeError(cannot_write(pack, answer["errno"], answer["strerror"]))


def cannot_write(path: Path, number: int | None, text: str) -> str:
    """Say why a pack cannot be written and what to do."""
    if number == errno.ENOSPC:
        text = f"the disk is full ({text})"
    return (
        f"cannot write the pack in {path.parent}: {text}; free some space, "
        "or set LAYERSCOPE_CACHE to a folder elsewhere"
    )
