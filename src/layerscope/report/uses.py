"""What the layers of a run of recordings use, as the page shows it: pictures made of `brain/`."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from layerscope.errors import LayerscopeError, Refused
from layerscope.report import figures
from layerscope.report.theme import DARK, LIGHT, Theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from layerscope.run import Run

#: Heads drawn in one row, and units of a layer that are shown.
ACROSS, UNITS = 8, 8


@dataclass(frozen=True)
class Plate:
    """A picture in the light and in the dark theme, with its title and how it is read."""

    light: str
    dark: str
    alt: str
    title: str
    reading: str


@dataclass(frozen=True)
class Uses:
    """What was found, in words and pictures; unless it is `above` chance, nothing is."""

    sentences: tuple[str, ...]
    above: bool
    twins: int
    plates: tuple[Plate, ...]
    notes: tuple[str, ...]


def uses(run: "Run") -> Uses | None:
    """Draw what `layerscope brain RUN` stored; None where there is nothing.

    Raises:
        LayerscopeError: the files are damaged.

    """
    folder = run.path / "brain"
    if not (folder / "found.json").is_file():
        return None
    try:
        found = json.loads((folder / "found.json").read_text(encoding="utf-8"))
        with np.load(folder / "arrays.npz", allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except (OSError, ValueError) as error:
        raise LayerscopeError(
            f"{folder} is damaged ({error}): remove its found.json and run `layerscope brain "
            f"{run.path}` again"
        ) from error
    positions, notes = _positions(found["channels"])
    drawn: list[Plate | None] = [_costs(found), _layer_bands(found), _curves(found)]
    if positions is not None:
        drawn += [_windows(found, arrays, positions)]
        drawn += [_filters(found, arrays, layer, positions) for layer in found["spatial"]]
    drawn += [_responses(found, arrays, layer) for layer in found["spatial"]]
    drawn += [_moments(found, arrays)]
    drawn += [_strongest(found, arrays, layer) for layer in found["layers"]]
    return Uses(
        sentences=tuple(found["sentences"]),
        above=bool(found["chance"]["above"]),
        twins=len(found["twins"]),
        plates=tuple(plate for plate in drawn if plate is not None),
        notes=tuple(notes),
    )


def _plate(draw: "Callable[[Theme], Figure]", title: str, reading: str) -> Plate:
    uris = [figures.svg_uri(draw(theme)) for theme in (LIGHT, DARK)]
    return Plate(uris[0], uris[1], f"{title}. {reading}", title, reading)


def _positions(channels: list[str]) -> tuple[np.ndarray | None, list[str]]:
    from layerscope.brain.electrodes import head_positions

    try:
        return head_positions(channels), []
    except Refused as refusal:
        return None, [f"No topographic maps: {refusal}."]


def _costs(found: dict[str, Any]) -> Plate:
    rows = found["swaps"]
    names = [f"{row['band']}\n{row['low']:g}–{row['high']:g} Hz" for row in rows]
    columns = {
        name: np.array([row[name] for row in rows])
        for name in ("cost", "cost_low", "cost_high", "untrained_cost", "corrected_p")
    }
    shuffled = np.array([row["shuffled_costs"] for row in rows]).T
    return _plate(
        lambda theme: figures.band_costs(
            names,
            *(columns["cost"], columns["cost_low"], columns["cost_high"]),
            *(columns["untrained_cost"], shuffled, columns["corrected_p"]),
            theme=theme,
        ),
        "What each band is worth",
        "One band's Fourier coefficients come from another epoch of the same recording, again and "
        "again; the rest stays. Bars: balanced accuracy lost, with 95 % of the draws. p: that the "
        "output goes over to the class of the epoch that gave the band, against permuted labels, "
        "corrected for all bands.",
    )


def _layer_bands(found: dict[str, Any]) -> Plate:
    bands = [f"{b['name']}\n{b['low']:g}–{b['high']:g} Hz" for b in found["bands"]]
    values, corrected, twins = _grid(found, "layer_bands", len(bands))
    return _plate(
        lambda theme: figures.layer_bands(
            *(found["layers"], bands, values, corrected, twins),
            alpha=found["key"]["alpha"],
            unit="class contrast (SD)",
            theme=theme,
        ),
        "Layers and bands",
        "How far what each band adds to the classes' margins (amplitude × its gradient) differs "
        "between the classes, through a layer's units, in standard deviations of the margin. In "
        "brackets the largest of the twins; framed: beyond permuted labels and every twin.",
    )


def _curves(found: dict[str, Any]) -> Plate:
    fine = found["fine"]
    values, _, twins = _grid(found, "frequencies", len(fine))
    limit = _column(found, "frequencies", "null_limit").reshape(values.shape)
    middles = np.array([(band["low"] + band["high"]) / 2 for band in fine])
    return _plate(
        lambda theme: figures.frequency_curves(
            *(found["layers"], middles, values, limit, twins),
            unit="class contrast (SD)",
            theme=theme,
        ),
        "Frequencies at each layer",
        "The same in narrow bands. A peak counts where it rises above the grey, which 95 % of "
        "permuted labels stay below, and above the thin lines of the twins.",
    )


def _grid(
    found: dict[str, Any], rows: str, bands: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give values and corrected p values `(layer, band)`, and the twins' `(twin, layer, band)`."""
    shape = (len(found["layers"]), bands)
    value, corrected = (
        _column(found, rows, name).reshape(shape) for name in ("value", "corrected_p")
    )
    twins = np.array([[row["untrained"], *row["shuffled"]] for row in found[rows]])
    return value, corrected, twins.T.reshape(-1, *shape)


def _column(found: dict[str, Any], rows: str, name: str) -> np.ndarray:
    return np.array([row[name] for row in found[rows]], dtype=float)


def _windows(found: dict[str, Any], arrays: dict[str, np.ndarray], positions: np.ndarray) -> Plate:
    windows, values = arrays["windows"], arrays["moments_contrast"].T  # (window, channel)
    across = min(ACROSS, len(windows))
    down = -(-len(windows) // across)
    padded = np.full((down * across, values.shape[1]), np.nan)
    padded[: len(windows)] = values
    starts = [windows[min(k * across, len(windows) - 1)][0] for k in range(down)]
    length = 1000 * float(windows[0][1] - windows[0][0])
    return _plate(
        lambda theme: figures.topographies(
            padded.reshape(down, across, -1),
            *(positions, found["channels"]),
            rows=[f"{1000 * start:.0f} ms" for start in starts],
            columns=[f"+{k * length:.0f} ms" for k in range(across)],
            unit="class contrast (SD)",
            theme=theme,
        ),
        "Where and when",
        f"Relevance (input × gradient of the margin) in windows of {length:.0f} ms, each class's "
        "own epochs less the others. Red speaks for the right class. With fewer than ten "
        "electrodes nothing is drawn between them, as nothing is known there.",
    )


def _filters(
    found: dict[str, Any], arrays: dict[str, np.ndarray], layer: str, positions: np.ndarray
) -> Plate:
    units = arrays[f"{layer}/units"][:UNITS]
    values = np.stack([arrays[f"{layer}/{name}"][:UNITS] for name in ("filter", "pattern")])
    share = arrays[f"{layer}/share"][:UNITS]
    columns = [f"unit {u}\n{100 * s:.0f} %" for u, s in zip(units, share, strict=True)]
    return _plate(
        lambda theme: figures.topographies(
            *(values, positions, found["channels"]),
            rows=["filter", "pattern"],
            columns=columns,
            each=True,
            theme=theme,
        ),
        f"Filters and patterns of {layer}",
        "Above, how the unit weighs the channels; below, where the source that it hears shows "
        "(Haufe et al. 2014). Only the pattern says where a source may lie: a filter weighs "
        "channels also to cancel what disturbs. Each head has its own scale. Percent: how much of "
        "the unit's weights is one product of space and time.",
    )


def _responses(found: dict[str, Any], arrays: dict[str, np.ndarray], layer: str) -> Plate:
    gain, hertz = arrays[f"{layer}/response"], arrays[f"{layer}/hertz"]
    return _plate(
        lambda theme: figures.filter_responses(
            *(arrays[f"{layer}/time"], gain, hertz, hertz[gain.argmax(axis=1)]),
            sfreq=found["sfreq"],
            units=arrays[f"{layer}/units"].tolist(),
            theme=theme,
        ),
        f"Temporal filters of {layer}",
        "Weights over time and the gain at each frequency of the units through which most of the "
        "margin passes, sorted by the frequency of the largest gain.",
    )


def _moments(found: dict[str, Any], arrays: dict[str, np.ndarray]) -> Plate:
    mean = arrays["moments_mean"]
    times = found["tmin"] + np.arange(mean.shape[-1]) / found["sfreq"]
    above = arrays["moments_corrected"] < found["key"]["alpha"]
    above &= arrays["moments_contrast"] > np.maximum(arrays["moments_twins"].max(axis=0), 0)
    windows = arrays["windows"]
    spans = [(int(c), float(windows[w][0]), float(windows[w][1])) for c, w in np.argwhere(above)]
    return _plate(
        lambda theme: figures.event_related(
            *(mean, arrays["moments_low"], arrays["moments_high"], times),
            *(found["channels"], found["classes"]),
            spans=spans,
            unit="relevance (SD of the margin)",
            theme=theme,
        ),
        "Relevance after the event",
        "The relevance of each class's margin, averaged over its own epochs, with 95 % bootstrap "
        "intervals. Shaded: windows in which the classes differ beyond permuted labels, corrected "
        "for all windows and channels, and beyond every twin.",
    )


def _strongest(found: dict[str, Any], arrays: dict[str, np.ndarray], layer: str) -> Plate | None:
    rows = [row for row in found["strongest"] if row["layer"] == layer]
    count = max((row["rank"] + 1 for row in rows), default=0)
    units = list(dict.fromkeys(row["unit"] for row in rows))
    full = [u for u in units if sum(row["unit"] == u for row in rows) == count]
    rows = [row for row in rows if row["unit"] in full]
    if not rows:
        return None
    signals = [arrays["strongest_signals"][row["signal"]] for row in rows]
    sfreq, tmin = found["sfreq"], found["tmin"]
    spans = [(tmin + row["start"] / sfreq, tmin + row["end"] / sfreq) for row in rows]
    names = [f"{found['classes'][row['label']]}, {row['activation']:.2g}" for row in rows]
    times = tmin + np.arange(signals[0].shape[-1]) / sfreq
    return _plate(
        lambda theme: figures.strongest_epochs(
            *(signals, spans, names, [f"unit {unit}" for unit in full], times), theme=theme
        ),
        f"Strongest epochs of {layer}",
        "The epochs to which units answer most, with their class and the answer. Shaded: what the "
        "unit's strongest position sees. Channels from top to bottom: "
        f"{', '.join(found['channels'])}.",
    )
