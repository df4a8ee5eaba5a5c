"""The folder of a sweep: what was asked, a run for each trial, what came of it; all on disk."""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from layerscope import storage
from layerscope.errors import LayerscopeError
from layerscope.training.sweep.plan import Standing
from layerscope.training.sweep.trials import Setting, Trial, trials_of

if TYPE_CHECKING:
    from layerscope.run import Run
    from layerscope.study import Study

WAIT = 60.0
"""Seconds that the processes of a killed sweep may take to save themselves and end."""


@dataclass(frozen=True)
class State:
    """How a trial stands: waiting, begun, paused, finished or failed; figures are those of val.

    `scores` is the sweep's metric after each validated epoch. `memory` bytes, `seconds` of
    training; None where not known.
    """

    trial: Trial
    name: str = "waiting"
    reason: str = ""
    epochs: int = 0
    images: int = 0
    seconds: float = 0.0
    memory: int | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    scores: Mapping[int, float] = field(default_factory=dict)


class SweepFolder:
    """A sweep on disk. Use `create` or `open`: the constructor only names the files.

    >>> SweepFolder(Path("runs/six")).table_file.name
    'sweep.csv'
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.study_file = self.path / "sweep.toml"
        self.trials_folder = self.path / "trials"
        self.table_file = self.path / "sweep.csv"
        self.settings_file = self.path / "settings.csv"
        self.document_file = self.path / "sweep.json"

    @classmethod
    def create(cls, path: str | Path, study: "Study") -> Self:
        """Make the folder, or open it where it holds the same sweep.

        Raises:
            LayerscopeError: it holds another sweep (says in what they differ), or something else.

        """
        from layerscope.run import differences

        folder = cls(path)
        if folder.study_file.exists():
            if folder.study != study:
                raise LayerscopeError(
                    f"{path} holds the sweep of another study ({differences(folder.study, study)})"
                    ": name another folder, or remove this one"
                )
            return folder
        if storage.holds_others(folder.path, (".sweep.toml.", ".lock")):
            raise LayerscopeError(
                f"{path} is there already and is no sweep (it has no sweep.toml): name a new folder"
            )
        study.save(folder.study_file)
        return folder

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open a sweep's folder.

        Raises:
            LayerscopeError: there is none.

        """
        folder = cls(path)
        if not folder.study_file.is_file():
            raise LayerscopeError(
                f"{path} is no sweep: it has no sweep.toml; a sweep is made by "
                f"`layerscope sweep STUDY.toml --out {path}`"
            )
        return folder

    @cached_property
    def study(self) -> "Study":
        """The study that was asked for, with its `[sweep]`."""
        from layerscope.study import Study

        return Study.load(self.study_file)

    @cached_property
    def trials(self) -> list[Trial]:
        """All trials of the sweep."""
        return trials_of(self.study)

    @contextlib.contextmanager
    def locked(self) -> Iterator[int]:
        """Keep every other sweep out, and wait for the last processes of one that was killed."""
        with storage.locked(self.path, "wait until it ends", wait=WAIT) as descriptor:
            yield descriptor

    def run_folder(self, trial: Trial) -> Path:
        """Name the run folder of a trial."""
        return self.trials_folder / trial.name

    def run(self, trial: Trial) -> "Run":
        """Open the run of a trial."""
        from layerscope.run import Run

        return Run.open(self.run_folder(trial))

    def state(self, trial: Trial) -> State:
        """Read from disk how a trial stands."""
        from layerscope.run import Run

        run, outcome = Run(self.run_folder(trial)), self._outcome(trial)
        rows = storage.read_csv(run.history_file) if run.history_file.is_file() else []
        metric = f"val_{trial_metric(self.study)}"
        scores = {int(row["epoch"]): float(row[metric]) for row in rows if row[metric]}
        begun = "begun" if run.path.is_dir() else "waiting"
        return State(
            trial,
            outcome.get("state") or begun,
            outcome.get("reason", ""),
            epochs=len(rows),
            images=int(rows[-1]["images"]) if rows else 0,
            seconds=float(rows[-1]["seconds"]) if rows else 0.0,
            memory=outcome.get("memory"),
            figures=outcome.get("figures", {}),
            scores=scores,
        )

    def finish(self, trial: Trial, memory: int | None) -> None:
        """Write what came of a trial whose training and predictions are complete."""
        told = self.run(trial).evaluation("val")
        figures = {
            "accuracy": told.accuracy.value,
            "balanced_accuracy": told.balanced_accuracy.value,
            "macro_f1": told.macro_f1.value,
        }
        self._write(trial, {"state": "finished", "memory": memory, "figures": figures})

    def fail(self, trial: Trial, reason: str) -> None:
        """Write that a trial cannot go on, and why."""
        self._write(trial, {"state": "failed", "reason": reason})

    def forget_failures(self) -> None:
        """Let failed trials be tried again."""
        for trial in self.trials:
            if self._outcome(trial).get("state") == "failed":
                self._outcome_file(trial).unlink()

    def _outcome_file(self, trial: Trial) -> Path:
        return self.trials_folder / f"{trial.name}.json"

    def _outcome(self, trial: Trial) -> dict[str, Any]:
        path = self._outcome_file(trial)
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def _write(self, trial: Trial, outcome: dict[str, Any]) -> None:
        storage.write_json(self._outcome_file(trial), outcome)


def trial_metric(study: "Study") -> str:
    """Name the metric by which a sweep compares."""
    assert study.sweep is not None
    return study.sweep.metric


def by_setting(states: Sequence[State]) -> dict[int, list[State]]:
    """Group the trials of each setting, by its number."""
    grouped: dict[int, list[State]] = {}
    for state in states:
        grouped.setdefault(state.trial.setting.number, []).append(state)
    return grouped


def setting_of(states: Sequence[State]) -> Setting:
    """Give the setting that trials share."""
    return states[0].trial.setting


def standing(states: Sequence[State]) -> Standing:
    """Say how far a setting has come: as far as the last of its trials."""
    last = max((epoch for state in states for epoch in state.scores), default=0)
    scores = {}
    for epoch in range(1, last + 1):
        told = [_score(state, epoch) for state in states]
        known = [score for score in told if score is not None]
        if len(known) == len(states):
            scores[epoch] = sum(known) / len(known)
    return Standing(
        setting_of(states).number,
        scores,
        finished=all(state.name == "finished" for state in states),
        failed=any(state.name == "failed" for state in states),
    )


def _score(state: State, epoch: int) -> float | None:
    """Give the score after an epoch; what has ended before, by its patience, keeps its last."""
    if epoch in state.scores or state.name != "finished" or not state.scores:
        return state.scores.get(epoch)
    reached = [known for known in state.scores if known <= epoch]
    return state.scores[max(reached)] if reached and epoch > max(state.scores) else None
