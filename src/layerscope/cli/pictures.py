"""A picture of each view of a folder, for a network of the user's that has no report."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from layerscope import storage
from layerscope.progress import bar
from layerscope.report import draw, figures, sheets
from layerscope.report.words import words
from layerscope.seeing.index import Index
from layerscope.views import View

Pictures = list[np.ndarray]


def draw_views(index: Index) -> Path:
    """Draw every view of the index into `pictures/` beside it; give that folder.

    A view of examples is one picture, each example beside what is seen in it; of the network or
    the whole folder, a labelled sheet, or one plot of all layers of a method.
    """
    folder = index.folder / "pictures"
    photos = [_photo(index.folder / example["image"]) for example in index.document["examples"]]
    entries = index.document["views"]
    plotted: dict[str, list[View]] = {}
    with bar("drawing", total=len(entries), unit="views") as step:
        for entry in entries:
            view = View.load(index.folder / entry["file"])
            name = entry["file"].replace("/", "-").removesuffix(".npz") + ".png"
            if not entry["examples"] and draw.plots(view):
                plotted.setdefault(view.method, []).append(view)
            elif not entry["examples"]:
                title = f"{words(view.method).title}: {view.layer}"
                figure = sheets.of_units(view, title=title, caption=words(view.method).reading)
                figures.save_png(figure, folder / name)
            else:
                shown = [photos[place] for place in entry["examples"]]
                _write_png(folder / name, figures.tiles(list(pairs(view, shown, entry)), columns=2))
            step()
    for method, views in plotted.items():
        figures.save_png(draw.plot(views), folder / f"{method}.png")
    return folder


def pairs(view: View, photos: Pictures, entry: dict[str, Any]) -> Iterator[np.ndarray]:
    """Give each example and what a view shows of it, in turn, all of one size."""
    for row, photo in enumerate(photos):
        found = draw.example(view, row, photo, entry)
        if found is not None:
            yield photo
            yield _sized(found.pixels, photo.shape[:2])


def _sized(picture: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Put a picture on white of a given size, as large as it fits."""
    height, width = size
    image = Image.fromarray(picture)
    share = min(height / image.height, width / image.width)
    fitted = image.resize((max(1, int(image.width * share)), max(1, int(image.height * share))))
    page = Image.new("RGB", (width, height), "white")
    place = ((width - fitted.width) // 2, (height - fitted.height) // 2)
    page.paste(fitted, place, fitted if fitted.mode == "RGBA" else None)
    return np.asarray(page)


def _photo(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return figures.rgb(np.asarray(image))


def _write_png(path: Path, picture: np.ndarray) -> None:
    storage.write_whole(path, lambda file: Image.fromarray(picture).save(file, "PNG"))
