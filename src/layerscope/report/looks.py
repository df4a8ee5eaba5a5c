"""The views of a run as tables of pictures: for each class, examples down and layers across."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from layerscope.errors import LayerscopeError
from layerscope.progress import bar
from layerscope.report import draw, figures, heard
from layerscope.report.draw import INPUT, SIDE
from layerscope.report.listening import Desk, Player, player
from layerscope.report.theme import DARK, LIGHT
from layerscope.report.words import Words, words
from layerscope.views import View

if TYPE_CHECKING:
    from layerscope.nets.geometry import LayerGeometry
    from layerscope.run import Run

QUALITY = 75  # of pictures that are not made of enlarged pixels


@dataclass(frozen=True)
class Shot:
    """A picture with its words."""

    uri: str
    alt: str
    caption: str = ""
    sounds: tuple[tuple[str, str], ...] = ()
    """Words and files, beside the page, of what can be heard of it."""


@dataclass(frozen=True)
class Example:
    """An example that was looked at."""

    id: str
    true: str
    predicted: str
    probability: float
    picture: Shot

    @property
    def correct(self) -> bool:
        """Whether the network was right."""
        return self.true == self.predicted


@dataclass(frozen=True)
class Heading:
    """A layer as the head of a column, and how much of the input one position of it sees."""

    name: str
    sees: str


@dataclass(frozen=True)
class Table:
    """Pictures of one method, or of all at the input: a row an example, a list of them a column."""

    title: str
    readings: tuple[Words, ...]
    columns: tuple[Heading, ...]
    rows: tuple[tuple[Example, tuple[tuple[Shot, ...], ...]], ...]
    layered: bool = True
    """Whether the columns are layers, from the front to the back."""


@dataclass(frozen=True)
class Whole:
    """What one method shows of the network or of a data set: pictures, or a plot of all layers."""

    words: Words
    layer: str
    shots: tuple[Shot, ...] = ()
    plot: tuple[str, str] | None = None
    """In the light and in the dark theme."""


@dataclass(frozen=True)
class Looks:
    """All pictures of a run: `network` those of it or of a data set, `by_class` of examples."""

    examples: tuple[Example, ...] = ()
    network: tuple[Whole, ...] = ()
    by_class: dict[str, tuple[Table, ...]] | None = None
    refused: tuple[str, ...] = ()
    players: dict[str, tuple[Player, ...]] | None = None
    """Of the examples of each class, where they are sounds."""
    sounds: dict[str, Path] | None = None
    """The sounds that the page plays: their names beside it, and where the run has them."""


Cells = dict[tuple[str, int], dict[str, list[Shot]]]
"""Pictures by (method, place of the example), then by layer."""


def looks(run: "Run", layers: Sequence["LayerGeometry"]) -> Looks:
    """Draw every view that a run's views/index.json lists; nothing where there are none."""
    path = run.views_folder / "index.json"
    if not path.is_file():
        return Looks()
    index = _index(run, path)
    desk = _desk(run, index)
    images = [_image(run, entry, desk, place) for place, entry in enumerate(index["examples"])]
    examples = tuple(map(_example, index["examples"], images))
    whole: dict[str, list[tuple[View, dict[str, Any]]]] = {}
    cells: Cells = {}
    undrawn: list[str] = []
    with bar("drawing", total=len(index["views"]), unit="views") as step:
        for entry in index["views"]:
            view = View.load(run.views_folder / entry["file"])
            if not entry["examples"]:
                whole.setdefault(view.method, []).append((view, entry))
            elif desk:
                desk.add(view, entry)
            shots = list(_shots(view, entry, images, examples, desk))
            if entry["examples"] and not shots:
                undrawn.append(_undrawn(view))
            for place, shot in shots:
                cells.setdefault((view.method, place), {}).setdefault(view.layer, []).append(shot)
            step()
    order = [layer.name for layer in layers]
    if desk:
        desk.filters.update({view.layer: view for view, _ in whole.get("filters", ())})
    network = [each for found in whole.values() for each in _wholes(found, order, undrawn, desk)]
    return Looks(
        examples=examples,
        network=tuple(network),
        by_class={name: _tables(name, examples, cells, layers, desk) for name in run.classes},
        refused=_once([*_refusals(index.get("refused", [])), *undrawn]),
        players=_players(desk, index["examples"], run.classes, order) if desk else None,
        sounds=desk.files if desk else None,
    )


def _desk(run: "Run", index: dict[str, Any]) -> Desk | None:
    """Make room for what is heard, where the examples are sounds."""
    sounds = any("sound" in entry for entry in index["examples"])
    return Desk(run, float(run.spec.sfreq or 0), {}) if sounds else None


def _players(
    desk: Desk, examples: Sequence[dict[str, Any]], classes: Sequence[str], order: Sequence[str]
) -> dict[str, tuple[Player, ...]]:
    """Lay out a player for each example of each class."""
    found: dict[str, list[Player]] = {name: [] for name in classes}
    with bar("drawing", total=len(examples), unit="sounds") as step:
        for place, entry in enumerate(examples):
            found[entry["true"]].append(player(desk, place, entry, order))
            step()
    return {name: tuple(each) for name, each in found.items()}


def _undrawn(view: View) -> str:
    return f"{view.method} at {view.layer}: its axes are {', '.join(view.axes)}"


def _index(run: "Run", path: Path) -> dict[str, Any]:
    """Read the index, and make sure that it speaks of the weights that the run's numbers are of."""
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise LayerscopeError(f"{path} is damaged ({error}): make the views again") from error
    of = index.get("key", {}).get("weights_sha256")
    if of and run.weights_file.is_file() and of != run.weights_digest():
        raise LayerscopeError(
            f"the views in {path.parent} show other weights than this run's: "
            f"run `layerscope see {run.path}` again"
        )
    return index


def _image(run: "Run", entry: dict[str, Any], desk: Desk | None, place: int) -> np.ndarray:
    """Read an example's picture, or draw its sound, which the desk keeps."""
    if desk and "sound" in entry:
        desk.clips[place] = desk.samples(entry["sound"])
        return heard.clip(desk.clips[place], desk.sfreq)
    path = run.views_folder / entry["image"]
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except OSError as error:
        raise LayerscopeError(f"cannot read {path}: {error}; make the views again") from error


def _example(entry: dict[str, Any], image: np.ndarray) -> Example:
    alt = f"{entry['true']}: {entry['id']}"
    return Example(
        id=entry["id"],
        true=entry["true"],
        predicted=entry["predicted"],
        probability=float(entry["probability"]),
        picture=_shot(image, alt),
    )


def _shots(
    view: View,
    entry: dict[str, Any],
    images: Sequence[np.ndarray],
    examples: Sequence[Example],
    desk: Desk | None,
) -> Iterator[tuple[int, Shot]]:
    """Draw a view for each of its examples."""
    for row, place in enumerate(entry["examples"]):
        of = examples[place]
        if desk and place in desk.clips:
            clip = desk.clips[place]
            found = heard.example(view, row, clip, desk.sfreq, entry, of.predicted)
        else:
            found = draw.example(view, row, images[place], entry, of.predicted)
        if found is not None:
            what = f"{words(view.method).title} at {view.layer}, {of.true}"
            alt = f"{what}: {found.alt}" if found.alt else what
            yield place, _encoded(found, alt, _playable(entry, row, desk))


def _playable(entry: dict[str, Any], row: int, desk: Desk | None) -> tuple[tuple[str, str], ...]:
    """Name the sounds of one example, unit or class of a view, and put them beside the page."""
    listed = entry.get("sounds", {}).items() if desk else ()
    return tuple(
        (kind, desk.shelved(names[row])) for kind, names in listed if desk and row < len(names)
    )


def _wholes(
    found: list[tuple[View, dict[str, Any]]],
    order: Sequence[str],
    undrawn: list[str],
    desk: Desk | None,
) -> Iterator[Whole]:
    """Draw what one method shows of the network or of a data set."""
    place = {layer: number for number, layer in enumerate(order)}
    found = sorted(found, key=lambda pair: place.get(pair[0].layer, len(order)))
    views = [view for view, _ in found]
    named, names = words(views[0].method, _kind(desk)), ", ".join(view.layer for view in views)
    if desk and heard.plots(views[0]):
        light, dark = (heard.plot(views, desk.sfreq, desk.filters, t) for t in (LIGHT, DARK))
        yield Whole(named, names, plot=(figures.svg_uri(light), figures.svg_uri(dark)))
        return
    if draw.plots(views[0]):
        light, dark = (draw.plot(views, theme) for theme in (LIGHT, DARK))
        yield Whole(named, names, plot=(figures.svg_uri(light), figures.svg_uri(dark)))
        return
    for view, entry in found:
        title = f"{named.title} of {view.layer}"
        drawn = heard.blocks(view, desk.sfreq) if desk else draw.blocks(view)
        shots = [
            _encoded(one, ", ".join(filter(None, (title, one.caption))), _playable(entry, k, desk))
            for k, one in enumerate(drawn)
        ]
        if shots:
            yield Whole(named, view.layer, tuple(shots))
        else:
            undrawn.append(_undrawn(view))


def _encoded(picture: draw.Picture, alt: str, sounds: tuple[tuple[str, str], ...] = ()) -> Shot:
    pixels = picture.pixels
    fitted = pixels if pixels.shape[2] == 4 else figures.fit(pixels, SIDE)
    sharp = picture.sharp or max(pixels.shape[:2]) <= SIDE // 2
    uri = figures.data_uri(fitted, None if sharp else QUALITY)
    return Shot(uri, alt, picture.caption, sounds)


def _shot(picture: np.ndarray, alt: str, caption: str = "") -> Shot:
    enlarged = max(picture.shape[:2]) <= SIDE // 2
    fitted = picture if picture.shape[2] == 4 else figures.fit(picture, SIDE)
    uri = figures.data_uri(fitted, None if enlarged else QUALITY)
    return Shot(uri, alt, caption)


def _tables(
    name: str,
    examples: Sequence[Example],
    cells: Cells,
    layers: Sequence["LayerGeometry"],
    desk: Desk | None,
) -> tuple[Table, ...]:
    """Lay out the pictures of one class: at the input side by side, then a table a method."""
    mine = [place for place, example in enumerate(examples) if example.true == name]
    order = {layer.name: number for number, layer in enumerate(layers)}
    methods = list(dict.fromkeys(method for method, place in cells if place in mine))
    rows = {m: {p: cells[m, p] for p in mine if (m, p) in cells} for m in methods}
    tables = _at_input({m: rows[m] for m in methods}, examples, _kind(desk))
    for method in methods:
        seen = dict.fromkeys(layer for row in rows[method].values() for layer in row)
        columns = sorted(seen.keys() - {INPUT}, key=lambda at: (order.get(at, len(order)), at))
        if columns:
            told = words(method, _kind(desk))
            heads = tuple(_heading(column, layers, desk) for column in columns)
            lines = tuple(
                (examples[place], tuple(tuple(row.get(column, ())) for column in columns))
                for place, row in rows[method].items()
            )
            tables.append(Table(told.title, (told,), heads, lines))
    return tuple(tables)


def _at_input(
    rows: dict[str, dict[int, dict[str, list[Shot]]]], examples: Sequence[Example], kind: str
) -> list[Table]:
    """Lay what methods show at the input side by side: a column a method."""
    methods = [m for m, places in rows.items() if any(INPUT in row for row in places.values())]
    places = dict.fromkeys(place for m in methods for place in rows[m])
    if not methods:
        return []
    lines = tuple(
        (examples[p], tuple(tuple(rows[m].get(p, {}).get(INPUT, ())) for m in methods))
        for p in places
    )
    told = tuple(words(method, kind) for method in methods)
    heads = tuple(Heading(each.title, "") for each in told)
    return [Table("At the input", told, heads, lines, layered=False)]


def _heading(name: str, layers: Sequence["LayerGeometry"], desk: Desk | None) -> Heading:
    """Say of a layer what one position of it sees, or for how long it hears."""
    field = next((layer.receptive_field for layer in layers if layer.name == name), None)
    if not field:
        return Heading(name, "")
    if desk and (rate := desk.run.spec.rate):  # of samples, or of a front end's frames
        return Heading(name, f"hears {1000 * field[-1] / rate:.3g} ms")
    return Heading(name, "sees " + " × ".join(map(str, field)))


def _kind(desk: Desk | None) -> str:
    return "waveform" if desk else "photo"


def _refusals(refused: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Say what could not be made, and why."""
    for each in refused:
        yield f"{each['method']} at {each['layer'] or 'any layer'}: {each['reason']}"


def _once(said: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(said))
