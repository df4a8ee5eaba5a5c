"""Peak memory of train, evaluate and see: RssAnon + RssShmem of a process and its children.

On photos6 (where LAYERSCOPE_DATA is set; one epoch) and on 250,000 photographs, whose pack is a
sparse file: nothing of it is decoded, but every verb lists, maps and reads it as any other.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from PIL import Image

from layerscope.data import pack, prepare
from layerscope.progress import quiet
from layerscope.study import Study

EXAMPLE = Path(__file__).parent.parent / "examples" / "photos6.toml"
SAMPLE_EVERY = 0.02
"""Seconds."""
LINKS = 10_000
"""Names given to one file, below what file systems allow."""

TRAIN = {"bed": 2_690, "bird": 72_641, "cat": 6_500, "dog": 163_600, "house": 200, "tree": 2_663}
VAL = dict.fromkeys(TRAIN, 284)


def main(arguments: list[str] | None = None) -> list[dict[str, Any]]:
    """Measure; one row a verb and data set, in GB (1e9 bytes), with the most that is allowed."""
    parser = argparse.ArgumentParser(prog="memory", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="leave the 250,000 photographs out")
    quick = parser.parse_args(arguments).quick
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        if os.environ.get("LAYERSCOPE_DATA"):
            study = _one_epoch(Study.load(EXAMPLE))
            rows += _verbs("photos6", study, Path(folder) / "photos6", most=1.5)
        if not quick:
            big = Path(folder) / "big"
            rows += _verbs("250,000 photographs", _many(big), big, most=2.5)
    return rows


def peak(command: list[str], environment: dict[str, str]) -> int:
    """Run a command and give the largest sum, in bytes, that its processes held at a time."""
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    most = 0
    while process.poll() is None:
        most = max(most, sum(map(_held, _family(process.pid))))
        time.sleep(SAMPLE_EVERY)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return most


def _verbs(name: str, study: Study, folder: Path, most: float) -> Iterator[dict[str, Any]]:
    folder.mkdir(parents=True, exist_ok=True)
    study.save(folder / "study.toml")
    run = str(folder / "run")
    environment = {**os.environ, "LAYERSCOPE_CACHE": str(folder / "cache"), "LAYERSCOPE_QUIET": "1"}
    for verb, arguments in {
        "train": [str(folder / "study.toml"), "--out", run],
        "evaluate": [run],
        "see": [run],
    }.items():
        held = peak([sys.executable, "-m", "layerscope", verb, *arguments], environment) / 1e9
        yield {
            "measured": f"peak memory, {verb}, {name}",
            "value": round(held, 2),
            "unit": "GB",
            "target": f"< {most}",
            "met": held < most,
        }


def _one_epoch(study: Study) -> Study:
    training = {**study.training.model_dump(), "epochs": 1, "train_sizes": ()}
    return Study.model_validate({**study.model_dump(), "training": training})


def _many(folder: Path) -> Study:
    """Lay out 250,000 names of photographs in six folders, and the sparse pack of them."""
    photo = folder / "photo.jpg"
    folder.mkdir(parents=True)
    Image.new("RGB", (192, 192), (90, 120, 60)).save(photo)
    made = 0
    for split, sizes in (("train", TRAIN), ("val", VAL)):
        for label, size in sizes.items():
            place = folder / "photos" / split / label
            place.mkdir(parents=True)
            for number in range(size):
                if made % LINKS == 0:
                    photo = Path(shutil.copy(photo, folder / f"photo{made}.jpg"))
                os.link(photo, place / f"{number}.jpg")
                made += 1
    study = Study.model_validate(
        {
            "name": "many",
            "data": {
                "root": str(folder / "photos"),
                "train": "train",
                "val": "val",
                "balance": "undersample_each_epoch",
            },
            "model": {"preset": "study-2d", "blocks": 6, "channels": 32},
            "training": {"epochs": 1},
        }
    )
    with (
        mock.patch.dict(os.environ, {"LAYERSCOPE_CACHE": str(folder / "cache")}),
        mock.patch.object(pack, "decode_into", _nothing_decoded),
        mock.patch.object(pack, "_check_space"),
        quiet(),
    ):
        prepare(study.data)
    return study


def _nothing_decoded(_file: Any, _begin: Any, _root: Any, paths: list[str], _how: Any) -> Any:
    """Answer as the decoders do, digest, reason and sums, for pixels that stay holes."""
    for place in range(len(paths)):
        yield [(f"{place:064x}", "", (0,) * 6)]


def _family(process: int) -> Iterator[int]:
    """Give a process and all its descendants."""
    yield process
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            below = children.read_text().split()
        except OSError:
            continue
        for child in below:
            yield from _family(int(child))


def _held(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    kilobytes = [int(line.split()[1]) for line in lines if line.startswith(("RssAnon", "RssShmem"))]
    return sum(kilobytes) * 1024


if __name__ == "__main__":
    for row in main():
        print(row)
