"""A worker process of a sweep: trains the trials it is given one after the other, and reports.

Orders come as lines of JSON on stdin, answers go as lines of JSON to stdout. The package and the
data are loaded once for all its trials. When stdin ends, the sweep has ended or was killed: the
training under way is saved and the process ends.
"""

import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from layerscope.data import Dataset

TOLD_EVERY = 0.5
"""Seconds between two reports of progress."""
GRACE = 20.0
"""Seconds in which a training must have saved itself after stdin has ended."""

Tell = Callable[[dict[str, Any]], None]


def main() -> None:
    """Serve until stdin ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what anything prints is no answer
    orders: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
    listener = threading.Thread(target=_listen, args=(orders,), daemon=True)
    listener.start()

    def tell(answer: dict[str, Any]) -> None:
        try:
            answers.write(json.dumps(answer) + "\n")
            answers.flush()
        except OSError:  # nobody listens any more; stdin has ended too
            pass

    import layerscope.verbs  # noqa: F401 (what takes long is loaded before the first trial)

    keep = _Kept()
    while (order := orders.get()) is not None:
        tell(_trial(order, keep, tell))


def _listen(orders: "queue.SimpleQueue[dict[str, Any] | None]") -> None:
    for line in sys.stdin:
        orders.put(json.loads(line))
    orders.put(None)
    signal.raise_signal(signal.SIGTERM)  # a training saves itself; anything else just ends
    time.sleep(GRACE)
    os._exit(1)


class _Kept:
    """The data set of the last trial: trials that ask for the same one share it."""

    def __init__(self) -> None:
        self._asked: Any = None
        self._dataset: Dataset | None = None

    def dataset(self, study: Any) -> "Dataset":
        from layerscope import verbs

        if self._dataset is None or self._asked != study.data:
            self._dataset, self._asked = verbs.prepared(study), study.data
        return self._dataset


def _trial(order: dict[str, Any], keep: _Kept, tell: Tell) -> dict[str, Any]:
    """Train a trial as far as is asked; give its state, and the reason of a failure."""
    from layerscope import progress
    from layerscope.errors import LayerscopeError
    from layerscope.training import Interrupted, Paused

    last = 0.0

    def show(what: str, done: int, total: int | None, text: str) -> None:
        nonlocal last
        now = time.monotonic()
        if what == "training" and now - last >= TOLD_EVERY:
            last = now
            tell({"event": "progress", "done": done, "total": total, "text": text})

    try:
        with progress.told_to(show):
            return {"event": "end", "state": "finished", **_train(order, keep)}
    except Interrupted:
        return {"event": "end", "state": "interrupted"}
    except Paused:
        return {"event": "end", "state": "paused"}
    except LayerscopeError as error:
        return {"event": "end", "state": "failed", "reason": str(error)}
    except Exception as error:
        return {"event": "end", "state": "failed", "reason": _reason(error)}


def _train(order: dict[str, Any], keep: _Kept) -> dict[str, Any]:
    """Train, or find it trained already; give the most memory that was held, in bytes."""
    from layerscope import verbs
    from layerscope.run import Run
    from layerscope.study import Study
    from layerscope.training.sweep.memory import Peak

    study = Study.model_validate(order["study"])
    run = Run.create(Path(order["folder"]), study)
    if run.finished():
        return {"memory": None}
    dataset = keep.dataset(study)
    with Peak() as peak, run.locked():
        verbs.fit(run, dataset, resume=True, until=order["until"])
    return {"memory": peak.most}


def _reason(error: Exception) -> str:
    """Say what went wrong in one line; want of memory by its name."""
    import torch

    told = f"{type(error).__name__}: {error}".strip().splitlines()[0]
    short = isinstance(error, MemoryError | torch.OutOfMemoryError) or any(
        words in str(error) for words in ("can't allocate memory", "not enough memory")
    )
    return f"out of memory ({told})" if short else told


if __name__ == "__main__":
    main()
