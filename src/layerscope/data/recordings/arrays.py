"""Epochs from arrays: .npz, .mat and HDF5 files with x, y, channels and sfreq."""

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from layerscope.data.recordings.epochs import Epochs
from layerscope.errors import LayerscopeError

NEEDED = {
    "x": "the signals (epoch, channel, time)",
    "y": "the class of each epoch",
    "channels": "the channels' names",
    "sfreq": "samples per second in Hz",
}
MICROVOLTS = {"uv": 1.0, "µv": 1.0, "μv": 1.0, "mv": 1e3, "v": 1e6}
_OTHER_NAMES = {
    "x": ("data", "epochs", "eeg", "signals"),
    "y": ("labels", "label", "target", "targets", "events"),
    "channels": ("ch_names", "chans", "electrodes", "channel_names"),
    "sfreq": ("fs", "srate", "sampling_rate", "sampling_frequency", "sample_rate"),
}


def read_arrays(path: Path, name: str, unit: str) -> Epochs:
    """Read epochs from the arrays of a file; keys are read whatever their case.

    Needed: `x` (epoch, channel, time), `y` (names, or indices into `classes`), `channels`, `sfreq`
    (Hz). Read where they are: `classes`, `tmin` (s, else 0), `unit` (else `unit`), `recording`,
    `subject` and `session` of each epoch (names, or indices into `recording_names`, ...). `name` is
    what the file is called in ids.

    Raises:
        LayerscopeError: the file cannot be read, lacks what is needed, or contradicts itself.

    """
    reader = _READERS[path.suffix.lower()]
    try:
        given = reader(path)
    except LayerscopeError:
        raise
    except Exception as error:  # each library has its own for a damaged file
        raise LayerscopeError(f"{name} cannot be read: {type(error).__name__}: {error}") from error
    arrays = {key.lower(): value for key, value in given.items() if not key.startswith("__")}
    _refuse_lacking(name, arrays)
    x, channels = _signals(name, arrays)
    classes = tuple(_names(arrays["classes"])) if "classes" in arrays else ()
    labels = _labels(name, arrays["y"], classes, len(x))
    recordings = _of_each(name, arrays, "recording", len(x)) or (name,) * len(x)
    factor, notes = _factor(name, arrays, unit, x)
    return Epochs(
        x=(x * np.float32(factor)).astype(np.float32, copy=False),
        labels=labels,
        recordings=recordings,
        ids=tuple(f"{name}#{k:05d}" for k in range(len(x))),
        channels=channels,
        sfreq=_number(name, "sfreq", arrays["sfreq"]),
        tmin=_number(name, "tmin", arrays.get("tmin", 0.0), positive=False),
        classes=classes,
        subjects=_of_each(name, arrays, "subject", len(x)),
        sessions=_of_each(name, arrays, "session", len(x)),
        notes=notes,
    )


def _npz(path: Path) -> Mapping[str, Any]:
    with np.load(path, allow_pickle=False) as stored:
        return {key: stored[key] for key in stored.files}


def _mat(path: Path) -> Mapping[str, Any]:
    try:
        from pymatreader import read_mat
    except ImportError as error:
        raise _unread(path, ".mat files are", "pymatreader") from error
    return read_mat(str(path))


def _hdf5(path: Path) -> Mapping[str, Any]:
    try:
        import h5py
    except ImportError as error:
        raise _unread(path, "HDF5 files are", "h5py") from error
    with h5py.File(path, "r") as stored:
        found = {key: value[()] for key, value in stored.items() if isinstance(value, h5py.Dataset)}
        return found | {key: value for key, value in stored.attrs.items() if key not in found}


def _unread(path: Path, files: str, library: str) -> LayerscopeError:
    """Make the error of a file whose library is not there."""
    return LayerscopeError(
        f"{path.name}: {files} read by {library}, which is not installed: "
        'pip install "layerscope[brain]"'
    )


_READERS: dict[str, Callable[[Path], Mapping[str, Any]]] = {
    ".npz": _npz,
    ".mat": _mat,
    ".h5": _hdf5,
    ".hdf5": _hdf5,
}
SUFFIXES = tuple(_READERS)


def _refuse_lacking(name: str, arrays: Mapping[str, Any]) -> None:
    """Name everything that is missing at once, and what may be it under another name."""
    lacking = [key for key in NEEDED if key not in arrays]
    if not lacking:
        return
    parts = []
    for key in lacking:
        known = [other for other in _OTHER_NAMES[key] if other in arrays]
        known = known or difflib.get_close_matches(key, list(arrays), n=1)
        guess = f'; is it "{known[0]}"? then rename it' if known else ""
        parts.append(f"{key} ({NEEDED[key]}{guess})")
    raise LayerscopeError(
        f"{name} lacks {', '.join(parts)}; it holds {', '.join(arrays) or 'nothing'}"
    )


def _signals(name: str, arrays: Mapping[str, Any]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Give x (epoch, channel, time) and the channels' names."""
    x, channels = np.asarray(arrays["x"]), tuple(_names(arrays["channels"]))
    if x.dtype.kind not in "fiu" or x.ndim != 3:
        raise LayerscopeError(
            f"{name}: x is {x.dtype} of shape {x.shape}; it must be numbers (epoch, channel, time)"
        )
    if x.shape[1] != len(channels):
        order = " (are its axes in another order?)" if len(channels) in x.shape else ""
        raise LayerscopeError(
            f"{name}: x of shape {x.shape} must be (epoch, channel, time), and there are "
            f"{len(channels)} channels: {', '.join(channels)}{order}"
        )
    if len(set(channels)) < len(channels):
        raise LayerscopeError(f"{name}: a channel is named twice in {', '.join(channels)}")
    return x, channels


def _labels(name: str, y: Any, classes: tuple[str, ...], count: int) -> tuple[str, ...]:
    """Give the class of each epoch by name."""
    y = np.asarray(y)
    y = y.ravel() if y.dtype.kind in "fiub" else np.asarray(_names(y))
    if len(y) != count:
        raise LayerscopeError(f"{name}: y has {len(y)} values for {count} epochs")
    if y.dtype.kind not in "fiub":
        return tuple(y.tolist())
    if not np.array_equal(y, np.rint(y)):
        raise LayerscopeError(
            f"{name}: y has values such as {y[y != np.rint(y)][0]}: whole numbers"
        )
    index = y.astype(np.int64)
    if not classes:
        return tuple(str(value) for value in index.tolist())
    if count and (index.min() < 0 or index.max() >= len(classes)):
        raise LayerscopeError(
            f"{name}: y runs from {index.min()} to {index.max()}, and there are {len(classes)} "
            f"classes ({', '.join(classes)}): y counts them from 0"
        )
    return tuple(classes[k] for k in index.tolist())


def _of_each(name: str, arrays: Mapping[str, Any], key: str, count: int) -> tuple[str, ...]:
    """Give the recording, subject or session of each epoch by name; empty where it is not said."""
    if key not in arrays:
        return ()
    values, names = np.asarray(arrays[key]), _names(arrays.get(f"{key}_names", ()))
    found = [str(v) for v in values.ravel().tolist()] if values.dtype.kind in "iu" else []
    found = found or _names(values)
    if len(found) == 1:
        found = found * count
    if len(found) != count:
        raise LayerscopeError(f"{name}: {key} has {len(found)} values for {count} epochs")
    if not names or values.dtype.kind not in "iu":
        return tuple(f"{name}:{value}" if key == "recording" else value for value in found)
    index = values.ravel()
    if index.min() < 0 or index.max() >= len(names):
        raise LayerscopeError(
            f"{name}: {key} runs to {index.max()}, and {key}_names has {len(names)}, from 0"
        )
    return tuple(names[k] for k in np.broadcast_to(index, count).tolist())


def _factor(
    name: str, arrays: Mapping[str, Any], unit: str, x: np.ndarray
) -> tuple[float, tuple[str, ...]]:
    """Give what turns x into microvolts, and a note where the amplitudes do not look like it."""
    said = _names(arrays["unit"])[0] if "unit" in arrays else unit
    if said.lower() not in MICROVOLTS:
        raise LayerscopeError(f'{name}: unit = "{said}": one of uV, mV, V')
    factor = MICROVOLTS[said.lower()]
    finite = x[np.isfinite(x)]
    spread = factor * float(np.median(np.abs(finite - np.median(finite)))) if finite.size else 0.0
    if 0 < spread < 1e-2:
        found = f"{name}: a typical deviation of {spread:.2g} µV is far below any EEG's: "
        return factor, (found + 'are these volts? Then set data.recordings.unit = "V"',)
    if spread > 1e4:
        found = f"{name}: a typical deviation of {spread:.2g} µV is far above any EEG's: "
        return factor, (found + "are these the amplifier's own counts?",)
    return factor, ()


def _number(name: str, key: str, value: Any, *, positive: bool = True) -> float:
    array = np.asarray(value)
    number = float(array.ravel()[0]) if array.dtype.kind in "fiu" and array.size == 1 else np.nan
    if not np.isfinite(number) or (positive and number <= 0):
        raise LayerscopeError(f"{name}: {key} = {value!r:.60}: one number{' above 0' * positive}")
    return number


def _names(values: Any) -> list[str]:
    """Read names: strings, bytes, lists or arrays of them, blanks of a fixed width taken off."""
    flat = [values] if isinstance(values, str | bytes) else np.asarray(values).ravel().tolist()
    return [(v.decode() if isinstance(v, bytes) else str(v)).strip() for v in flat]
