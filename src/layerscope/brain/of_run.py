"""A run of recordings, asked with its twins what its layers use: the files in `brain/`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from layerscope import storage
from layerscope.brain.analysis import Asked, analyse
from layerscope.brain.bands import BANDS, bands_within, fine_bands
from layerscope.brain.epochs import Epochs
from layerscope.brain.moments import even_windows
from layerscope.brain.sentences import important_bands, sentences
from layerscope.brain.spatial import spatial_arrays
from layerscope.brain.strongest import Answer, strongest_epochs
from layerscope.brain.twins import shuffled_twin
from layerscope.brain.use_settings import UseSettings
from layerscope.brain.use_tables import LAYERS, SWAPS, Compared, layer_rows, swap_rows
from layerscope.errors import LayerscopeError
from layerscope.progress import bar
from layerscope.views import Scope

if TYPE_CHECKING:
    from torch import nn

    from layerscope.data import Dataset
    from layerscope.run import Run

#: Units of a layer whose strongest epochs are kept, and epochs of each.
PICTURED, TOP = 4, 3


def use_of_run(run: "Run", **given: Any) -> Path:
    """Ask a run of recordings what its layers use, and write `brain/`; give its `found.json`.

    What is there already and still valid (same weights, same settings) is not made again; twins
    that are trained are kept.

    Args:
        run: a finished run of recordings.
        given: settings that take the place of the study's: `twins=`, `draws=`, ...

    Raises:
        LayerscopeError: the run is not of recordings, has no weights, or its data have changed.

    """
    settings = asked_settings(run.study.brain, given)
    if run.spec.kind != "recording" or not run.spec.sfreq:
        raise LayerscopeError(
            f"{run.path} looks at {run.spec.kind}s: what layers use of bands, moments and channels "
            "is asked of recordings; layers are compared with brains by --rdm"
        )
    path = run.path / "brain" / "found.json"
    key = {"weights_sha256": run.weights_digest(), **settings.model_dump(mode="json")}
    if path.is_file() and json.loads(path.read_text(encoding="utf-8")).get("key") == key:
        return path
    dataset = _dataset(run)
    epochs = epochs_of(dataset, run.evaluated_split())
    asked = _asked(run, dataset, settings)
    found, units = _compared(run, dataset, epochs, asked, settings.twins)
    document = _document(run, found, asked, settings) | {"key": key}
    answers = strongest_epochs(_scope(run, run.net()), epochs, units, top=TOP)
    _write(path.parent, document, found, run, epochs, answers)
    storage.write_json(path, document)
    return path


def asked_settings(base: UseSettings, given: dict[str, Any]) -> UseSettings:
    """Put what is given, unless it is None, in the place of what the study says."""
    from pydantic import ValidationError

    from layerscope.mistakes import allowed

    changes = {name: value for name, value in given.items() if value is not None}
    try:
        return UseSettings.model_validate(base.model_dump() | changes)
    except ValidationError as error:
        told = [
            f"{detail['loc'][0]} = {detail['input']!r}: {allowed(dict(detail), detail['input'])}"
            for detail in error.errors()
        ]
        raise LayerscopeError("; ".join(told)) from None


def epochs_of(dataset: "Dataset", name: str) -> Epochs:
    """Give the epochs of a split in the model's units."""
    split = dataset[name]
    signals = dataset.spec.to_model(split.batch(np.arange(len(split))))
    return Epochs.of(signals, split.labels, list(split.groups), list(split.ids))


def _dataset(run: "Run") -> "Dataset":
    from layerscope.data import prepare

    dataset = prepare(run.study.data)
    run.check_data(dataset)
    return dataset


def _asked(run: "Run", dataset: "Dataset", settings: UseSettings) -> Asked:
    sfreq, samples = float(run.spec.sfreq or 0), run.spec.shape[-1]
    passband = settings.passband or _filter_of(run)
    times = getattr(run.spec, "tmin", 0.0) + np.arange(samples) / sfreq
    window = settings.window or max(0.01, round(samples / sfreq / 20, 2))
    return Asked(
        bands=tuple(bands_within(sfreq, samples, passband=passband, bands=settings.bands or BANDS)),
        fine=tuple(fine_bands(sfreq, samples, passband=passband)),
        layers=settings.layers,
        windows=even_windows(times, window),
        times=times,
        training_labels=dataset["train"].labels,
        **settings.model_dump(include=_SAME),
    )


_SAME = {"units", "epochs", "draws", "permutations", "alpha", "seed"}


def _filter_of(run: "Run") -> tuple[float, float] | None:
    """Give what the study's own filter lets through, in Hz."""
    recordings = getattr(run.study.data, "recordings", None)
    low, high = (getattr(recordings, name, None) for name in ("l_freq", "h_freq"))
    if low is None and high is None:
        return None
    return float(low or 0.0), float(high or (run.spec.sfreq or 0) / 2)


def _scope(run: "Run", net: "nn.Module") -> Scope:
    spec = run.spec
    return Scope(
        net.eval(),
        kind="recording",
        classes=run.classes,
        mean=spec.mean,
        std=spec.std,
        sfreq=spec.sfreq,
        channels=spec.channels or None,
    )


def _compared(
    run: "Run", dataset: "Dataset", epochs: Epochs, asked: Asked, twins: int
) -> tuple[Compared, dict[str, np.ndarray]]:
    """Ask the network, the untrained one and the shuffled ones the same."""
    with bar("brain: networks", twins + 2, "networks") as step:
        own = analyse(_scope(run, run.net()), epochs, asked)
        step()
        untrained = analyse(_scope(run, run.untrained_net()), epochs, asked)
        step()
        shuffled = []
        for number in range(twins):
            folder = run.path / "brain" / "twins" / f"shuffled-{number}"
            net = shuffled_twin(run, dataset, number, folder)
            shuffled.append(analyse(_scope(run, net), epochs, asked))
            step()
    return Compared(own, untrained, tuple(shuffled)), own.units


def _document(run: "Run", found: Compared, asked: Asked, settings: UseSettings) -> dict[str, Any]:
    channels = _channel_names(run)
    classes = tuple(run.classes)
    return {
        "split": run.evaluated_split(),
        "classes": list(classes),
        "channels": list(channels),
        "sfreq": run.spec.sfreq,
        "tmin": float(asked.times[0]),
        "chance": {**asdict(found.own.chance), "above": found.own.chance.above},
        "twins": [asdict(twin.chance) for twin in found.twins],
        "sentences": sentences(found, channels, classes, settings.alpha),
        "important": important_bands(found, settings.alpha),
        "layers": list(found.own.layer_names),
        "bands": [asdict(band) for band in asked.bands],
        "fine": [asdict(band) for band in asked.fine],
        "swaps": swap_rows(found),
        "layer_bands": layer_rows(found, "bands"),
        "frequencies": layer_rows(found, "fine"),
    }


def _channel_names(run: "Run") -> tuple[str, ...]:
    names = cast("tuple[str, ...]", tuple(run.spec.channels))
    return names or tuple(f"channel {number}" for number in range(run.spec.shape[0]))


def _write(
    folder: Path,
    document: dict[str, Any],
    found: Compared,
    run: "Run",
    epochs: Epochs,
    answers: list[Answer],
) -> None:
    """Write the tables and the arrays; `found.json` comes last and says that all is there."""
    for name, columns, rows in (
        ("swaps", SWAPS, document["swaps"]),
        ("layers", LAYERS, document["layer_bands"]),
        ("frequencies", LAYERS, document["frequencies"]),
    ):
        storage.write_csv(folder / f"{name}.csv", columns, map(_flat, rows))
    moments = found.own.moments
    arrays: dict[str, Any] = {
        "moments_mean": moments.mean.astype(np.float32),
        "moments_low": moments.low.astype(np.float32),
        "moments_high": moments.high.astype(np.float32),
        "windows": moments.windows,
        "moments_contrast": moments.contrast.value,
        "moments_limit": moments.contrast.limit,
        "moments_corrected": moments.contrast.corrected,
        "moments_twins": np.stack([twin.moments.contrast.value for twin in found.twins]),
        "channels_contrast": found.own.channels.value,
        "channels_corrected": found.own.channels.corrected,
    }
    scope = _scope(run, run.net())
    arrays |= spatial_arrays(scope, epochs, found.own.units)
    rows, kept = _strongest(answers, epochs)
    document["strongest"] = rows
    document["spatial"] = sorted({name.split("/")[0] for name in arrays if "/" in name})
    storage.write_csv(folder / "strongest.csv", list(rows[0]) if rows else ["layer"], rows)
    std = torch.tensor(run.spec.std).view(-1, 1)
    mean = torch.tensor(run.spec.mean).view(-1, 1)
    arrays["strongest_signals"] = (epochs.signals[kept] * std + mean).numpy()
    storage.write_whole(folder / "arrays.npz", lambda file: np.savez_compressed(file, **arrays))


def _strongest(answers: list[Answer], epochs: Epochs) -> tuple[list[dict[str, Any]], list[int]]:
    """Give rows for the strongest units' epochs, and which epochs these are."""
    taken: dict[str, list[int]] = {}
    for answer in answers:
        units = taken.setdefault(answer.layer, [])
        if answer.unit not in units and len(units) < PICTURED:
            units.append(answer.unit)
    chosen = [answer for answer in answers if answer.unit in taken[answer.layer]]
    kept = sorted({answer.epoch for answer in chosen})
    rows = [
        {
            **asdict(answer),
            "id": epochs.ids[answer.epoch],
            "label": int(epochs.labels[answer.epoch]),
            "signal": kept.index(answer.epoch),
        }
        for answer in chosen
    ]
    return rows, kept


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """Write lists of numbers with blanks between, as a table takes them."""
    return {
        name: " ".join(f"{each:.6g}" for each in value) if isinstance(value, list) else value
        for name, value in row.items()
    }
