"""A sweep from beginning to end: checked, begun or gone on with, trained, written down."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerscope.data.workers import cores
from layerscope.errors import LayerscopeError
from layerscope.training.interrupt import Interrupted
from layerscope.training.sweep.board import Board, Snapshot
from layerscope.training.sweep.crew import Worker
from layerscope.training.sweep.folder import SweepFolder
from layerscope.training.sweep.local import Watch, run_trials, threads_and_jobs
from layerscope.training.sweep.results import write_results
from layerscope.training.sweep.trials import Cost, Trial, costs_of, trials_of

if TYPE_CHECKING:
    from layerscope.study import Study

ENGINES = ("local",)


@dataclass(frozen=True)
class Swept:
    """A sweep's folder and what it found: the document of sweep.json."""

    folder: SweepFolder
    found: dict[str, Any]


def run_sweep(
    study: "Study",
    path: Path,
    *,
    engine: str = "local",
    jobs: int | None = None,
    retry_failed: bool = False,
    watch: Watch = lambda snapshot: None,
) -> Swept:
    """Train every trial of a study's `[sweep]` that is not there yet, and write the tables.

    `jobs` trials are trained at once (default: as many as there are cores). What was under way
    when a sweep was stopped or killed goes on from its checkpoint.

    Raises:
        Interrupted: Ctrl-C or SIGTERM; what is finished is in the tables, the rest is saved.
        LayerscopeError: the folder holds another sweep, bad data, or a setting that cannot be.

    """
    if engine not in ENGINES:
        raise LayerscopeError(f'engine = "{engine}": it should be {" or ".join(ENGINES)}')
    trials = trials_of(study)
    _check_rungs(study, trials)
    folder = SweepFolder.create(path, study)
    with folder.locked() as lock:
        if retry_failed:
            folder.forget_failures()
        pending = [t for t in trials if folder.state(t).name not in ("finished", "failed")]
        threads, together = threads_and_jobs(
            study.training.threads, jobs, cores(), max(1, len(pending))
        )
        workers = [Worker(threads, lock) for _ in range(together if pending else 0)]
        try:
            costs = costs_of(trials)  # while the workers start
            return Swept(folder, _trained(folder, costs, workers, watch))
        finally:
            for worker in workers:
                worker.close()
            for worker in workers:
                worker.wait()


def _trained(
    folder: SweepFolder, costs: Mapping[int, Cost], workers: list[Worker], watch: Watch
) -> dict[str, Any]:
    try:
        if workers:
            run_trials(folder, costs, workers, watch)
    except Interrupted:
        write_results(folder, costs, _stopped(folder, costs))
        raise
    return write_results(folder, costs, _stopped(folder, costs))


def _stopped(folder: SweepFolder, costs: Mapping[int, Cost]) -> frozenset[int]:
    snapshot: Snapshot = Board(folder, costs).snapshot()
    return snapshot.stopped


def _check_rungs(study: "Study", trials: list[Trial]) -> None:
    """Refuse halving where a rung is not validated, or where trials have different budgets."""
    if study.sweep is None or study.sweep.halving is None:
        return
    first = study.sweep.halving.first
    every = {trial.study.training.validate_every for trial in trials}
    if any(first % each for each in every):
        raise LayerscopeError(
            f"sweep.halving.first = {first}: an epoch that is validated, a multiple of "
            f"training.validate_every = {max(every)}"
        )
    budgets = sorted({trial.study.training.epochs for trial in trials})
    if len(budgets) > 1:
        raise LayerscopeError(
            f"sweep.halving compares settings after equally many epochs, and training.epochs is "
            f"swept ({', '.join(map(str, budgets))}): leave one of the two out"
        )
