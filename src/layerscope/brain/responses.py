"""Layers against single responses: encoding models of each channel, and RSA over time."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from layerscope.brain.encoding import category_kernel, encode, response_ceiling
from layerscope.brain.measure import Layers, References
from layerscope.brain.rsa import rsa
from layerscope.brain.settings import BrainSettings
from layerscope.brain.subjects import read_arrays
from layerscope.brain.time_resolved import rdm_movie
from layerscope.errors import LayerscopeError, Refused


@dataclass(frozen=True, eq=False)
class Responses:
    """Responses `(repeat, stimulus, channel, time)`; without times there is one moment."""

    values: np.ndarray
    times: np.ndarray | None
    channels: tuple[str, ...]


def read_responses(file: Path, stimuli: int) -> Responses:
    """Read an npz of `responses`, and `times` (seconds) and `channels` (names) where it has them.

    `responses` is (stimulus, channel) or (repeat, stimulus, channel), with `times` one axis more.

    Raises:
        LayerscopeError: no such arrays, or not as many stimuli as there are images.

    """
    arrays = read_arrays(file)
    if "responses" not in arrays:
        raise LayerscopeError(
            f"{file} has {', '.join(arrays) or 'no arrays'}; it needs responses, "
            "(stimulus, channel), (repeat, stimulus, channel), and with times one axis more"
        )
    values = np.asarray(arrays["responses"], dtype=np.float64)
    times = arrays.get("times")
    timed = times is not None
    axes = values.ndim - timed
    if axes not in (2, 3):
        raise LayerscopeError(
            f"{file}: responses has the shape {values.shape}, with{'' if timed else 'out'} times; "
            "expected (stimulus, channel) or (repeat, stimulus, channel), and with times "
            "one axis more"
        )
    if times is None:
        values = values[..., None]
    if axes == 2:
        values = values[None]
    if values.shape[1] != stimuli:
        raise LayerscopeError(
            f"{file}: responses of {values.shape[1]} stimuli, and there are {stimuli} images"
        )
    if times is not None and len(times) != values.shape[-1]:
        raise LayerscopeError(
            f"{file}: {len(times)} times for {values.shape[-1]} samples: one for each"
        )
    if not np.isfinite(values).all():
        raise LayerscopeError(f"{file}: responses holds NaN or infinity: leave those channels out")
    given = arrays.get("channels")
    count = values.shape[2]
    names = range(count) if given is None or len(given) != count else given
    return Responses(values, times, tuple(map(str, names)))


def encoding_table(
    responses: Responses,
    layers: Layers,
    references: References,
    categories: dict[str, tuple[str, ...]],
    settings: BrainSettings,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Tell the responses (their mean over repeats and time) from every layer and reference.

    Stimuli are the groups: the repeats of one are never on both sides, as they are averaged. Gives
    a table of medians over channels, and each model's figures of each channel, `r2 MODEL`.
    """
    each = responses.values.mean(-1)  # (repeat, stimulus, channel)
    mean, stimuli = each.mean(0), each.shape[1]
    groups = np.random.default_rng(settings.seed).permutation(stimuli)
    kernels = {f"layer {name}": one.products for name, one in layers.grams.items()}
    kernels |= {f"untrained {name}": one.products for name, one in layers.twins.items()}
    kernels["pixels"] = references.pixels_gram.products
    kernels |= {f"category {name}": category_kernel(labels) for name, labels in categories.items()}
    arrays: dict[str, np.ndarray] = {}
    rows: list[dict[str, Any]] = []
    order = np.argsort(groups)  # the drawn order, in which stimuli are dealt out to the folds
    for name, kernel in kernels.items():
        try:
            found = encode(kernel[order][:, order], mean[order], order, folds=settings.folds)
        except Refused as refusal:
            raise LayerscopeError(f"encoding from {name}: {refusal}") from None
        arrays |= {f"r2 {name}": found.r2, f"r {name}": found.r}
        rows.append({"model": name, "r2": np.median(found.r2), "r": np.median(found.r)})
    ceiling = response_ceiling(each) if len(each) > 1 else None
    if ceiling is not None:
        arrays["r ceiling"] = ceiling
    told = None if ceiling is None else float(np.median(ceiling))
    table = {"channels": len(responses.channels), "folds": settings.folds, "ceiling_r": told}
    return {**table, "rows": rows}, arrays


def movie_table(
    responses: Responses, layers: Layers, references: References, settings: BrainSettings
) -> dict[str, Any]:
    """Compare every layer with the responses' RDM in each window of time.

    Distances are crossnobis where there are repeats, else those of the layers. Intervals are of a
    bootstrap over stimuli.
    """
    if responses.times is None:
        raise LayerscopeError("RSA over time needs responses with times")
    crossed = len(responses.values) > 1
    distance = "crossnobis" if crossed else settings.distance
    movie = rdm_movie(responses.values, responses.times, width=settings.width, distance=distance)
    models = {f"layer {name}": values for name, values in layers.rdms.items()}
    models |= {f"untrained {name}": values for name, values in layers.twin_rdms.items()}
    models["pixels"] = references.pixels
    models |= {f"category {name}": values for name, values in references.categories.items()}
    rows: list[dict[str, Any]] = []
    for start, stop, brain in zip(movie.starts, movie.stops, movie.rdms, strict=True):
        found = rsa(
            models,
            brain[None],
            compare=settings.comparison,
            draws=settings.draws,
            over="stimuli",
            seed=settings.seed,
        )
        rows += [
            {"start": start, "stop": stop, "model": name, "value": one.value, "low": one.low,
             "high": one.high}
            for name, one in found.items()
        ]  # fmt: skip
    return {"distance": distance, "width": settings.width, "rows": rows}
