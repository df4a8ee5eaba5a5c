"""The pictures and the page of a comparison with brains, made only of what its folder holds."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from layerscope.report.document import Picture, picture_page
from layerscope.report.figures.similarity import (
    Interval,
    matrix,
    movie_curves,
    rdm_sheet,
    similarity_curve,
)

MEASURES = {"spearman": "Spearman's correlation", "tau-a": "Kendall's tau-a"}
WITH = {
    "per-subject": "with each subject's RDM, mean over subjects",
    "group-mean": "with the subjects' mean RDM",
}
SHOWN = 4  # layers whose RDMs are drawn, from the first to the last


def brain_page(folder: Path) -> Path:
    """Draw every picture of a comparison's folder and write its index.html; gives its path.

    Each estimator has a picture of its own: their numbers are on different scales.
    """
    document = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
    pictures = [*_similarities(document), *_rdms(folder, document), *_encoding(document)]
    pictures += [*_movie(document), *_matrices(document)]
    return picture_page(
        folder,
        "brains.html.j2",
        pictures,
        {"number": _number},
        document=document,
        measure=MEASURES,
        against=WITH,
    )


def _similarities(document: Mapping[str, Any]) -> list[Picture]:
    """Draw similarity along the layers, a figure for each estimator."""
    found = []
    for table in document.get("rsa", []):
        layers, estimator = table["layers"], table["estimator"]
        ceiling = table["ceiling"] and (table["ceiling"]["lower"], table["ceiling"]["upper"])
        subjects = document["subjects"]
        if ceiling:
            told = ""
        elif estimator == "group-mean":
            told = "; a group mean has no noise ceiling"
        else:
            told = "; one subject has no noise ceiling"
        settings = document["settings"]["brain"]
        drawn = {"both": "stimuli and subjects"}.get(settings["over"], settings["over"])
        figure = similarity_curve(
            [row["layer"] for row in layers],
            _interval(layers, ("value", "low", "high")),
            _interval(layers, ("untrained", "untrained_low", "untrained_high")),
            {row["model"]: row["value"] for row in table["references"]},
            f"{MEASURES[table['comparison']]}",
            ceiling=ceiling,
            title=f"{document['network']} and {subjects['key']}: {estimator}",
            caption=f"{MEASURES[table['comparison']]} {WITH[estimator]} "
            f"({len(subjects['names'])} subjects, {document['stimuli']['count']} stimuli); bands: "
            f"95 % of {settings['draws']:,} bootstrap draws of {drawn}{told}.",
        )
        words = f"Similarity of every layer to {subjects['key']}, {WITH[estimator]}."
        found.append((f"rsa_{estimator}", words, figure))
    return found


def _rdms(folder: Path, document: Mapping[str, Any]) -> list[Picture]:
    """Draw the RDMs of the brains, of some layers, and of what they are compared with."""
    with np.load(folder / "rdms.npz", allow_pickle=False) as arrays:
        held = {name: arrays[name] for name in arrays.files}
    layers = [name for name in held if name.startswith("layer ")]
    places = np.linspace(0, len(layers) - 1, min(SHOWN, len(layers))).round().astype(int)
    wanted = [layers[place] for place in places]
    best = (document.get("rsa") or [{}])[0].get("most_alike")
    if best and f"layer {best}" not in wanted:
        wanted.insert(-1, f"layer {best}")
    wanted += [name for name in held if name == "pixels" or name.startswith("category ")]
    sheet = {name.removeprefix("layer "): _square(held[name]) for name in wanted}
    subjects = [held[name] for name in held if name.startswith("subject ")]
    if subjects:
        sheet = {"mean of subjects": _square(np.mean(subjects, axis=0)), **sheet}
    labels: list[str] = next(iter(document["categories"].values()), [])
    figure = rdm_sheet(
        sheet,
        blocks=labels,
        title="Dissimilarity of every pair of stimuli",
        caption="Each as the percentile of its own values; lines part the categories.",
    )
    return [("rdms", "RDMs: how unlike the answers to two stimuli are.", figure)]


def _matrices(document: Mapping[str, Any]) -> list[Picture]:
    """Draw layers against layers, and against a second network, each beside its null."""
    found = []
    for key in ("layers_against_layers", "against"):
        if key not in document:
            continue
        one = document[key]
        names = (one["network"], one["against"])
        for measure, label in (("cka", "debiased CKA"), ("rdm", "similarity of RDMs")):
            if key == "layers_against_layers" and measure == "rdm":
                continue
            for null in ("", "_untrained"):
                other = f"{names[1]}, untrained" if null else names[1]
                figure = matrix(
                    np.array(one[f"{measure}{null}"]),
                    one["rows"],
                    one["columns"],
                    label,
                    axes_names=(names[0], other),
                    title=f"Layers of {names[0]} "
                    + ("among themselves" if other == names[0] else f"and of {other}"),
                )
                words = f"{label[0].upper()}{label[1:]} of the layers of {names[0]} and {other}."
                short = {"layers_against_layers": "layers", "against": "against"}[key]
                found.append((f"{short}_{measure}{null}", words, figure))
    return found


def _encoding(document: Mapping[str, Any]) -> list[Picture]:
    """Draw what each layer tells of single responses."""
    if "encoding" not in document:
        return []
    table = document["encoding"]
    rows = {row["model"]: row["r"] for row in table["rows"]}
    names = [name.removeprefix("layer ") for name in rows if name.startswith("layer ")]
    trained, twin = ([rows[f"{kind} {n}"] for n in names] for kind in ("layer", "untrained"))
    beside = {n: r for n, r in rows.items() if n.split()[0] in ("pixels", "category")}
    if table["ceiling_r"] is not None:
        beside["noise ceiling"] = table["ceiling_r"]
    figure = similarity_curve(
        names,
        (trained, trained, trained),
        (twin, twin, twin),
        beside,
        "r of told and true response",
        title=f"Encoding models of {table['channels']} channels",
        caption=f"Median over channels of the correlation on stimuli held out, {table['folds']} "
        "folds; ridge penalties chosen inside each fold.",
    )
    return [("encoding", "How well each layer tells the response of each channel.", figure)]


def _movie(document: Mapping[str, Any]) -> list[Picture]:
    """Draw similarity over time of the first, a middle and the last layer, and of references."""
    if "movie" not in document:
        return []
    rows = document["movie"]["rows"]
    models = list(dict.fromkeys(row["model"] for row in rows))
    layers = [name for name in models if name.startswith("layer ")]
    places = sorted({0, len(layers) // 2, len(layers) - 1})
    wanted = [layers[n] for n in places]
    wanted += [f"untrained {layers[-1].removeprefix('layer ')}"]
    wanted += [n for n in models if n.split()[0] in ("pixels", "category")]
    curves = {
        name: _interval([r for r in rows if r["model"] == name], ("value", "low", "high"))
        for name in wanted
    }
    times = [(r["start"] + r["stop"]) / 2 for r in rows if r["model"] == models[0]]
    figure = movie_curves(
        times,
        curves,
        MEASURES[document["settings"]["brain"]["comparison"]],
        title="Similarity over time",
        caption=f"RDMs of windows of {document['movie']['width']:g} s, "
        f"{document['movie']['distance']} distances; bands: 95 % of bootstrap draws of stimuli.",
    )
    return [("movie", "When the responses have a layer's geometry.", figure)]


def _interval(rows: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> Interval:
    """Take values and ends of intervals; an end that is not known is the value."""
    value, low, high = (
        [row[keys[0]] if row[key] is None else row[key] for row in rows] for key in keys
    )
    return value, low, high


def _square(pairs: np.ndarray) -> np.ndarray:
    """Lay out an RDM's pairs as a matrix."""
    count = round((1 + (1 + 8 * len(pairs)) ** 0.5) / 2)
    square = np.zeros((count, count))
    square[np.triu_indices(count, 1)] = pairs
    return square + square.T


def _number(value: float | None) -> str:
    """Write a figure to three digits, with a real minus.

    >>> _number(-0.25)
    '−0.250'
    """
    return "–" if value is None else f"{value:.3f}".replace("-", "−")
