"""A picture of each view of a folder, for a network of the user's that has no report."""

from pathlib import Path

import numpy as np
from PIL import Image

from layerscope import storage
from layerscope.progress import bar
from layerscope.report import figures
from layerscope.seeing.index import Index
from layerscope.views import View


def draw_views(index: Index) -> Path:
    """Draw every view of the index into `pictures/` beside it; give that folder."""
    folder = index.folder / "pictures"
    photos = [_photo(index.folder / example["image"]) for example in index.document["examples"]]
    entries = index.document["views"]
    with bar("drawing", total=len(entries), unit="views") as step:
        for entry in entries:
            view = View.load(index.folder / entry["file"])
            picture = draw(view, [photos[place] for place in entry["examples"]])
            name = entry["file"].replace("/", "-").removesuffix(".npz") + ".png"
            _write_png(folder / name, picture)
            step()
    return folder


def draw(view: View, photos: list[np.ndarray]) -> np.ndarray:
    """Draw one view, uint8 `(y, x, 3)` or `(y, x, 4)`: each example beside what is seen in it."""
    if view.axes[0] == "unit":
        return figures.filter_grid(view.values)
    if view.axes[-2:] != ("y", "x"):
        return figures.feature_grid(view.values[:, :, None])
    if view.axes == ("batch", "y", "x"):
        maps = view.over_input().values
        drawn = figures.signed if view.signed else None
        seen = [
            drawn(values) if drawn else figures.overlay(photo, values)
            for photo, values in zip(photos, maps, strict=True)
        ]
    elif view.unit is not None:
        seen = [figures.signed(values) for values in view.values]
    else:
        return figures.tiles([figures.feature_grid(maps)[..., :3] for maps in view.values], 4, 12)
    pairs = [picture for pair in zip(photos, seen, strict=True) for picture in pair]
    return figures.tiles(pairs, columns=2)


def _photo(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return figures.rgb(np.asarray(image))


def _write_png(path: Path, picture: np.ndarray) -> None:
    storage.write_whole(path, lambda file: Image.fromarray(picture).save(file, "PNG"))
