"""Ctrl-C and SIGTERM as a request to end at the next step, with everything saved."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from layerscope.errors import LayerscopeError


class Interrupted(LayerscopeError):
    """Training was told to stop and did, with a checkpoint from which it can go on."""


@contextlib.contextmanager
def noted_signals() -> Iterator[list[signal.Signals]]:
    """Note SIGINT and SIGTERM in the list it gives; a second one acts as it did before.

    Outside the main thread, where Python lets no one listen to signals, the list stays empty.

    >>> with noted_signals() as noted:
    ...     signal.raise_signal(signal.SIGTERM)
    >>> noted
    [<Signals.SIGTERM: 15>]
    """
    noted: list[signal.Signals] = []
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) or signal.SIG_DFL for number in numbers}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def note(number: int, _: FrameType | None) -> None:
        noted.append(signal.Signals(number))
        restore()

    for number in numbers:
        signal.signal(number, note)
    try:
        yield noted
    finally:
        restore()
