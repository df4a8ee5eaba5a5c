"""Files that cannot be used, or hold nothing, or hold something else than their name says."""

from pathlib import Path

import numpy as np

from layerscope.cleaning.findings import Finding
from layerscope.cleaning.pool import Pool
from layerscope.data import Dataset
from layerscope.progress import bar

_BATCH = 128
_BEGINS = {
    "JPEG": ((b"\xff\xd8\xff",), (".jpg", ".jpeg", ".jpe", ".jfif")),
    "PNG": ((b"\x89PNG\r\n\x1a\n",), (".png",)),
    "GIF": ((b"GIF87a", b"GIF89a"), (".gif",)),
    "TIFF": ((b"II*\0", b"MM\0*"), (".tif", ".tiff")),
    "FLAC": ((b"fLaC",), (".flac",)),
    "Ogg": ((b"OggS",), (".ogg", ".oga", ".opus")),
}
"""How files of a format begin, and how their names end."""


def broken(dataset: Dataset, pool: Pool) -> list[Finding]:
    """Tell which files were refused when the data were prepared, and which examples are constant.

    A usable file whose name says another format is told too, and suggested to be kept.
    """
    found = [
        Finding(e.id, e.sha256, "broken", 1.0, "drop", e.reason, e.label, e.split)
        for e in dataset.examples
        if e.reason
    ]
    with bar("constant", len(pool), "examples") as step:
        for begin in range(0, len(pool), _BATCH):
            places = np.arange(begin, min(begin + _BATCH, len(pool)))
            values = pool.batch(places).reshape(len(places), -1)
            flat = values.min(axis=1) == values.max(axis=1)
            found += [
                _of(pool, int(k), 1.0, "drop", f"constant: every value is {values[row, 0]:g}")
                for row, k in enumerate(places)
                if flat[row]
            ]
            step(len(places))
    if dataset.settings.kind in ("photos", "waveforms"):
        root = dataset.settings.folder()
        for k, name in enumerate(pool.ids):
            told = wrong_suffix(root / name)
            if told:
                found.append(_of(pool, k, 0.5, "keep", told))
    return found


def wrong_suffix(path: Path) -> str:
    """Say that a file's content is of another format than its name says, or "".

    >>> import os
    >>> wrong_suffix(Path(os.devnull))
    ''
    """
    suffix = path.suffix.lower()
    said = next((name for name, (_, ends) in _BEGINS.items() if suffix in ends), None)
    try:
        with open(path, "rb") as file:
            head = file.read(8)
    except OSError:
        return ""
    holds = next((n for n, (begins, _) in _BEGINS.items() if head.startswith(begins)), None)
    if holds is None or holds == said or not suffix:
        return ""
    return f"wrong content for its name: {holds} in a file that ends in {suffix}"


def _of(pool: Pool, k: int, score: float, suggestion: str, why: str) -> Finding:
    label = pool.classes[pool.labels[k]]
    return Finding(
        pool.ids[k], pool.sha256[k], "broken", score, suggestion, why, label, pool.splits[k]
    )
