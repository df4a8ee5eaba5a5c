"""How far long work has come and how much time is left, on stderr; never on stdout."""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

SHOWN_AFTER = 1.0
"""Seconds; work that ends sooner shows nothing."""

LINE_EVERY = 5.0
"""Seconds between two lines where stderr is not a terminal."""

_silent: ContextVar[bool] = ContextVar("_silent", default=False)
_display: ContextVar[Progress | None] = ContextVar("_display", default=None)

Receive = Callable[[str, int, int | None, str], object]
"""Takes what the work is called, units done, units in all or None, and the text beside them."""

_receive: ContextVar[Receive | None] = ContextVar("_receive", default=None)


class Step(Protocol):
    """Report that `advance` more units are done; `text` (a loss, a layer) is shown beside them."""

    def __call__(self, advance: int = 1, text: str = "") -> None: ...  # noqa: D102


@contextlib.contextmanager
def bar(description: str, total: int | None = None, unit: str = "steps") -> Iterator[Step]:
    """Show the progress of the work inside: share done, rate, time left; bars may be nested.

    A bar at a terminal, a line every few seconds elsewhere, nothing for work under a second.

    >>> with bar("training", total=9666, unit="images") as step:
    ...     step(32, "loss 0.41")
    """
    receive = _receive.get()
    if receive is not None:
        yield _told(receive, description, total)
    elif _silent.get() or os.environ.get("LAYERSCOPE_QUIET", "") not in ("", "0"):
        yield lambda advance=1, text="": None
    elif sys.stderr.isatty():
        with _terminal_bar(description, total, unit) as step:
            yield step
    else:
        yield _lines(description, total, unit)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Show no progress inside; `LAYERSCOPE_QUIET=1` does so for a whole process.

    >>> with quiet(), bar("training", total=10) as step:
    ...     step()
    """
    token = _silent.set(True)
    try:
        yield
    finally:
        _silent.reset(token)


@contextlib.contextmanager
def told_to(receive: Receive) -> Iterator[None]:
    """Give the progress of the work inside to a function, and show none of it.

    >>> with told_to(lambda *told: print(told)), bar("training", total=2) as step:
    ...     step(1, "loss 0.41")
    ('training', 1, 2, 'loss 0.41')
    """
    token = _receive.set(receive)
    try:
        yield
    finally:
        _receive.reset(token)


def _told(receive: Receive, description: str, total: int | None) -> Step:
    done = 0

    def step(advance: int = 1, text: str = "") -> None:
        nonlocal done
        done += advance
        receive(description, done, total, text)

    return step


@contextlib.contextmanager
def _terminal_bar(description: str, total: int | None, unit: str) -> Iterator[Step]:
    with contextlib.ExitStack() as stack:
        display = _display.get()
        if display is None:
            display = _new_display()
            token = _display.set(display)
            stack.callback(_display.reset, token)
            stack.callback(display.stop)
        task = display.add_task(description, total=total, visible=False, unit=unit, text="")

        def show() -> None:
            display.update(task, visible=True)
            display.start()

        timer = threading.Timer(SHOWN_AFTER, show)
        timer.daemon = True
        timer.start()
        stack.callback(timer.join)
        stack.callback(timer.cancel)

        def step(advance: int = 1, text: str = "") -> None:
            display.update(task, advance=advance, text=text)

        yield step


def _new_display() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        _Count(),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("{task.fields[text]}"),
        console=Console(file=sys.stderr),
    )


class _Count(ProgressColumn):
    """The units done, and done per second."""

    def render(self, task: Task) -> Text:
        unit = task.fields["unit"]
        rate = task.finished_speed or task.speed
        return Text(_count(int(task.completed), task.total, unit) + _rate(rate, unit))


def _lines(description: str, total: int | None, unit: str) -> Step:
    """Write a plain line now and then, for logs."""
    start = time.monotonic()
    written = start + SHOWN_AFTER - LINE_EVERY
    done = 0

    def step(advance: int = 1, text: str = "") -> None:
        nonlocal written, done
        done += advance
        now = time.monotonic()
        last = done == total and written > start
        if now - written < LINE_EVERY and not last:
            return
        written = now
        rate = done / max(now - start, 1e-9)
        line = f"{description}: {_count(done, total, unit)}{_rate(rate, unit)}"
        if total and rate:
            line = f"{description}: {100 * done / total:.0f} %, " + line.split(": ", 1)[1]
            line += f", {clock((total - done) / rate)} left"
        sys.stderr.write(line + (f", {text}" if text else "") + "\n")
        sys.stderr.flush()

    return step


def _count(done: int, total: float | None, unit: str) -> str:
    return f"{done:,} of {total:,.0f} {unit}" if total else f"{done:,} {unit}"


def _rate(rate: float | None, unit: str) -> str:
    if not rate:
        return ""
    return f", {rate:,.0f} {unit}/s" if rate >= 10 else f", {rate:.2g} {unit}/s"


def clock(seconds: float) -> str:
    """Write a time as minutes and seconds, or with hours.

    >>> clock(75), clock(7275)
    ('1:15', '2:01:15')
    """
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
