"""How a sweep stands while it runs, on stderr: a table at a terminal, else a line now and then."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.table import Table

from layerscope.progress import clock

if TYPE_CHECKING:
    from layerscope.study import Study
    from layerscope.training.sweep.board import Snapshot
    from layerscope.training.sweep.folder import State
    from layerscope.training.sweep.local import Watch

LINE_EVERY = 10.0
"""Seconds between two lines where stderr is not a terminal, unless a trial ends."""
FINISHED_SHOWN = 12
"""Finished trials that the table shows, the best first."""


@contextlib.contextmanager
def live(study: "Study") -> Iterator["Watch"]:
    """Give a function that shows how the sweep of a study stands; `LAYERSCOPE_QUIET=1` silences."""
    if os.environ.get("LAYERSCOPE_QUIET", "") not in ("", "0"):
        yield lambda snapshot: None
    elif sys.stderr.isatty():
        with Live(console=Console(file=sys.stderr), refresh_per_second=4) as shown:
            yield lambda snapshot: shown.update(_table(snapshot))
    else:
        yield _Lines().show


class _Lines:
    """Plain lines for logs: when a trial ends, and now and then."""

    def __init__(self) -> None:
        self._written = time.monotonic()
        self._ended: int | None = None

    def show(self, snapshot: "Snapshot") -> None:
        ended = snapshot.count("finished") + snapshot.count("failed")
        now = time.monotonic()
        news = self._ended is not None and ended != self._ended
        if not news and now - self._written < LINE_EVERY:
            self._ended = ended
            return
        self._written, self._ended = now, ended
        sys.stderr.write(summary(snapshot) + "\n")
        sys.stderr.flush()


def summary(snapshot: "Snapshot") -> str:
    """Say in one line how far a sweep is."""
    parts = [f"sweep: {snapshot.count('finished')} of {len(snapshot.states)} trials finished"]
    if failed := snapshot.count("failed"):
        parts.append(f"{failed} failed")
    if snapshot.stopped:
        parts.append(f"{len(snapshot.stopped)} settings stopped")
    for each in snapshot.running:
        parts.append(f"{each.trial.name} {100 * each.share:.0f} %")
    if best := _finished(snapshot):
        parts.append(f"best {best[0].figures['balanced_accuracy']:.4f}")
    if snapshot.left is not None and snapshot.running:
        parts.append(f"{clock(snapshot.left)} left")
    return ", ".join(parts)


def _table(snapshot: "Snapshot") -> Table:
    """Lay out what runs, what has ended, and what has failed."""
    table = Table(title=summary(snapshot).split(": ", 1)[1], title_justify="left")
    for name in ("trial", "state", "balanced accuracy", "time"):
        table.add_column(name, justify="left" if name in ("trial", "state") else "right")
    now = time.monotonic()
    for each in snapshot.running:
        until = "" if each.until is None else f" to epoch {each.until}"
        doing = f"{100 * each.share:3.0f} %{until} {each.text}"
        table.add_row(each.trial.setting.told(), doing, "", clock(now - each.since), style="bold")
    finished = _finished(snapshot)
    for state in finished[:FINISHED_SHOWN]:
        figure = f"{state.figures['balanced_accuracy']:.4f}"
        table.add_row(_name(state), "finished", figure, clock(state.seconds))
    if len(finished) > FINISHED_SHOWN:
        table.add_row(f"and {len(finished) - FINISHED_SHOWN} more", "finished", "", "")
    for state in snapshot.states:
        if state.name == "failed":
            table.add_row(_name(state), f"failed: {state.reason}", "", "", style="red")
    return table


def _finished(snapshot: "Snapshot") -> list["State"]:
    full = [state for state in snapshot.states if state.name == "finished"]
    return sorted(full, key=lambda state: -state.figures["balanced_accuracy"])


def _name(state: "State") -> str:
    return f"{state.trial.setting.told()}, seed {state.trial.seed}"
