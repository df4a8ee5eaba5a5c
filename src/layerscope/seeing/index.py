"""The folder of views: one file a view, the images beside them, and index.json that lists them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from layerscope import storage
from layerscope.errors import LayerscopeError
from layerscope.seeing.ask import Place
from layerscope.seeing.wav import write_wav
from layerscope.views import View
from layerscope.views.sound import Sound

Sounds = Mapping[str, Sequence[Sound]]
"""Sounds by what they are, one for each example, unit or class of a view."""

BITS = 11
"""Significant bits that stored values keep (as float16 has), so that they compress well."""


RATE = 16_000
"""Samples per second, in Hz, of sounds of which no other is known."""

SHOWN = frozenset({"image", "sound", "signal"})
"""Under which key an example names the file of what was shown to the network."""


class Index:
    """What a folder of views holds.

    `document["examples"]` says of each example its id, true and predicted class, probability,
    split and image; `["views"]` of each view its method, layer, file, axes, sign, units, target
    and the examples along its axis "batch"; `["refused"]` what could not be made and why.

    >>> Index(Path("views"), {"weights": "d1ce"}).document["views"]
    []
    """

    def __init__(self, folder: Path, key: dict[str, Any] | None) -> None:
        self.folder = folder
        self.path = folder / "index.json"
        self.document: dict[str, Any] = {
            "key": key,
            "stored": f"float32, rounded to {BITS} significant bits",
            "examples": [],
            "views": [],
            "refused": [],
        }

    @classmethod
    def open(cls, folder: Path, key: dict[str, Any] | None) -> Self:
        """Read the folder's index; the views made under another key, or none, are removed.

        Raises:
            LayerscopeError: the folder has an index.json that is not of views.

        """
        index = cls(folder, key)
        if not index.path.is_file():
            return index
        try:
            stored = json.loads(index.path.read_text(encoding="utf-8"))
            listed = [entry["file"] for entry in stored["views"]]
            listed += [example[key] for example in stored["examples"] for key in SHOWN & {*example}]
            listed += [
                name
                for entry in stored["views"]
                for names in entry.get("sounds", {}).values()
                for name in names
            ]
            same = key is not None and stored["key"] == key
        except (ValueError, KeyError, TypeError) as error:
            raise LayerscopeError(
                f"{index.path} is no index of views: name another folder, or remove it"
            ) from error
        if same:
            index.document = stored
            lost = {
                _place(view) for view in stored["views"] if not (folder / view["file"]).is_file()
            }
            stored["views"] = [view for view in stored["views"] if _place(view) not in lost]
        else:
            index.path.unlink()
            for name in listed:
                (folder / name).unlink(missing_ok=True)
        return index

    def write(self) -> None:
        """Write index.json whole."""
        storage.write_json(self.path, self.document)

    def made(self) -> set[Place]:
        """Give the place of every view that is there or is known to be refused."""
        entries = (*self.document["views"], *self.document["refused"])
        return set(map(_place, entries))

    def add_example(
        self, facts: dict[str, Any], stored: np.ndarray, *, sfreq: float | None = None
    ) -> int:
        """Add an example with what was shown to the network, as the pack holds it.

        uint8 `"channel y x"` becomes the "image", a PNG; int16 `"channel time"` at `sfreq` Hz the
        "sound", a WAV file; float32 `"channel time"` the "signal", a .npy file.

        Returns its place among the examples; one that is there already keeps its place.
        """
        examples = self.document["examples"]
        for place, example in enumerate(examples):
            if example["id"] == facts["id"]:
                return place
        number = f"{len(examples):03d}"
        if stored.dtype == np.uint8:
            shown, name = "image", f"images/{number}.png"
            _write_png(self.folder / name, stored)
        elif stored.dtype == np.int16:
            shown, name = "sound", f"sounds/{number}.wav"
            self.document["sfreq"] = sfreq or RATE
            write_wav(self.folder / name, stored[0], sfreq or RATE)
        else:
            shown, name = "signal", f"signals/{number}.npy"
            storage.write_whole(self.folder / name, lambda file: np.save(file, stored))
        examples.append({**facts, shown: name})
        return len(examples) - 1

    def add_view(
        self,
        view: View,
        group: str,
        places: Sequence[int],
        classes: Sequence[str] | None,
        *,
        aim: str | None = None,
        sounds: Sounds | None = None,
        **more: Any,
    ) -> None:
        """Save a view and list it; `places` are its examples' places, `aim` what it was asked.

        What can be heard of it is saved beside, a WAV file for each of `sounds`.
        """
        rank = f"-{more['rank']}" if "rank" in more else ""
        stem = f"{group}/{view.method}-{view.layer.replace('/', '_')}{rank}{_suffix(aim)}"
        replace(view, values=rounded(view.values)).save(self.folder / f"{stem}.npz")
        if sounds:
            more["sounds"] = {kind: self._write(stem, kind, of) for kind, of in sounds.items()}
        self.document["views"].append(
            {
                "method": view.method,
                "layer": view.layer,
                "file": f"{stem}.npz",
                "axes": list(view.axes),
                "shape": list(view.values.shape),
                "signed": view.signed,
                **_units(view.unit),
                "target": _named(view, classes),
                "aim": aim,
                "examples": list(places),
                "group": group,
                **more,
            }
        )

    def _write(self, stem: str, kind: str, sounds: Sequence[Sound]) -> list[str]:
        """Write the sounds of one kind; give the names of their files."""
        names = [f"{stem}/{kind}-{number:02d}.wav" for number in range(len(sounds))]
        for name, sound in zip(names, sounds, strict=True):
            write_wav(self.folder / name, sound.samples, sound.sfreq)
        return names

    def add_refusal(
        self, group: str, method: str, layer: str | None, reason: str, *, aim: str | None = None
    ) -> None:
        """Say why a view was not made."""
        entry = {"group": group, "method": method, "layer": layer, "aim": aim, "reason": reason}
        self.document["refused"].append(entry)


def rounded(values: np.ndarray) -> np.ndarray:
    """Round float32 values to 11 significant bits, at any magnitude.

    >>> rounded(np.float32([1 / 3, -1.0])).tolist()
    [0.333251953125, -1.0]
    """
    drop = 24 - BITS
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    kept = (bits + np.uint32(1 << (drop - 1))) & ~np.uint32((1 << drop) - 1)
    return np.where(np.isfinite(values), kept.view(np.float32), values)


def _place(entry: dict[str, Any]) -> Place:
    return entry["group"], entry["method"], entry["layer"], entry.get("aim")


def _suffix(aim: str | None) -> str:
    """Tell files of the same method for another target apart."""
    if aim in (None, "predicted"):
        return ""
    words = "".join(letter if letter.isalnum() else "_" for letter in str(aim))
    return f"-for-{words[:40]}-{hashlib.sha256(str(aim).encode()).hexdigest()[:6]}"


def _units(unit: int | np.ndarray | None) -> dict[str, Any]:
    if unit is None:
        return {}
    if isinstance(unit, int):
        return {"unit": unit}
    return {"units": unit.tolist()}


def _named(view: View, classes: Sequence[str] | None) -> list[str] | None:
    """Name what is explained of each example: its class, or what the view says of it."""
    if view.target is None:
        return list(view.about) or None
    return [classes[label] if classes else str(label) for label in view.target.tolist()]


def _write_png(path: Path, pixels: np.ndarray) -> None:
    from PIL import Image

    grey = len(pixels) == 1
    image = Image.fromarray(pixels[0] if grey else np.moveaxis(pixels, 0, -1))
    storage.write_whole(path, lambda file: image.save(file, "PNG"))
