"""From the settings of a comparison to its folder: tables, arrays and one document of them all.

comparison.json      what was asked and found
rsa_ESTIMATOR.csv    a row for each layer and reference
rdms.npz             the RDMs of layers, twin, references and subjects
layers.csv           layers against layers; against.csv: against a second network
encoding.csv, encoding.npz, movie.csv     of single responses
"""

import io
from pathlib import Path
from typing import Any

import numpy as np

from layerscope import storage
from layerscope.brain.measure import Layers, References, measure_layers, measure_references
from layerscope.brain.network import find_network
from layerscope.brain.networks import layers_against_layers, matrix_rows
from layerscope.brain.responses import encoding_table, movie_table, read_responses
from layerscope.brain.settings import BrainSettings, BrainStudy
from layerscope.brain.stimuli import Stimuli, categories, find_stimuli
from layerscope.brain.subjects import Subjects, read_subjects
from layerscope.brain.tables import csv_rows, finite, similarity_table
from layerscope.errors import LayerscopeError
from layerscope.provenance import describe, now

DOCUMENT = "comparison.json"


def compare(study: BrainStudy, out: Path) -> dict[str, Any]:
    """Compare a network's layers with brains, with another network and with each other.

    Writes the folder `out` and gives its document.

    Raises:
        LayerscopeError: what is named is not there or does not fit together.

    """
    if study.brain is None or study.network is None:
        raise LayerscopeError("a comparison of layers needs [network] and [brain]")
    settings = study.brain
    stimuli = find_stimuli(settings.stimuli, settings.table)
    subjects = _subjects(settings, len(stimuli))
    responses = settings.responses and read_responses(settings.responses, len(stimuli))
    if not subjects and not responses and study.against is None:
        raise LayerscopeError(
            "there is nothing to compare with: name RDMs (rdm), responses, or a second network "
            "(against)"
        )
    labels = categories(stimuli, settings.category)
    references = measure_references(stimuli, labels, settings.distance)
    network = find_network(study.network, settings.seed)
    layers = measure_layers(network, stimuli, study.network.layers, settings.distance)
    document = _head(study, stimuli, layers, subjects) | {"categories": labels}
    if subjects:
        document["rsa"] = _rsa(layers, references, subjects, settings, out)
    if responses:
        table, arrays = encoding_table(responses, layers, references, labels, settings)
        document["encoding"] = table
        storage.write_csv(out / "encoding.csv", ["model", "r2", "r"], table["rows"])
        write_arrays(out / "encoding.npz", arrays)
        if responses.times is not None:
            document["movie"] = movie = movie_table(responses, layers, references, settings)
            storage.write_csv(out / "movie.csv", list(movie["rows"][0]), movie["rows"])
    document["layers_against_layers"] = _matrix(layers, layers, settings, out / "layers.csv")
    if study.against is not None:
        second = find_network(study.against, settings.seed)
        other = measure_layers(second, stimuli, study.against.layers, settings.distance)
        document["against"] = _matrix(layers, other, settings, out / "against.csv")
    _write_rdms(out / "rdms.npz", layers, references, subjects)
    document = finite(document)
    storage.write_json(out / DOCUMENT, document)
    return document


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write an npz of arrays by name, whole."""
    buffer = io.BytesIO()
    np.savez(buffer, **{name.replace("/", "_"): array for name, array in arrays.items()})  # type: ignore[arg-type]
    storage.write_whole(path, lambda file: file.write(buffer.getvalue()))


def _subjects(settings: BrainSettings, stimuli: int) -> Subjects | None:
    """Read the brains' RDMs, of as many stimuli as there are images."""
    if settings.rdm is None:
        return None
    subjects = read_subjects(settings.rdm, settings.key, settings.sessions)
    pairs = stimuli * (stimuli - 1) // 2
    if subjects.rdms.shape[1] != pairs:
        raise LayerscopeError(
            f"{settings.rdm}: {subjects.key} has {subjects.rdms.shape[1]} pairs of stimuli, and "
            f"the {stimuli} images of {settings.stimuli} have {pairs}: give one image for each "
            "row, in order"
        )
    return subjects


def _head(
    study: BrainStudy, stimuli: Stimuli, layers: Layers, subjects: Subjects | None
) -> dict[str, Any]:
    """Tell what was asked, and of what."""
    seed = study.brain.seed if study.brain else 0
    return {
        "name": study.name,
        "settings": study.model_dump(mode="json"),
        "network": layers.name,
        "stimuli": {"count": len(stimuli), "sha256": stimuli.digest},
        "subjects": subjects
        and {
            "key": subjects.key,
            "names": subjects.names,
            "sessions": subjects.sessions,
        },
        "refused": layers.refused,
        "provenance": describe(stimuli.digest, {"bootstrap": seed}, Path.cwd())
        | {"finished": now()},
    }


def _rsa(
    layers: Layers, references: References, subjects: Subjects, settings: BrainSettings, out: Path
) -> list[dict[str, Any]]:
    """Compare by each estimator, each into a table of its own."""
    tables = []
    for estimator in settings.estimators:
        table = similarity_table(layers, references, subjects, settings, estimator)
        rows = csv_rows(table)
        storage.write_csv(out / f"rsa_{estimator}.csv", list(rows[0]), rows)
        tables.append(table)
    return tables


def _matrix(a: Layers, b: Layers, settings: BrainSettings, path: Path) -> dict[str, Any]:
    """Compare layers with layers, and write the pairs."""
    found = layers_against_layers(a, b, settings.comparison)
    rows = matrix_rows(found)
    storage.write_csv(path, list(rows[0]), rows)
    return {
        name: value.round(6).tolist() if isinstance(value, np.ndarray) else value
        for name, value in found.items()
    }


def _write_rdms(
    path: Path, layers: Layers, references: References, subjects: Subjects | None
) -> None:
    """Write every RDM as its pairs above the diagonal, row by row."""
    arrays = {f"layer {name}": values for name, values in layers.rdms.items()}
    arrays |= {f"untrained {name}": values for name, values in layers.twin_rdms.items()}
    arrays["pixels"] = references.pixels
    arrays |= {f"category {name}": values for name, values in references.categories.items()}
    if subjects:
        arrays |= {
            f"subject {n}": own for n, own in zip(subjects.names, subjects.rdms, strict=True)
        }
    write_arrays(path, {name: values.astype(np.float32) for name, values in arrays.items()})
