"""Tables of a comparison: a row for each layer, beside its untrained twin; and of references."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from layerscope.brain.measure import Layers, References
from layerscope.brain.noise_ceiling import noise_ceiling
from layerscope.brain.rsa import Estimator, Similarity, difference, rsa
from layerscope.brain.settings import BrainSettings
from layerscope.brain.subjects import Subjects

#: What a table calls the models that are no layers.
PIXELS, CATEGORY, TWIN = "pixels", "category", "untrained"


def similarity_table(
    layers: Layers,
    references: References,
    subjects: Subjects,
    settings: BrainSettings,
    estimator: Estimator,
) -> dict[str, Any]:
    """Compare layers, twin and references with the subjects by one estimator.

    Gives `estimator`, `comparison`, `ceiling` (lower, upper and of each subject; None where there
    is none), `references` and `layers`, each a list of rows, the layer that is `most_alike`, and
    those whose interval above their untrained twin leaves out 0 (`above_untrained`).
    """
    models = {f"layer {name}": values for name, values in layers.rdms.items()}
    models |= {f"{TWIN} {name}": values for name, values in layers.twin_rdms.items()}
    models |= {PIXELS: references.pixels}
    models |= {f"{CATEGORY} {name}": values for name, values in references.categories.items()}
    found = rsa(
        models,
        subjects.rdms,
        estimator=estimator,
        compare=settings.comparison,
        draws=settings.draws,
        over=settings.over,
        seed=settings.seed,
    )
    rows: list[dict[str, Any]] = [
        {
            "layer": name,
            **_beside(found[f"layer {name}"], found[f"{TWIN} {name}"]),
            **_each(found[f"layer {name}"], subjects),
        }
        for name in layers.rdms
    ]
    named = [PIXELS, *(f"{CATEGORY} {name}" for name in references.categories)]
    beside = [{"model": name, **_row(found[name]), **_each(found[name], subjects)}
              for name in named]  # fmt: skip
    return {
        "estimator": estimator,
        "comparison": settings.comparison,
        "ceiling": _ceiling(subjects, settings.comparison, estimator),
        "references": beside,
        "layers": rows,
        "most_alike": max(rows, key=lambda row: float(row["value"]))["layer"],
        "above_untrained": [row["layer"] for row in rows if row["above_low"] > 0],
    }


def csv_rows(table: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Put references and layers under one head, for a CSV: `kind` and `model` say what they are."""
    rows = [{"kind": "layer", "model": row["layer"], **row} for row in table["layers"]]
    for row in rows:
        del row["layer"]
    for row in table["references"]:
        kind = str(row["model"]).split()[0]
        rows.append({"kind": kind, **row, "model": str(row["model"]).removeprefix(f"{kind} ")})
    return rows


def _row(one: Similarity) -> dict[str, float]:
    return {"value": one.value, "low": one.low, "high": one.high}


def _beside(own: Similarity, twin: Similarity) -> dict[str, float]:
    """Put a layer beside its untrained twin: by how much it is above it, in the same draws."""
    apart = difference(own, twin)
    return {
        **_row(own),
        TWIN: twin.value,
        f"{TWIN}_low": twin.low,
        f"{TWIN}_high": twin.high,
        "above": apart.value,
        "above_low": apart.low,
        "above_high": apart.high,
        "p": apart.p,
    }


def _each(one: Similarity, subjects: Subjects) -> dict[str, float]:
    """Give the similarity to each subject's own RDM."""
    pairs = zip(subjects.names, one.subjects, strict=True)
    return {f"subject {name}": float(value) for name, value in pairs}


def _ceiling(subjects: Subjects, comparison: str, estimator: Estimator) -> dict[str, Any] | None:
    """Give the noise ceiling, which a group mean and a single subject do not have."""
    if estimator != "per-subject" or len(subjects.rdms) < 2:
        return None
    found = noise_ceiling(subjects.rdms, comparison)
    return {
        "lower": found.lower,
        "upper": found.upper,
        "lower_of": dict(zip(subjects.names, found.lower_of.tolist(), strict=True)),
        "upper_of": dict(zip(subjects.names, found.upper_of.tolist(), strict=True)),
    }


def finite(value: Any) -> Any:
    """Make a document that JSON can hold: NaN becomes None, NumPy's numbers plain ones."""
    if isinstance(value, Mapping):
        return {str(key): finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
