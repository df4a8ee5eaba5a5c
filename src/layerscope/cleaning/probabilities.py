"""Probabilities of every example by a model that has not seen it: folds, groups kept whole."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from layerscope import nets, training
from layerscope.data import Split
from layerscope.errors import LayerscopeError
from layerscope.evaluation import Predictions, predict
from layerscope.progress import bar
from layerscope.training import checkpoint

if TYPE_CHECKING:
    from layerscope.data import Dataset
    from layerscope.study import Study

FOLDS = 5
PENALTIES = (100.0, 1000.0, 10_000.0)  # of the squared weights, beside the summed losses


def folds(
    labels: np.ndarray, groups: Sequence[str], seed: int = 0, count: int = FOLDS
) -> np.ndarray:
    """Give the fold of each example, int64 (N,): classes alike in all, a group in one.

    Raises:
        LayerscopeError: a class with fewer examples than two.

    """
    least = int(np.bincount(labels).min())
    if least < 2:
        raise LayerscopeError("a class has one example: out-of-fold probabilities need two of each")
    count = min(count, least)
    fold = np.zeros(len(labels), dtype=np.int64)
    if any(groups):
        names = [name or f"\0{k}" for k, name in enumerate(groups)]
        count = min(count, len(set(names)))
        splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
        parts = splitter.split(labels, labels, names)
    else:
        parts = StratifiedKFold(count, shuffle=True, random_state=seed).split(labels, labels)
    for number, (_, held) in enumerate(parts):
        fold[held] = number
    return fold


def of_features(
    features: np.ndarray, labels: np.ndarray, groups: Sequence[str], *, seed: int = 0
) -> np.ndarray:
    """Give probabilities float32 (N, K) by multinomial logistic regressions on features (N, D).

    One for each fold, on the standardised features of the other folds. Of the penalties, the one
    whose out-of-fold probabilities lose least is taken: the noisier the labels, the larger.
    """
    fold = folds(labels, groups, seed)
    classes, count = int(labels.max()) + 1, int(fold.max()) + 1
    tried = []
    with bar("regressions", len(PENALTIES) * count, "fits") as step:
        for penalty in PENALTIES:
            out = np.zeros((len(labels), classes), dtype=np.float32)
            for number in range(count):
                held = fold == number
                train, true = features[~held], labels[~held]
                out[held] = regression(train, true, features[held], classes, penalty)
                step()
            own = out[np.arange(len(labels)), labels]
            tried.append((float(-np.log(np.maximum(own, 1e-12)).mean()), out))
    return min(tried, key=lambda each: each[0])[1]


def of_network(
    study: "Study", dataset: "Dataset", folder: Path, *, count: int = FOLDS
) -> tuple[list[str], np.ndarray]:
    """Train the study's network for each fold without it, and give ids and probabilities (N, K).

    All splits are put together; the weights of the last epoch count, as nothing may be chosen by
    the fold that is held out. `folder` holds the trainings; a finished fold is not trained again.
    """
    whole = _whole(dataset)
    fold = folds(whole.labels, whole.groups, study.data.seed, count)
    settings = study.training.model_copy(update={"keep": "last", "patience": 0})
    parts = []
    for number in range(int(fold.max()) + 1):
        splits = {
            "train": _part(whole, "train", np.flatnonzero(fold != number)),
            "val": _part(whole, "val", np.flatnonzero(fold == number)),
        }
        data = replace(dataset, splits=splits, fingerprint=f"{dataset.fingerprint}-{number}")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(study.training.seed)
            net = nets.build(study.model, data.spec.shape, data.classes)
        place = folder / str(number + 1)
        resume = checkpoint.path_in(place).exists()
        fitted = training.fit(net, data, settings, place, resume=resume)
        parts.append(predict(fitted.net, splits["val"], data.spec, data.classes))
    said = Predictions.joined(parts)
    return list(said.ids), said.probabilities


def _whole(dataset: "Dataset") -> Split:
    """Put all splits into one."""
    parts = list(dataset.splits.values())
    return Split(
        "all",
        [name for part in parts for name in part.ids],
        np.concatenate([part.labels for part in parts]),
        parts[0].values,
        np.concatenate([part.rows for part in parts]),
        groups=[group for part in parts for group in part.groups],
    )


def _part(whole: Split, name: str, places: np.ndarray) -> Split:
    return Split(
        name,
        [whole.ids[k] for k in places],
        whole.labels[places],
        whole.values,
        whole.rows[places],
        groups=[whole.groups[k] for k in places],
    )


def regression(
    x: np.ndarray, labels: np.ndarray, asked: np.ndarray, classes: int, penalty: float
) -> np.ndarray:
    """Fit a ridge-penalised multinomial logistic regression and give its probabilities of others.

    Minimises the sum of cross-entropies plus penalty / 2 times the squared weights, by L-BFGS, on
    features of mean 0 and standard deviation 1.
    """
    mean, std = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-6)
    given = torch.from_numpy(((x - mean) / std).astype(np.float32))
    true = torch.from_numpy(labels)
    weight = torch.zeros(classes, x.shape[1], requires_grad=True)
    bias = torch.zeros(classes, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weight, bias], max_iter=100, tolerance_grad=1e-5, line_search_fn="strong_wolfe"
    )

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        logits = given @ weight.T + bias
        fit = torch.nn.functional.cross_entropy(logits, true, reduction="sum")
        total = (fit + penalty / 2 * weight.square().sum()) / len(given)
        total.backward()
        return total

    optimizer.step(loss)
    new = torch.from_numpy(((asked - mean) / std).astype(np.float32))
    with torch.no_grad():
        return torch.softmax(new @ weight.T + bias, dim=1).numpy()
