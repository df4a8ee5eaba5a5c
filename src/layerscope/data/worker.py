"""A worker process: decodes photographs and writes their pixels into the pack.

It is started by `workers.py`, is told by lines of JSON on stdin and answers so on stdout. It loads
neither torch nor NumPy, nor the user's own script.
"""

import contextlib
import io
import json
import os
import signal
import sys
from typing import Any, BinaryIO

from layerscope.data import photo


def main() -> None:
    """Answer every line of stdin until it ends; the first line is the set-up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which ends this process
    with io.TextIOWrapper(os.fdopen(os.dup(1), "wb"), encoding="ascii") as answers:
        os.dup2(2, 1)  # a library that prints must not garble the answers
        setup = json.loads(sys.stdin.readline())
        decoder = photo.Decoder(**setup["decoder"])
        with contextlib.ExitStack() as stack:
            pack = None
            for line in sys.stdin:
                try:
                    pack = pack or stack.enter_context(open(setup["pack"], "r+b"))
                    answer: Any = pack_photos(pack, decoder, setup["root"], json.loads(line))
                except OSError as error:
                    answer = {"errno": error.errno, "strerror": error.strerror or str(error)}
                answers.write(json.dumps(answer) + "\n")
                answers.flush()


def pack_photos(
    pack: BinaryIO, decoder: photo.Decoder, root: str, tasks: list[list[Any]]
) -> list[list[Any]]:
    """Decode each `[offset, path below root]` and write its pixels at that offset of the pack.

    Gives `[sha256, reason, sums]` for each.

    Raises:
        OSError: the pack cannot be written (disk full).

    """
    answers: list[list[Any]] = []
    for offset, path in tasks:
        found = photo.read(os.path.join(root, path), decoder)
        if not found.reason:
            pack.seek(offset)
            pack.write(found.pixels)
        answers.append([found.sha256, found.reason, found.sums])
    pack.flush()
    return answers
