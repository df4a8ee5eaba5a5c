"""The local engine: a sweep's trials on this machine, several processes of few threads at once."""

import contextlib
import threading
from collections.abc import Callable, Mapping

from layerscope.errors import LayerscopeError
from layerscope.training.interrupt import Interrupted, noted_signals
from layerscope.training.sweep.board import Board, Snapshot
from layerscope.training.sweep.crew import Worker
from layerscope.training.sweep.folder import SweepFolder
from layerscope.training.sweep.trials import Cost

LOOK_EVERY = 0.5
"""Seconds between two looks at how the sweep stands."""

Watch = Callable[[Snapshot], object]


def run_trials(
    folder: SweepFolder,
    costs: Mapping[int, Cost],
    workers: list[Worker],
    watch: Watch,
) -> None:
    """Train all that the sweep asks for, a trial a worker at a time; `watch` is told how it stands.

    Raises:
        Interrupted: Ctrl-C or SIGTERM; what was under way is saved.

    """
    board = Board(folder, costs)
    faults: list[BaseException] = []
    threads = [threading.Thread(target=_serve, args=(board, each, faults)) for each in workers]
    with noted_signals() as signals, contextlib.ExitStack() as stack:
        for thread in threads:
            stack.callback(thread.join)
        stack.callback(_stop, board, workers)
        for thread in threads:
            thread.start()
        while (alive := [t for t in threads if t.is_alive()]) and not signals and not faults:
            watch(board.snapshot())
            alive[0].join(LOOK_EVERY)
    watch(board.snapshot())
    if faults:
        raise faults[0]
    if signals:
        raise Interrupted(
            f"the sweep was stopped by {signals[0].name}; all is saved in {folder.path}: "
            "the same command goes on"
        )


def threads_and_jobs(
    asked: int | None, jobs: int | None, cores: int, trials: int
) -> tuple[int, int]:
    """Choose threads of a trial and trials at once: by default a thread each, a trial a core.

    >>> threads_and_jobs(None, None, cores=2, trials=14)
    (1, 2)
    >>> threads_and_jobs(None, 1, cores=2, trials=14)
    (2, 1)
    """
    if jobs is not None and jobs < 1:
        raise LayerscopeError(f"jobs = {jobs}: trials at once, at least 1")
    threads = asked or (1 if jobs is None else max(1, cores // jobs))
    together = max(1, cores // threads) if jobs is None else jobs
    return threads, min(together, trials)


def _serve(board: Board, worker: Worker, faults: list[BaseException]) -> None:
    """Train one trial after the other until there is none."""
    try:
        while (job := board.next()) is not None:
            trial, until = job
            folder = board.folder.run_folder(trial)
            answer = worker.train(trial, folder, until, lambda *told, t=trial: board.show(t, *told))
            board.end(trial, answer)
    except BaseException as fault:
        faults.append(fault)
        board.close()


def _stop(board: Board, workers: list[Worker]) -> None:
    board.close()
    for worker in workers:
        worker.close()
