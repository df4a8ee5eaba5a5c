"""A worker process: decodes photographs or sounds and writes their values into the pack.

It is started by `workers.py`, is told by lines of JSON on stdin and answers so on stdout. It loads
neither torch nor the user's own script, and for photographs not even NumPy.
"""

import contextlib
import importlib
import io
import json
import os
import signal
import sys
from typing import Any, BinaryIO


def main() -> None:
    """Answer every line of stdin until it ends; the first line is the set-up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which ends this process
    with io.TextIOWrapper(os.fdopen(os.dup(1), "wb"), encoding="ascii") as answers:
        os.dup2(2, 1)  # a library that prints must not garble the answers
        setup = json.loads(sys.stdin.readline())
        reader = importlib.import_module(setup["reader"])
        decoder = reader.Decoder(**setup["decoder"])
        with contextlib.ExitStack() as stack:
            pack = None
            for line in sys.stdin:
                try:
                    pack = pack or stack.enter_context(open(setup["pack"], "r+b"))
                    tasks = json.loads(line)
                    answer: Any = pack_rows(pack, reader, decoder, setup["root"], tasks)
                except OSError as error:
                    answer = {"errno": error.errno, "strerror": error.strerror or str(error)}
                answers.write(json.dumps(answer) + "\n")
                answers.flush()


def pack_rows(
    pack: BinaryIO, reader: Any, decoder: Any, root: str, tasks: list[list[Any]]
) -> list[list[Any]]:
    """Decode each `[offset, path below root, ...]` and write its values at that offset.

    What follows the path says which part of the file is meant. `reader` is a module with a function
    `row`. Gives `[sha256, reason, sums]` for each.

    Raises:
        OSError: the pack cannot be written (disk full).

    """
    answers: list[list[Any]] = []
    for offset, path, *part in tasks:
        digest, reason, sums, values = reader.row(os.path.join(root, path), decoder, *part)
        if not reason:
            pack.seek(offset)
            pack.write(values)
        answers.append([digest, reason, sums])
    pack.flush()
    return answers
