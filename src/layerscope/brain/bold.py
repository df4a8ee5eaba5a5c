"""fMRI by itself: decoding, a category model of each voxel, crossnobis RSA; runs are held out.

Where no stimulus images are known, layers cannot be compared; what the voxels tell of categories
can. Each voxel is detrended and scaled within its run, which uses no labels.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from layerscope import storage
from layerscope.brain.compare import spearman
from layerscope.brain.comparing import DOCUMENT, write_arrays
from layerscope.brain.crossnobis import crossnobis, fold_means, noise_precision, sign_flips
from layerscope.brain.decoding import Decoding, decode
from layerscope.brain.encoding import category_kernel, encode, response_ceiling
from layerscope.brain.rdm import category_rdm, square
from layerscope.brain.settings import BoldSettings, BrainStudy
from layerscope.brain.subjects import read_arrays
from layerscope.brain.tables import finite
from layerscope.errors import LayerscopeError
from layerscope.provenance import describe, digest, now


@dataclass(frozen=True, eq=False)
class Volumes:
    """Volumes with a stimulus: `values` `(volume, voxel)`, the `labels` and `runs` of each."""

    values: np.ndarray
    labels: np.ndarray
    runs: np.ndarray
    mask: np.ndarray | None


def read_volumes(settings: BoldSettings) -> Volumes:
    """Read `X` "volume voxel", `label`, `run` and, where there is one, the `mask` of a slice.

    Within each run a straight line is taken from every voxel, which is then scaled to a standard
    deviation of 1. Rest is left out afterwards.

    Raises:
        LayerscopeError: an array is missing or of another length; fewer than three runs; a run
            that lacks a category.

    """
    arrays = read_arrays(settings.file)
    if missing := [name for name in ("X", "label", "run") if name not in arrays]:
        raise LayerscopeError(
            f"{settings.file} lacks {', '.join(missing)}; it needs X (volume, voxel), label and run"
        )
    values = np.asarray(arrays["X"], dtype=np.float64)
    labels, runs = arrays["label"].astype(str), arrays["run"]
    if values.ndim != 2 or not len(values) == len(labels) == len(runs):
        raise LayerscopeError(
            f"{settings.file}: X has the shape {values.shape}, label {labels.shape}, run "
            f"{runs.shape}: (volume, voxel), and one of each for a volume"
        )
    if not np.isfinite(values).all():
        raise LayerscopeError(f"{settings.file}: X holds NaN or infinity: leave those voxels out")
    cleaned, named = np.empty_like(values), labels.copy()
    for run in np.unique(runs):
        rows = np.flatnonzero(runs == run)
        cleaned[rows] = _detrended(values[rows])
        if settings.lag:
            blank = settings.rest if settings.rest is not None else labels[rows[0]]
            named[rows] = np.r_[np.repeat(blank, settings.lag), labels[rows]][: len(rows)]
    keep = named != settings.rest
    volumes = Volumes(cleaned[keep], named[keep], runs[keep], arrays.get("mask"))
    names = set(volumes.labels)
    for run in np.unique(runs):
        lacking = names - set(volumes.labels[volumes.runs == run])
        if lacking:
            raise LayerscopeError(
                f"{settings.file}: run {run} has no {', '.join(sorted(lacking))}; every run needs "
                "every category, as runs are held out"
            )
    if len(np.unique(runs)) < 3:
        raise LayerscopeError(f"{settings.file} has {len(np.unique(runs))} runs: three are needed")
    return volumes


def analyse(study: BrainStudy, out: Path) -> dict[str, Any]:
    """Decode, encode and compare categories; writes the folder `out` and gives its document."""
    if study.bold is None:
        raise LayerscopeError("fMRI by itself needs [bold]")
    settings = study.bold
    volumes = read_volumes(settings)
    fingerprint = digest(settings.file)
    decoded = decode(
        volumes.values,
        volumes.labels,
        volumes.runs,
        permutations=settings.permutations,
        seed=settings.seed,
    )
    encoded, of_voxels = category_encoding(volumes, settings)
    similar, rdm = category_geometry(volumes, settings)
    document: dict[str, Any] = {
        "name": study.name,
        "settings": study.model_dump(mode="json"),
        "categories": list(decoded.classes),
        "runs": len(np.unique(volumes.runs)),
        "volumes": len(volumes.labels),
        "voxels": volumes.values.shape[1],
        "decoding": _decoding(decoded),
        "encoding": encoded,
        "rdm": similar,
        "provenance": describe(fingerprint, {"permutations": settings.seed}, Path.cwd())
        | {"finished": now()},
    }
    document["told"] = _told(document)
    arrays = {**of_voxels, "crossnobis": rdm}
    if volumes.mask is not None and int(volumes.mask.sum()) == volumes.values.shape[1]:
        arrays["mask"] = volumes.mask
    write_arrays(out / "arrays.npz", arrays)
    rows = [{"voxel": n, **{key: float(values[n]) for key, values in of_voxels.items()}}
            for n in range(volumes.values.shape[1])]  # fmt: skip
    storage.write_csv(out / "encoding.csv", ["voxel", *of_voxels], rows)
    storage.write_csv(out / "crossnobis.csv", list(similar["pairs"][0]), similar["pairs"])
    document = finite(document)
    storage.write_json(out / DOCUMENT, document)
    return document


def category_encoding(
    volumes: Volumes, settings: BoldSettings
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Tell each voxel's mean answer to each category in a run from the other runs.

    r is over the categories of a held-out run, the mean of runs; its null renames the categories
    within each run; its ceiling is that of one run.
    """
    means, names = fold_means(volumes.values, volumes.labels, volumes.runs)
    runs, categories, voxels = means.shape
    labels, groups = np.tile(np.array(names), runs), np.repeat(np.arange(runs), categories)
    found = encode(category_kernel(labels), means.reshape(-1, voxels), groups)
    ceiling = response_ceiling(means, of="one")
    random = np.random.default_rng(settings.seed)
    null = np.empty(settings.permutations)
    for number in range(settings.permutations):
        order = random.permuted(np.tile(np.arange(categories), (runs, 1)), axis=1)
        null[number] = _left_out(np.take_along_axis(means, order[:, :, None], 1)).mean()
    mean = float(found.r.mean())
    table = {
        "r": mean,
        "r2": float(found.r2.mean()),
        "ceiling_r": float(ceiling.mean()),
        "null_r": float(null.mean()) if len(null) else None,
        "p": (1 + int((null >= mean).sum())) / (1 + len(null)),
        "voxels_above_0": int((found.r2 > 0).sum()),
        "best_r2": float(found.r2.max()),
    }
    return table, {"r": found.r, "r2": found.r2, "ceiling": ceiling}


def category_geometry(
    volumes: Volumes, settings: BoldSettings
) -> tuple[dict[str, Any], np.ndarray]:
    """Compute the crossnobis RDM of the categories, its reliability, and category models' fit.

    The noise is what volumes differ by from their category's mean in a run.
    """
    means, names = fold_means(volumes.values, volumes.labels, volumes.runs)
    place = np.searchsorted(np.array(names), volumes.labels)
    parts = np.searchsorted(np.unique(volumes.runs), volumes.runs)
    residuals = volumes.values - means[parts, place]
    precision = noise_precision(residuals, len(residuals) - means.shape[0] * means.shape[1])
    given = (volumes.values, volumes.labels, volumes.runs)
    rdm, _ = crossnobis(*given, precision)
    p = sign_flips(*given, precision, draws=settings.permutations, seed=settings.seed)
    halves = []
    for parity in (0, 1):
        half = parts % 2 == parity
        values, labels, runs = (each[half] for each in given)
        halves.append(crossnobis(values, labels, runs, precision)[0])
    reliability = float(spearman(halves[0][None], halves[1][None])[0, 0])
    rows, columns = np.triu_indices(len(names), 1)
    pairs = [
        {"a": str(names[i]), "b": str(names[j]), "distance": float(d), "p": float(q)}
        for i, j, d, q in zip(rows, columns, rdm, p, strict=True)
    ]
    models = {name: _model(name, of, [str(n) for n in names], rdm, settings)
              for name, of in settings.models.items()}  # fmt: skip
    return {"pairs": pairs, "reliability": reliability, "models": models}, rdm


def _model(
    name: str, of: tuple[str, ...], names: list[str], rdm: np.ndarray, settings: BoldSettings
) -> dict[str, float]:
    """Compare a category model with the RDM; its null gives the conditions other places."""
    if unknown := [one for one in of if one not in names]:
        raise LayerscopeError(
            f"models.{name} names {unknown[0]}: the categories are {', '.join(names)}"
        )
    model = category_rdm([one in of for one in names])
    matrix, random = square(model), np.random.default_rng(settings.seed)
    rows, columns = np.triu_indices(len(names), 1)
    moved = [model]
    for _ in range(settings.permutations):
        order = random.permutation(len(names))
        moved.append(matrix[order[rows], order[columns]])
    values = spearman(np.stack(moved), rdm[None])[:, 0]
    null = values[1:]
    p = (1 + int((null >= values[0] - 1e-12).sum())) / (1 + len(null))
    return {"value": float(values[0]), "p": p}


def _left_out(means: np.ndarray) -> np.ndarray:
    """Correlate each run's answers over categories with the mean of the other runs': `(voxel,)`.

    With as many volumes of each category, ridge regression on categories tells these means, shrunk.
    """
    others = (means.sum(0) - means) / (len(means) - 1)
    a, b = (each - each.mean(1, keepdims=True) for each in (means, others))
    length = np.sqrt((a**2).sum(1) * (b**2).sum(1))
    return ((a * b).sum(1) / np.maximum(length, 1e-300)).mean(0)


def _detrended(values: np.ndarray) -> np.ndarray:
    """Take a straight line from each voxel of a run and scale it; one that is flat stays 0."""
    line = np.linspace(-1, 1, len(values))[:, None]
    centred = values - values.mean(0)
    left = centred - line * (line.T @ centred) / (line.T @ line)
    deviation = left.std(0)
    return np.divide(left, deviation, out=np.zeros_like(left), where=deviation > 1e-9)


def _decoding(found: Decoding) -> dict[str, Any]:
    recall = np.diag(found.confusion) / np.maximum(found.confusion.sum(1), 1)
    return {
        "balanced_accuracy": found.accuracy,
        "chance": 1 / len(found.classes),
        "null": float(found.null.mean()) if len(found.null) else None,
        "p": found.p,
        "recall": dict(zip(found.classes, recall.tolist(), strict=True)),
        "confusion": found.confusion.tolist(),
    }


def _told(document: dict[str, Any]) -> list[str]:
    """Say the figures, a line each."""
    decoding, encoding, rdm = (document[key] for key in ("decoding", "encoding", "rdm"))
    apart = sum(pair["p"] < 0.05 for pair in rdm["pairs"])
    models = [f", {n} {m['value']:.3f} (p {m['p']:.3f})" for n, m in rdm["models"].items()]
    return [
        f"decoding of {len(document['categories'])} categories, runs held out: balanced accuracy "
        f"{decoding['balanced_accuracy']:.3f} (chance {decoding['chance']:.3f}, "
        f"p {decoding['p']:.4f})",
        f"category model of voxels: mean r {encoding['r']:.3f} (ceiling "
        f"{encoding['ceiling_r']:.3f}, p {encoding['p']:.4f}); {encoding['voxels_above_0']} of "
        f"{document['voxels']} voxels with R2 above 0",
        f"crossnobis: {apart} of {len(rdm['pairs'])} pairs apart (p < 0.05 each), odd and even "
        f"runs agree {rdm['reliability']:.3f}" + "".join(models),
    ]
