"""The processes of a sweep's local engine: one trial at a time each, kept from trial to trial."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from layerscope.training.sweep.trials import Trial
from layerscope.training.sweep.worker import GRACE

_PROGRAM = "from layerscope.training.sweep.worker import main; main()"

Shown = Callable[[int, int | None, str], None]
"""Takes what of a trial is done, how much it is in all, and the text beside it."""


class Worker:
    """A process that trains trials; started again where one of them has ended it.

    `lock` is a descriptor that it holds as long as it lives, so that after a kill of the sweep
    nothing begins anew before its last process is gone.
    """

    def __init__(self, threads: int, lock: int) -> None:
        self._threads, self._lock = threads, lock
        self._closed = False
        self._process, self._errors = self._start()

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def train(self, trial: Trial, folder: Path, until: int | None, shown: Shown) -> dict[str, Any]:
        """Train a trial and give its state: finished, paused, failed or interrupted, and why.

        A process that ends underway is replaced; the trial's state then is "killed".
        """
        order = {
            "study": trial.study.model_dump(mode="json"),
            "folder": str(folder),
            "until": until,
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(OSError, ValueError):  # its end is told by what it answers
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        for line in self._process.stdout:
            answer = json.loads(line)
            if answer["event"] == "end":
                if answer["state"] == "failed" and not self._closed:
                    self._renew()  # what failed may have left little memory behind
                return answer
            shown(answer["done"], answer["total"], answer["text"])
        if self._closed:
            return {"state": "interrupted"}
        reason = self._how_it_ended()
        self._renew()
        return {"state": "killed", "reason": reason}

    def close(self) -> None:
        """Ask it to end: a training under way saves itself first."""
        self._closed = True
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()

    def wait(self) -> None:
        """Wait until it has ended; end it where it does not in good time."""
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for stream in (self._process.stdout, self._errors):
            if stream is not None:
                stream.close()

    def _renew(self) -> None:
        self.close()
        self._process.kill()
        self.wait()
        self._closed = False
        self._process, self._errors = self._start()

    def _how_it_ended(self) -> str:
        status = self._process.wait()
        if status < 0:
            name = signal.Signals(-status).name
            hint = ": where memory is short the system does so" if status == -9 else ""
            return f"its process was ended by {name}{hint}"
        self._errors.seek(0)
        told = self._errors.read().decode(errors="replace").strip().splitlines()
        return f"its process ended with status {status}: {(told or ['no reason'])[-1]}"

    def _start(self) -> tuple[subprocess.Popen[str], IO[bytes]]:
        errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed by wait)
        threads = {name: str(self._threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
        path = os.pathsep.join(p for p in sys.path if p)
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=os.environ | threads | {"PYTHONPATH": path},
            encoding="utf-8",
            pass_fds=(self._lock,),
            start_new_session=True,  # a Ctrl-C is the sweep's, which asks it to end
        )
        return process, errors
