"""Who trains what: the trials of a sweep, handed out to those who train them, one at a time."""

import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from layerscope.training.sweep.folder import State, SweepFolder, by_setting, standing
from layerscope.training.sweep.plan import Plan, plan
from layerscope.training.sweep.trials import Cost, Trial

KILLS = 2
"""A trial whose process was ended so many times has failed."""


@dataclass
class Running:
    """A trial under way: what of this order is done, in images, and since when."""

    trial: Trial
    until: int | None
    since: float
    done: int = 0
    total: int | None = None
    text: str = ""

    @property
    def share(self) -> float:
        """What part of this order is done."""
        return self.done / self.total if self.total else 0.0


@dataclass(frozen=True)
class Snapshot:
    """How a sweep stands at a moment; `left` seconds, None where not known yet."""

    states: tuple[State, ...]
    running: tuple[Running, ...]
    stopped: frozenset[int]
    elapsed: float
    left: float | None

    def count(self, name: str) -> int:
        """Count the trials in a state."""
        return sum(state.name == name for state in self.states)


class Board:
    """The state of a sweep under way, shared by the threads that train."""

    def __init__(self, folder: SweepFolder, costs: Mapping[int, Cost]) -> None:
        assert folder.study.sweep is not None
        self.folder, self._costs = folder, costs
        self._halving = folder.study.sweep.halving
        self._states = {trial.name: folder.state(trial) for trial in folder.trials}
        self._running: dict[str, Running] = {}
        self._kills: Counter[str] = Counter()
        self._changed = threading.Condition()
        self._closed = False
        self._start = time.monotonic()
        self._work = 0.0  # of trials that have ended here, in FLOPs

    def next(self) -> tuple[Trial, int | None] | None:
        """Take the next trial and until which epoch it is to be trained; None: all is done."""
        with self._changed:
            while not self._closed:
                free = [job for job in self._jobs() if job[0].name not in self._running]
                if free:
                    longest = max(free, key=lambda job: self._effort(*job))
                    trial, until = free[0] if self._halving else longest
                    self._running[trial.name] = Running(trial, until, time.monotonic())
                    return trial, until
                if not self._running:
                    return None
                self._changed.wait()
            return None

    def show(self, trial: Trial, done: int, total: int | None, text: str) -> None:
        """Note how far a trial has come."""
        with self._changed:
            if running := self._running.get(trial.name):
                running.done, running.total, running.text = done, total, text

    def end(self, trial: Trial, answer: Mapping[str, Any]) -> None:
        """Note what became of a trial, first on disk."""
        state = answer["state"]
        if state == "finished":
            self.folder.finish(trial, answer.get("memory"))
        elif state == "failed":
            self.folder.fail(trial, answer["reason"])
        with self._changed:
            if state == "killed":
                self._kills[trial.name] += 1
                if self._kills[trial.name] >= KILLS:
                    self.folder.fail(trial, f"{answer['reason']} ({KILLS} times)")
            running = self._running.pop(trial.name)
            if state in ("finished", "paused"):
                self._work += self._effort(trial, running.until)
            self._states[trial.name] = self.folder.state(trial)
            self._changed.notify_all()

    def close(self) -> None:
        """Hand out nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def snapshot(self) -> Snapshot:
        """Give the state of this moment."""
        with self._changed:
            running = tuple(self._running.values())
            elapsed = time.monotonic() - self._start
            done = self._work + sum(self._effort(r.trial, r.until) * r.share for r in running)
            todo = sum(self._effort(*job) for job in self._jobs())
            todo -= sum(self._effort(r.trial, r.until) * r.share for r in running)
            left = elapsed * todo / done if done else None
            return Snapshot(
                tuple(self._states.values()), running, self._plan().stopped, elapsed, left
            )

    def _plan(self) -> Plan:
        grouped = by_setting(list(self._states.values()))
        epochs = {
            number: states[0].trial.study.training.epochs for number, states in grouped.items()
        }
        return plan([standing(states) for states in grouped.values()], self._halving, epochs)

    def _jobs(self) -> list[tuple[Trial, int | None]]:
        """List the trials that the plan asks for and that are not there yet."""
        grouped = by_setting(list(self._states.values()))
        jobs = []
        for number, until in self._plan().todo:
            for state in grouped[number]:
                reached = until is not None and state.epochs >= until
                if state.name not in ("finished", "failed") and not reached:
                    jobs.append((state.trial, until))
        return jobs

    def _effort(self, trial: Trial, until: int | None) -> float:
        """Estimate what an order costs: FLOPs of an example, times the epochs it asks for."""
        epochs = trial.study.training.epochs if until is None else until
        done = self._states[trial.name].epochs
        return self._costs[trial.setting.number].flops * max(epochs - done, 0.5)
