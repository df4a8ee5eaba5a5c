"""The views of a network of the user's own, on a folder of images or of sounds."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import numpy as np
import torch

from layerscope.data.inputs import InputSpec
from layerscope.data.photo import Decoder, read
from layerscope.data.waveforms import sound
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

    from layerscope.views.scope import Kind


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
    spec = _spec(size, mean, std)
    decoder = Decoder(size=size, channels=len(spec.mean))
    return _see(
        net, Shown(Path(images), spec, "image", partial(_image, decoder)), out, settings, output
    )


def see_sounds(
    net: "nn.Module",
    sounds: str | Path,
    out: str | Path,
    settings: ViewsSettings,
    *,
    sfreq: int = 16_000,
    seconds: float = 1.0,
    scale: Literal["fixed", "rms"] = "fixed",
    mean: float = 0.0,
    std: float = 1.0,
    output: int | str | None = None,
) -> SeenImages:
    """Look through any network of waveforms at every sound of a folder and its sub-folders.

    Sounds of any format that libsndfile reads are mixed to one channel, brought to `sfreq` Hz and
    padded at the end, or cut to their middle, to `seconds`: the network is shown `"batch 1 time"`,
    full scale 1 ("fixed") or each clip's own RMS 1 ("rms"), less `mean`, divided by `std`. WAV
    files of what can be heard of the views lie beside their arrays.

    Raises:
        LayerscopeError: no readable sound; `out` holds something else; the network refuses.

    """
    samples = round(sfreq * seconds)
    shape = (1, samples)
    spec = InputSpec("waveform", shape, (mean,), (std,), sfreq=sfreq, scale=scale, samples=samples)
    decoder = sound.Decoder(sfreq=sfreq, samples=samples)
    shown = Shown(Path(sounds), spec, "sound", partial(_waveform, decoder))
    return _see(net, shown, out, settings, output)


@dataclass(frozen=True)
class Shown:
    """A folder of files, what the network takes, and how one is read: as stored, or why not."""

    folder: Path
    spec: InputSpec
    noun: str
    read: Callable[[Path], np.ndarray | str]

    def readable(
        self, files: Sequence[Path], skipped: dict[str, str]
    ) -> Iterator[tuple[str, np.ndarray]]:
        """Read files; one that cannot be read is noted with the reason."""
        for file in files:
            found = self.read(file)
            if isinstance(found, str):
                skipped[str(file)] = found
            else:
                yield str(file), found


def _see(
    net: "nn.Module",
    shown: Shown,
    out: str | Path,
    settings: ViewsSettings,
    output: int | str | None,
) -> SeenImages:
    """Look at every file of a folder, a few together."""
    folder, spec = _for_views(Path(out)), shown.spec
    scope = Scope(
        net,
        kind=cast("Kind", spec.kind),
        mean=spec.mean,
        std=spec.std,
        bounds=spec.bounds,
        sfreq=spec.sfreq,
        output=output,
    )
    with _users_network(spec):
        together = batch_within_budget(scope, spec.shape, settings.batch)
        names = scope.layers(settings.layers, spec.shape)
        words = layers_of_words(scope, settings.layers, spec.shape)
        settings = aimed(settings, scope, spec.shape)
    index, files = Index.open(folder, None), _files(shown)
    skipped: dict[str, str] = {}
    data = _Batches(files, shown, together)
    others = next((first for first, _, _ in data), None)
    with bar("seeing", total=len(files), unit=f"{shown.noun}s") as step:
        for start in range(0, len(files), together):
            some = files[start : start + together]
            if stored := dict(shown.readable(some, skipped)):
                inputs = spec.to_model(torch.from_numpy(np.stack(list(stored.values()))))
                with _users_network(spec):
                    trace = scope.trace(inputs, examples=list(stored))
                places = [
                    index.add_example({"id": name, **said}, each, sfreq=spec.sfreq)
                    for said, (name, each) in zip(_said(trace), stored.items(), strict=True)
                ]
                group = Group(f"{shown.noun}s-{start}", tuple(places))
                wanted = missing(index.made(), group.name, asks(settings, names))
                look(trace, group, wanted, settings, index, Beside(data, data, others))
            step(len(some))
    _refuse_if_none(index, shown, skipped)
    document = index.document
    groups = {entry["group"] for entry in (*document["views"], *document["refused"])}
    return SeenImages(index, skipped, outcome(index, groups, settings, words))


def _spec(size: int, mean: Sequence[float], std: Sequence[float]) -> InputSpec:
    """Describe grey or colour photographs."""
    if len(mean) not in (1, 3):
        raise LayerscopeError(f"mean has {len(mean)} values: 1 (grey) or 3 (red, green, blue)")
    return InputSpec("photo", (len(mean), size, size), tuple(mean), tuple(std))


def _refuse_if_none(index: Index, shown: Shown, skipped: dict[str, str]) -> None:
    """Refuse a folder of which no file could be read, with some of the reasons."""
    if not index.document["examples"]:
        reasons = "".join(f"; {name}: {reason}" for name, reason in list(skipped.items())[:3])
        raise LayerscopeError(f"{shown.folder} holds no {shown.noun} that can be read{reasons}")


@dataclass(frozen=True)
class _Batches:
    """All readable files as batches, read as they are asked for; their classes are not known."""

    files: Sequence[Path]
    shown: Shown
    together: int

    def __iter__(self) -> Iterator[tuple[torch.Tensor, None, list[str]]]:
        for start in range(0, len(self.files), self.together):
            some = self.files[start : start + self.together]
            if stored := dict(self.shown.readable(some, {})):
                batch = torch.from_numpy(np.stack(list(stored.values())))
                yield self.shown.spec.to_model(batch), None, list(stored)


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
            f"{f': {reason}' if reason else ''}; see "
            + ("--size" if spec.kind == "photo" else "--sfreq, --seconds, --scale")
            + ", --mean and --std"
        ) from error


def _files(shown: Shown) -> list[Path]:
    """List the files of a folder and its sub-folders, hidden ones left out, in order of name."""
    folder = shown.folder
    if not folder.is_dir():
        raise LayerscopeError(f"--{shown.noun}s {folder}: there is no such folder")
    found = (Path(place) / name for place, _, names in os.walk(folder) for name in names)
    return sorted(file for file in found if not file.name.startswith("."))


def _image(decoder: Decoder, file: Path) -> np.ndarray | str:
    """Read an image, uint8 `"channel y x"`."""
    photo = read(os.fspath(file), decoder)
    if photo.reason:
        return photo.reason
    square = (decoder.size, decoder.size, decoder.channels)
    return np.moveaxis(np.frombuffer(photo.pixels, np.uint8).reshape(square), -1, 0).copy()


def _waveform(decoder: sound.Decoder, file: Path) -> np.ndarray | str:
    """Read a sound, int16 `"channel time"`."""
    found = sound.read(os.fspath(file), decoder)
    return found.reason or np.frombuffer(found.samples, decoder.dtype).astype(np.int16)[None]


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
