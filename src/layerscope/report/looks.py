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
from layerscope.report import figures
from layerscope.report.words import Words, words
from layerscope.views import View

if TYPE_CHECKING:
    from layerscope.nets.geometry import LayerGeometry
    from layerscope.run import Run

SIDE = 172  # pixels of a picture in a table
MAP, MAPS = ("batch", "y", "x"), ("batch", "channel", "y", "x")  # what is drawn of examples
QUALITY = 75  # of pictures that are not made of enlarged pixels


@dataclass(frozen=True)
class Shot:
    """A picture with its words."""

    uri: str
    alt: str
    caption: str = ""


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
    """One method's pictures: a row for each example, and in it a list of pictures a layer."""

    words: Words
    layers: tuple[Heading, ...]
    rows: tuple[tuple[Example, tuple[tuple[Shot, ...], ...]], ...]


@dataclass(frozen=True)
class Looks:
    """All pictures of a run: `network` those that show it alone, `by_class` those of examples."""

    examples: tuple[Example, ...] = ()
    network: tuple[tuple[Words, str, Shot], ...] = ()
    by_class: dict[str, tuple[Table, ...]] | None = None
    refused: tuple[str, ...] = ()


Cells = dict[tuple[str, int], dict[str, list[Shot]]]
"""Pictures by (method, place of the example), then by layer."""


def looks(run: "Run", layers: Sequence["LayerGeometry"]) -> Looks:
    """Draw every view that a run's views/index.json lists; nothing where there are none."""
    path = run.views_folder / "index.json"
    if not path.is_file():
        return Looks()
    index = _index(run, path)
    images = [_image(run, entry) for entry in index["examples"]]
    examples = tuple(map(_example, index["examples"], images))
    network: list[tuple[Words, str, Shot]] = []
    cells: Cells = {}
    undrawn: list[str] = []
    with bar("drawing", total=len(index["views"]), unit="views") as step:
        for entry in index["views"]:
            view = View.load(run.views_folder / entry["file"])
            if view.axes[0] == "unit":
                network.append((words(view.method), view.layer, _filters(view)))
            elif view.axes not in (MAP, MAPS):
                undrawn.append(
                    f"{view.method} at {view.layer}: its axes are {', '.join(view.axes)}"
                )
            for place, shot in _shots(view, entry, images, examples):
                cells.setdefault((view.method, place), {}).setdefault(view.layer, []).append(shot)
            step()
    return Looks(
        examples=examples,
        network=tuple(network),
        by_class={name: _tables(name, examples, cells, layers) for name in run.classes},
        refused=_once([*_refusals(index.get("refused", [])), *undrawn]),
    )


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


def _image(run: "Run", entry: dict[str, Any]) -> np.ndarray:
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
    view: View, entry: dict[str, Any], images: Sequence[np.ndarray], examples: Sequence[Example]
) -> Iterator[tuple[int, Shot]]:
    """Draw a view for each of its examples, by what its axes are."""
    if view.axes == MAP:
        laid = view.over_input()
        targets = entry.get("target") or [""] * len(laid.values)
        for place, values, target in zip(entry["examples"], laid.values, targets, strict=True):
            yield place, _map(view, values, images[place], examples[place], target)
    elif view.axes == MAPS:
        for row, place in enumerate(entry["examples"]):
            values, of = view.values[row], f"{view.layer}, {examples[place].true}"
            if "channels" in entry or view.values.shape[2:] != view.input_size:
                yield place, _features(values, entry, row, of)
            else:
                yield place, _projection(values, entry, row, images[place], of)


def _map(view: View, values: np.ndarray, image: np.ndarray, example: Example, target: str) -> Shot:
    named = f"{words(view.method).title} at {view.layer}" + (f" for {target}" if target else "")
    notes = [f"for {target}"] if target not in ("", example.predicted) else []
    notes += [] if values.any() else ["zero everywhere"]
    alt = f"{named}, over a picture of {example.true}"
    picture = figures.signed(values) if view.signed else figures.overlay(image, values)
    return _shot(picture, ", ".join([alt, *notes]), ", ".join(notes))


def _features(values: np.ndarray, entry: dict[str, Any], row: int, of: str) -> Shot:
    channels = entry["channels"][row] if "channels" in entry else range(len(values))
    named = ", ".join(map(str, channels))
    sheet = figures.feature_grid(values)
    quality = QUALITY if values.shape[-1] > SIDE // 3 else None
    return Shot(figures.data_uri(sheet, quality), f"{of}: channels {named}")


def _projection(
    values: np.ndarray, entry: dict[str, Any], row: int, image: np.ndarray, of: str
) -> Shot:
    unit = entry["units"][row] if "units" in entry else entry.get("unit")
    caption = f"unit {unit}" if unit is not None else ""
    if "activation" in entry:
        caption += f" · {entry['activation'][row]:.3g}"
    if not values.any():
        caption += " · silent"
    sheet = figures.projection(values, image, SIDE)
    return Shot(
        figures.data_uri(sheet, QUALITY), f"{of}, {caption}: projection and picture", caption
    )


def _filters(view: View) -> Shot:
    sheet = figures.filter_grid(view.values)
    return Shot(figures.data_uri(sheet), f"{len(view.values)} filters of {view.layer}")


def _shot(picture: np.ndarray, alt: str, caption: str = "") -> Shot:
    enlarged = max(picture.shape[:2]) <= SIDE // 2
    uri = figures.data_uri(figures.fit(picture, SIDE), None if enlarged else QUALITY)
    return Shot(uri, alt, caption)


def _tables(
    name: str,
    examples: Sequence[Example],
    cells: Cells,
    layers: Sequence["LayerGeometry"],
) -> tuple[Table, ...]:
    """Lay out the pictures of one class, methods in the order in which they were made."""
    mine = [place for place, example in enumerate(examples) if example.true == name]
    order = {layer.name: number for number, layer in enumerate(layers)}
    tables = []
    for method in dict.fromkeys(method for method, place in cells if place in mine):
        rows = {place: cells[method, place] for place in mine if (method, place) in cells}
        seen = dict.fromkeys(layer for row in rows.values() for layer in row)
        columns = sorted(seen, key=lambda layer: order.get(layer, len(order)))
        tables.append(
            Table(
                words=words(method),
                layers=tuple(_heading(column, layers) for column in columns),
                rows=tuple(
                    (examples[place], tuple(tuple(row.get(column, ())) for column in columns))
                    for place, row in rows.items()
                ),
            )
        )
    return tuple(tables)


def _heading(name: str, layers: Sequence["LayerGeometry"]) -> Heading:
    for layer in layers:
        if layer.name == name:
            field = layer.receptive_field
            return Heading(name, "sees " + " × ".join(map(str, field)) if field else "")
    return Heading(name, "")


def _refusals(refused: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Say what could not be made, and why."""
    for each in refused:
        yield f"{each['method']} at {each['layer'] or 'any layer'}: {each['reason']}"


def _once(said: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(said))
