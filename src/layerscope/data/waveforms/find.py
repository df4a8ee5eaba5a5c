"""From the `[data]` section to the sounds it names: listed, decoded, judged and described."""

from functools import partial
from pathlib import Path

import numpy as np

from layerscope.data.folders import File, refusals
from layerscope.data.found import Found
from layerscope.data.pack import Pack, aligned, open_pack
from layerscope.data.settings import DataSettings
from layerscope.data.waveforms.describe import describe
from layerscope.data.waveforms.judge import judge
from layerscope.data.waveforms.layouts import Listed, listed
from layerscope.data.waveforms.noise import background
from layerscope.data.waveforms.settings import WaveformsSettings
from layerscope.data.waveforms.sound import Decoder
from layerscope.errors import LayerscopeError


def waveforms(settings: DataSettings) -> Found:
    """List, decode and judge the sounds of a study.

    Raises:
        LayerscopeError: folders, lists or a manifest are missing or make no sense, or there is no
            file at all.

    """
    root, given = settings.folder(), settings.waveforms or WaveformsSettings()
    sounds = listed(settings)
    if not any(not file.reason for file in sounds.files):
        told = refusals([file.reason for file in sounds.files])
        raise LayerscopeError(f"data.root: there is no sound in {root}: {told}")
    pack, reasons, notes, rows, digests = packed(root, given, sounds.files, sounds.places)
    label_of = {name: label for label, name in enumerate(sounds.classes)}
    return Found(
        sounds.classes,
        [file.id for file in sounds.files],
        np.array([label_of[file.label] for file in sounds.files], dtype=np.int64),
        [file.split for file in sounds.files],
        digests,
        [file.source for file in sounds.files],
        reasons,
        rows,
        pack.values,
        partial(describe, pack, given, normalize=settings.normalize),
        groups=[file.group for file in sounds.files],
        together=[file.group or (file.path if file.part else "") for file in sounds.files],
        group_word="speaker",
        notes=notes,
        warnings=(*sounds.warnings, *_unknown_speakers(sounds)),
        background=background(root, given),
        fractions=sounds.fractions,
    )


def packed(
    root: Path, given: WaveformsSettings, files: list[File], places: list[str]
) -> tuple[Pack, list[str], list[str], np.ndarray, list[bytes]]:
    """Decode files: the pack, and reason, note, row and digest of each."""
    readable = [file for file in files if not file.reason]
    pack = open_pack(root, places, readable, decoder(given))
    reasons, rows, digests = aligned(files, pack)
    notes = [""] * len(files)
    for place in np.flatnonzero(rows >= 0):
        noise = files[place].label == "silence" and given.silence > 0
        reasons[place], notes[place] = judge(pack.sums[rows[place]], given, may_be_silent=noise)
        if reasons[place]:
            rows[place] = -1
    return pack, reasons, notes, rows, digests


def decoder(given: WaveformsSettings) -> Decoder:
    """Say how sounds become rows; what is refused for its length is judged afterwards."""
    return Decoder(
        given.sfreq,
        given.samples,
        short="pad_both" if given.short == "pad_both" else "pad_end",
        long=given.long if given.long in ("centre", "loudest") else "start",
        max_seconds=given.max_seconds,
    )


def _unknown_speakers(sounds: Listed) -> list[str]:
    """Warn where nothing tells who speaks, so that a split may know its speakers."""
    usable = [file for file in sounds.files if not file.reason and file.source != "noise"]
    unknown = sum(not file.group for file in usable)
    if not unknown:
        return []
    drawn = any(file.split == "" for file in usable)
    what = "splits are drawn clip by clip there" if drawn else "the given splits may share speakers"
    return [
        f"who speaks is not known of {unknown:,} of {len(usable):,} sounds, so {what} and figures "
        "may be of voices that were trained on: say how names tell the speaker in "
        "data.waveforms.speaker, or give a manifest with a column speaker"
    ]
