"""The stimuli: images in the order of the RDMs, and the table of their categories."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from layerscope import storage
from layerscope.brain.layers import Read
from layerscope.data.inputs import InputSpec
from layerscope.data.photo import Decoder, read
from layerscope.errors import LayerscopeError

PIXELS = 64
"""Side of the images whose pixels are the reference: one figure, whatever the network takes."""


@dataclass(frozen=True, eq=False)
class Stimuli:
    """Image files in order, and columns of their table by name."""

    files: tuple[Path, ...]
    columns: dict[str, tuple[str, ...]]

    def __len__(self) -> int:
        return len(self.files)

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the files' contents, one after the other."""
        whole = hashlib.sha256()
        for file in self.files:
            whole.update(hashlib.sha256(file.read_bytes()).digest())
        return whole.hexdigest()

    def shown_to(self, spec: InputSpec) -> Read:
        """Give what reads some of the stimuli as a network takes them.

        Resized and cut to the network's square, `"batch channel y x"` in its units.
        """
        pixels = self._pixels(spec.shape[-1], spec.shape[0])
        return lambda start, stop: spec.to_model(pixels[start:stop])

    def pixels(self) -> Tensor:
        """Give the stimuli as float RGB of 64 x 64 pixels: the model that sees nothing but light.

        Averaged down with antialiasing from the largest square, `"stimulus channel y x"`.
        """
        size = max(PIXELS, min(min(_size(file)) for file in self.files))
        whole = self._pixels(size, 3).float()
        return F.interpolate(whole, size=(PIXELS, PIXELS), mode="bilinear", antialias=True)

    def _pixels(self, size: int, channels: int) -> Tensor:
        """Decode every stimulus: uint8 `"stimulus channel y x"`."""
        decoder, squares = Decoder(size=size, channels=channels), []
        for file in self.files:
            photo = read(str(file), decoder)
            if photo.reason:
                raise LayerscopeError(
                    f"the stimulus {file} cannot be read ({photo.reason}); every stimulus is "
                    "needed, as the RDMs have a row for each"
                )
            square = np.frombuffer(photo.pixels, np.uint8).reshape(size, size, channels)
            squares.append(np.moveaxis(square, -1, 0))
        return torch.from_numpy(np.stack(squares))


def find_stimuli(folder: Path, table: Path | None = None) -> Stimuli:
    """List the images of a folder in the order of their names, or of a table's column `file`.

    `table` is a CSV; where none is named, `stimuli.csv` in the folder or beside it.

    Raises:
        LayerscopeError: no folder, no images, a table that names another file.

    """
    if not folder.is_dir():
        raise LayerscopeError(f"there is no folder of stimuli {folder}")
    beside = (folder / "stimuli.csv", folder.parent / "stimuli.csv")
    if table is None:
        table = next((path for path in beside if path.is_file()), None)
    elif not table.is_file():
        raise LayerscopeError(f"there is no table of stimuli {table}")
    if table is None:
        return Stimuli(_images(folder), {})
    rows = storage.read_csv(table)
    if not rows:
        raise LayerscopeError(f"{table} has no rows: one for each stimulus, in the RDMs' order")
    columns = {name: tuple(row[name] for row in rows) for name in rows[0] if name}
    if "file" not in columns:
        files = _images(folder)
        if len(files) != len(rows):
            raise LayerscopeError(
                f"{table} has {len(rows)} rows and {folder} {len(files)} images: give the table a "
                "column file, or a row for each image in the order of their names"
            )
        return Stimuli(files, columns)
    paths = tuple(folder / name for name in columns["file"])
    if missing := [path for path in paths if not path.is_file()]:
        raise LayerscopeError(
            f"{table} names {len(missing)} files that are not there, first {missing[0]}"
        )
    if len(set(paths)) < len(paths):
        raise LayerscopeError(f"{table} names a file twice: each stimulus has one row")
    return Stimuli(paths, columns)


def categories(stimuli: Stimuli, wanted: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Give the wanted columns of the table; where none is wanted, the first beside `file`."""
    known = [name for name in stimuli.columns if name != "file"]
    if not wanted:
        return {name: stimuli.columns[name] for name in known[:1]}
    for name in wanted:
        if name not in known:
            raise LayerscopeError(
                f"category = {name!r}: the table of stimuli has {', '.join(known) or 'no columns'}"
            )
    return {name: stimuli.columns[name] for name in wanted}


def _images(folder: Path) -> tuple[Path, ...]:
    """List the files of a folder but tables, texts and hidden ones."""
    left_out = {".csv", ".tsv", ".txt", ".md", ".json", ".npz"}
    found = [
        path
        for path in folder.iterdir()
        if path.is_file() and path.name[0] != "." and path.suffix.lower() not in left_out
    ]
    if not found:
        raise LayerscopeError(f"{folder} holds no images")
    return tuple(sorted(found))


def _size(file: Path) -> tuple[int, int]:
    """Give an image's width and height; of one that cannot be read, none to speak of."""
    from PIL import Image

    try:
        with Image.open(file) as image:
            return image.size
    except OSError:
        return (PIXELS, PIXELS)
