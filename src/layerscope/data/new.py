"""New photographs or sounds for a network that is trained: folders named as its classes."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from layerscope.data.dataset import Example, Split
from layerscope.data.folders import (
    ClassFolder,
    File,
    as_text,
    find_folder,
    folder_names,
    ignored,
    listed,
    refusals,
    scan,
)
from layerscope.data.inputs import InputSpec
from layerscope.data.pack import aligned, open_pack
from layerscope.data.photo import Decoder
from layerscope.data.settings import DataSettings
from layerscope.errors import LayerscopeError


def from_folder(
    root: Path, classes: Sequence[str], spec: InputSpec, settings: DataSettings
) -> tuple[Split, list[Example]]:
    """Read a folder that has a folder for each class, named as it; nothing is written there.

    Gives the usable files, and the refused ones with their reasons; files that are in no class's
    folder are among these. Classes without a folder are told in the split's `notes`. Sounds are
    decoded and judged as the settings say, which are those of the run. Recordings need no
    class folders: their epochs say their class.

    Raises:
        LayerscopeError: no such folder, or no usable file in it.

    """
    root = Path(root).absolute()
    if spec.kind == "recording":
        from layerscope.data.recordings.find import from_recordings

        return from_recordings(root, classes, spec, settings)
    find = _sounds if spec.kind == "waveform" else _photos
    found = _folders_of(root, classes)
    folders = [ClassFolder("", name, path) for name, path in found.items() if path is not None]
    files, values, reasons, rows = find(root, folders, spec, settings)
    refused = [_refused(f, reason) for f, reason in zip(files, reasons, strict=True) if reason]
    if len(refused) == len(files):
        raise LayerscopeError(f"{root}: {refusals(reasons)}, none is left")
    refused += _strangers(root, {Path(folder.path).parts[0] for folder in folders})
    label_of = {name: label for label, name in enumerate(classes)}
    missing = [name for name, path in found.items() if path is None]
    usable = [place for place, reason in enumerate(reasons) if not reason]
    split = Split(
        "new",
        [files[k].id for k in usable],
        np.array([label_of[files[k].label] for k in usable], dtype=np.int64),
        values,
        rows[usable],
        (f"no folder for {listed(missing)}",) if missing else (),
        [files[k].group for k in usable],
    )
    return split, refused


_Packed = tuple[list[File], np.ndarray, list[str], np.ndarray]
"""Files, the pack's values, the reason to refuse each and the row of each."""


def _photos(
    root: Path, folders: list[ClassFolder], spec: InputSpec, settings: DataSettings
) -> _Packed:
    channels, side = _photo_shape(spec)
    files = _some(root, scan(root, folders))
    readable = [file for file in files if not file.reason]
    decoder = Decoder(side, channels, settings.max_pixels)
    pack = open_pack(root, [folder.path for folder in folders], readable, decoder)
    reasons, rows, _ = aligned(files, pack)
    return files, pack.values, reasons, rows


def _sounds(
    root: Path, folders: list[ClassFolder], spec: InputSpec, settings: DataSettings
) -> _Packed:
    from layerscope.data.waveforms.find import packed
    from layerscope.data.waveforms.layouts import windows, with_speakers

    given = settings.waveforms
    if given is None or given.samples != (spec.samples or spec.shape[-1]):
        raise LayerscopeError(
            f"the network takes a waveform of {spec.samples or spec.shape[-1]} samples, and the "
            "study's [data.waveforms] does not say how sounds become that"
        )
    files = _some(root, scan(root, folders))
    files = windows(root, with_speakers(files, given.speaker), given)
    places = [folder.path for folder in folders]
    pack, reasons, _, rows, _ = packed(root, given, files, places)
    return files, pack.values, reasons, rows


def _some(root: Path, files: list[File]) -> list[File]:
    """Refuse folders without any file that could be opened."""
    if all(file.reason for file in files):
        raise LayerscopeError(f"{root}: there is no file in the class folders")
    return files


def _folders_of(root: Path, classes: Sequence[str]) -> dict[str, str | None]:
    """Find the folder of each class, None where there is none; at least one must be there."""
    if not root.is_dir():
        raise LayerscopeError(f"{root} is no folder: name one that has a folder for each class")
    found = {name: find_folder(root, name) for name in classes}
    if not any(found.values()):
        raise LayerscopeError(
            f"{root} has no folder named as a class: it has {listed(folder_names(root))}, "
            f"the classes are {listed(classes)}"
        )
    return found


def _photo_shape(spec: InputSpec) -> tuple[int, int]:
    """Give channels and side; only square photographs in colour or grey can be made."""
    if spec.kind != "photo" or spec.shape[0] not in (1, 3) or spec.shape[1] != spec.shape[2]:
        raise LayerscopeError(
            f"the network takes a {spec.kind} of shape {spec.shape}: folders of photographs serve "
            "only networks that take square photographs with 3 channels or 1"
        )
    return spec.shape[0], spec.shape[1]


def _strangers(root: Path, known: set[str]) -> list[Example]:
    """Name the files that are in no class's folder."""
    others = [name for name in folder_names(root) if name not in known]
    files = scan(root, [ClassFolder("", "", name) for name in others])
    strangers = [_refused(file, f"{file.source} is no folder of a class") for file in files]
    with os.scandir(root) as entries:
        loose = sorted(e.name for e in entries if not ignored(e.name) and not e.is_dir())
    for name in loose:
        file = File(as_text(name), name, "", "", "", b"", "")
        strangers.append(_refused(file, "it lies in no folder of a class"))
    return strangers


def _refused(file: File, reason: str) -> Example:
    return Example(file.id, "", file.label, "", file.source, reason)
