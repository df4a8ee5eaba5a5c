"""The views of a network of the user's own, on a folder of images."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from layerscope.data.inputs import InputSpec
from layerscope.data.photo import Decoder, read
from layerscope.errors import LayerscopeError, Refused
from layerscope.progress import bar
from layerscope.seeing.ask import Beside, aimed, asks, missing
from layerscope.seeing.index import Index
from layerscope.seeing.look import Group, batch_within_budget, look
from layerscope.seeing.outcome import Outcome, layers_of_words, outcome
from layerscope.seeing.settings import ViewsSettings
from layerscope.views import Scope, Trace

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class SeenImages:
    """The index of the views, the files that could not be read, and what came of the views."""

    index: Index
    skipped: dict[str, str]
    outcome: Outcome


def see_module(
    net: "nn.Module",
    images: str | Path,
    out: str | Path,
    settings: ViewsSettings,
    *,
    size: int = 224,
    mean: Sequence[float] = (0.485, 0.456, 0.406),
    std: Sequence[float] = (0.229, 0.224, 0.225),
    output: int | str | None = None,
) -> SeenImages:
    """Look through any network at every image of a folder and its sub-folders.

    Images are resized and cut to `size` x `size` pixels, one channel for each value of `mean`
    (grey or RGB, 0..1), less `mean`, divided by `std`. Views and index.json go to `out`.

    Raises:
        LayerscopeError: no readable image; `out` holds something else; the network refuses.

    """
    folder, spec = _for_views(Path(out)), _spec(size, mean, std)
    scope = Scope(net, mean=spec.mean, std=spec.std, bounds=spec.bounds, output=output)
    with _users_network(spec):
        together = batch_within_budget(scope, spec.shape, settings.batch)
        names = scope.layers(settings.layers, spec.shape)
        words = layers_of_words(scope, settings.layers, spec.shape)
        settings = aimed(settings, scope, spec.shape)
    index = Index.open(folder, None)
    files = _files(Path(images))
    skipped: dict[str, str] = {}
    data = _Batches(files, spec, together)
    others = next((first for first, _, _ in data), None)
    with bar("seeing", total=len(files), unit="images") as step:
        for start in range(0, len(files), together):
            some = files[start : start + together]
            if pixels := dict(_readable(some, spec, skipped)):
                images_of_model = spec.to_model(torch.from_numpy(np.stack(list(pixels.values()))))
                with _users_network(spec):
                    trace = scope.trace(images_of_model, examples=list(pixels))
                facts = zip(_said(trace), pixels.items(), strict=True)
                places = [index.add_example({"id": i, **said}, x) for said, (i, x) in facts]
                group = Group(f"images-{start}", tuple(places))
                wanted = missing(index.made(), group.name, asks(settings, names))
                look(trace, group, wanted, settings, index, Beside(data, data, others))
            step(len(some))
    _refuse_if_none(index, images, skipped)
    document = index.document
    groups = {entry["group"] for entry in (*document["views"], *document["refused"])}
    return SeenImages(index, skipped, outcome(index, groups, settings, words))


def _spec(size: int, mean: Sequence[float], std: Sequence[float]) -> InputSpec:
    """Describe grey or colour photographs."""
    if len(mean) not in (1, 3):
        raise LayerscopeError(f"mean has {len(mean)} values: 1 (grey) or 3 (red, green, blue)")
    return InputSpec("photo", (len(mean), size, size), tuple(mean), tuple(std))


def _refuse_if_none(index: Index, images: str | Path, skipped: dict[str, str]) -> None:
    """Refuse a folder of which no image could be read, with some of the reasons."""
    if not index.document["examples"]:
        reasons = "".join(f"; {name}: {reason}" for name, reason in list(skipped.items())[:3])
        raise LayerscopeError(f"{images} holds no image that can be read{reasons}")


@dataclass(frozen=True)
class _Batches:
    """All readable images as batches, read as they are asked for; their classes are not known."""

    files: Sequence[Path]
    spec: InputSpec
    together: int

    def __iter__(self) -> Iterator[tuple[torch.Tensor, None, list[str]]]:
        for start in range(0, len(self.files), self.together):
            some = self.files[start : start + self.together]
            if pixels := dict(_readable(some, self.spec, {})):
                images = torch.from_numpy(np.stack(list(pixels.values())))
                yield self.spec.to_model(images), None, list(pixels)


def _for_views(folder: Path) -> Path:
    """Refuse a folder that holds anything but views."""
    if folder.exists() and not (folder / "index.json").is_file() and any(folder.iterdir()):
        raise LayerscopeError(f"{folder} is there already and holds no views: name a new folder")
    return folder


@contextmanager
def _users_network(spec: InputSpec) -> Iterator[None]:
    """Tell what fails in the user's code as a mistake, with the input that it failed on."""
    try:
        yield
    except LayerscopeError:
        raise
    except Exception as error:
        shape = ", ".join(map(str, ("N", *spec.shape)))
        reason = (str(error).splitlines() or [""])[-1]
        raise LayerscopeError(
            f"the network failed on an input of shape ({shape}): {type(error).__name__}"
            f"{f': {reason}' if reason else ''}; see --size, --mean and --std"
        ) from error


def _files(folder: Path) -> list[Path]:
    """List the files of a folder and its sub-folders, hidden ones left out, in order of name."""
    if not folder.is_dir():
        raise LayerscopeError(f"--images {folder}: there is no such folder")
    found = (Path(place) / name for place, _, names in os.walk(folder) for name in names)
    return sorted(file for file in found if not file.name.startswith("."))


def _readable(
    files: Sequence[Path], spec: InputSpec, skipped: dict[str, str]
) -> Iterator[tuple[str, np.ndarray]]:
    """Read images, uint8 `"channel y x"`; one that cannot be read is noted with the reason."""
    channels, size, _ = spec.shape
    for file in files:
        photo = read(os.fspath(file), Decoder(size=size, channels=channels))
        if photo.reason:
            skipped[str(file)] = photo.reason
        else:
            square = np.frombuffer(photo.pixels, np.uint8).reshape(size, size, channels)
            yield str(file), np.moveaxis(square, -1, 0).copy()


def _said(trace: Trace) -> list[dict[str, object]]:
    """Tell what the network says of each image; nothing where its output is not of classes."""
    unknown: dict[str, object] = {
        "true": None,
        "predicted": None,
        "probability": None,
        "split": None,
    }
    try:
        predicted, probabilities = trace.predicted.tolist(), trace.probabilities.amax(1).tolist()
    except Refused:
        return [unknown] * len(trace.examples)
    return [
        {**unknown, "predicted": str(label), "probability": probability}
        for label, probability in zip(predicted, probabilities, strict=True)
    ]
