"""A picture of each view of a folder of sounds, for a network of the user's without a report."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from layerscope import storage
from layerscope.progress import bar
from layerscope.report import draw, figures, heard
from layerscope.report.words import Words, words
from layerscope.seeing.index import Index
from layerscope.seeing.wav import read_wav
from layerscope.views import View


def draw_sounds(index: Index) -> Path:
    """Draw every view of the index into `pictures/` beside it; give that folder.

    A view of examples is a row for each: waveform, spectrogram and what is seen of it, on one axis
    of time. Frequency responses of all layers are one plot; snippets, and what was made, a sheet.
    """
    folder, sfreq = index.folder / "pictures", float(index.document["sfreq"])
    clips = [read_wav(index.folder / e["sound"])[0] for e in index.document["examples"]]
    plotted: dict[str, list[View]] = {}
    filters: dict[str, View] = {}
    with bar("drawing", total=len(index.document["views"]), unit="views") as step:
        for entry in index.document["views"]:
            view = View.load(index.folder / entry["file"])
            name = entry["file"].replace("/", "-").removesuffix(".npz") + ".png"
            if view.method == "filters":
                filters[view.layer] = view
            if entry["examples"]:
                named = [index.document["examples"][place]["id"] for place in entry["examples"]]
                shown = [clips[place] for place in entry["examples"]]
                _save(_examples(view, entry, shown, named, sfreq), folder / name)
            elif heard.plots(view) or draw.plots(view):
                plotted.setdefault(view.method, []).append(view)
            else:
                _save(_units(view, sfreq), folder / name)
            step()
    for method, views in plotted.items():
        told = words(method, "waveform")
        if heard.plots(views[0]):
            title, caption = told.title, told.reading
            drawn = heard.plot(views, sfreq, filters, title=title, caption=caption)
            _save(drawn, folder / f"{method}.png")
        else:
            _save(draw.plot(views), folder / f"{method}.png")
    return folder


def _examples(
    view: View, entry: dict[str, Any], clips: list[np.ndarray], names: list[str], sfreq: float
) -> Figure | np.ndarray:
    """Draw what a view shows of each example: along time where it says something of each moment."""
    told = words(view.method, "waveform")
    if view.unit is None and heard.along_time(view, 0, len(clips[0])) is None:
        drawn = [heard.example(view, k, clip, sfreq, entry, "") for k, clip in enumerate(clips)]
        return _column([each for each in drawn if each is not None])
    sounds = [
        heard.heard(clip, sfreq, heard.along_time(view, row, len(clip)))
        for row, clip in enumerate(clips)
    ]
    return figures.layers_heard(
        sounds,
        [_label(Path(name).name, view, row) for row, name in enumerate(names)],
        relevance=told.title,
        title=f"{told.title} at {view.layer}",
        caption=told.reading,
    )


def _label(name: str, view: View, row: int) -> str:
    if view.unit is None:
        return name[:24]
    unit = view.unit if isinstance(view.unit, int) else view.unit[row]
    return f"{name[:24]}\nunit {unit}"


def _units(view: View, sfreq: float) -> Figure | np.ndarray:
    """Draw a view of units or of classes: snippets as a figure, anything else as pictures."""
    told: Words = words(view.method, "waveform")
    if "patches" not in view.quality:
        return _column(heard.blocks(view, sfreq))
    units = np.arange(len(view.values)) if view.unit is None else np.atleast_1d(view.unit)
    peaks = view.quality["activation"].max(axis=1)
    return figures.snippets(
        list(view.quality["patches"].sum(axis=2)),
        list(view.values.sum(axis=2)),
        [f"unit {unit} · {peak:.3g}" for unit, peak in zip(units, peaks, strict=True)],
        sfreq=sfreq,
        title=f"{told.title}: {view.layer}",
        caption=told.reading,
    )


def _column(drawn: list[draw.Picture]) -> np.ndarray:
    """Put pictures of one width below one another."""
    solid = [each.pixels for each in drawn] or [np.full((8, 8, 3), 255, np.uint8)]
    return figures.tiles([_opaque(each) for each in solid], columns=1, gap=8)


def _opaque(picture: np.ndarray) -> np.ndarray:
    """Lay a picture on white."""
    if picture.shape[2] == 3:
        return picture
    return np.where(picture[..., 3:] > 0, picture[..., :3], 255).astype(np.uint8)


def _save(drawn: Figure | np.ndarray, path: Path) -> None:
    if isinstance(drawn, Figure):
        figures.save_png(drawn, path)
    else:
        image = Image.fromarray(drawn)
        storage.write_whole(path, lambda file: image.save(file, "PNG"))
