"""The most memory that this process held while something ran: RssAnon + RssShmem, sampled."""

import threading
from pathlib import Path

SAMPLE_EVERY = 0.05
"""Seconds."""

_STATUS = Path("/proc/self/status")


def held() -> int | None:
    """Give the bytes that this process holds, mapped files left out; None where it is not known.

    >>> held() is None or held() > 2**20
    True
    """
    try:
        text = _STATUS.read_text()
    except OSError:
        return None
    fields = dict(line.split(":", 1) for line in text.splitlines())
    if "RssAnon" not in fields:
        return None
    return 1024 * sum(int(fields[name].split()[0]) for name in ("RssAnon", "RssShmem"))


class Peak:
    """Watch what is held inside a `with`; `most` is the largest sample in bytes, or None.

    >>> with Peak() as peak:
    ...     block = bytearray(2**20)
    >>> peak.most is None or peak.most > 2**20
    True
    """

    def __init__(self) -> None:
        self.most: int | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Peak":
        self._sample()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._sample()

    def _watch(self) -> None:
        while not self._over.wait(SAMPLE_EVERY):
            self._sample()

    def _sample(self) -> None:
        now = held()
        if now is not None:
            self.most = max(self.most or 0, now)
