"""Ctrl-C and SIGTERM as a request to end at the next step, with everything saved."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from layerscope.errors import LayerscopeError


class Interrupted(LayerscopeError):
    """Training was told to stop and did, with a checkpoint from which it can go on."""


class Paused(LayerscopeError):
    """Training has done as many epochs as it was asked to, and can go on from its checkpoint."""


@contextlib.contextmanager
def noted_signals() -> Iterator[list[signal.Signals]]:
    """Note SIGINT and SIGTERM in the list it gives; a second one acts as it did before.

    Outside the main thread, where Python lets no one listen to signals, the list stays empty; what
    is ignored (SIGINT under nohup) stays ignored.

    >>> with noted_signals() as noted:
    ...     signal.raise_signal(signal.SIGTERM)
    >>> noted
    [<Signals.SIGTERM: 15>]
    """
    noted: list[signal.Signals] = []
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    before = {number: handler for number, handler in handlers.items() if _heard(handler)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def note(number: int, _: FrameType | None) -> None:
        noted.append(signal.Signals(number))
        restore()

    for number in before:
        signal.signal(number, note)
    try:
        yield noted
    finally:
        restore()


def _heard(handler: object) -> bool:
    """Tell whether a signal is neither ignored nor handled outside Python."""
    return handler is not None and handler is not signal.SIG_IGN
