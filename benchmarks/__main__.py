"""Run the benchmarks that are named, or all, and print a table of each: `python -m benchmarks`."""

import argparse
import importlib
import sys
import time

from layerscope.cli.tables import echo_table

NAMES = (
    "packing",
    "training",
    "views",
    "memory",
    "waveforms",
    "brain",
    "sweep",
    "cleaning",
    "trust",
)


def main() -> int:
    """Print what each measures; exit status 1 where a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(NAMES)}")
    names = parser.parse_args().names or NAMES
    if unknown := set(names) - set(NAMES):
        parser.error(f"{', '.join(unknown)}: choose from {', '.join(NAMES)}")
    missed = 0
    for name in names:
        start = time.monotonic()
        rows = importlib.import_module(f"benchmarks.{name}").main([])
        print(f"\n{name} ({time.monotonic() - start:.0f} s)")
        echo_table(rows)
        missed += sum(row.get("met") is False for row in rows)
    print(f"\n{missed} targets missed" if missed else "\nall targets met")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
