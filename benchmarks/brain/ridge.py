"""Ridge regression of 530 targets on 1,000 features and 1,210 samples, 20 penalties, 5 folds."""

from functools import partial
from typing import Any

import numpy as np

from benchmarks.pairs import ratio
from benchmarks.rows import row
from layerscope.brain.ridge import Ridge, ridge_cv

SAMPLES, FEATURES, TARGETS, FOLDS = 1210, 1000, 530, 5
ALPHAS = np.logspace(0, 6, 20)


def rows() -> list[dict[str, Any]]:
    """Time ours over himalaya's, and tell by how much the weights differ; no row without it."""
    from sklearn.model_selection import KFold

    try:
        from himalaya.ridge import RidgeCV
    except ModuleNotFoundError:
        return []
    random = np.random.default_rng(0)
    x = random.normal(size=(SAMPLES, FEATURES))
    y = x @ (0.05 * random.normal(size=(FEATURES, TARGETS)))
    y += 2 * random.normal(size=y.shape)
    folds = list(KFold(FOLDS).split(x))
    ours = partial(ridge_cv, x, y, ALPHAS, folds)
    theirs = RidgeCV(ALPHAS, fit_intercept=True, cv=folds, solver_params={"warn": False})
    taken = ratio(ours, partial(theirs.fit, x, y), rounds=3)
    found: Ridge = ours()
    apart = float(np.abs(found.weights - theirs.coef_).max() / np.abs(theirs.coef_).max())
    return [
        row("ridge, 20 penalties and 5 folds, over himalaya's time", taken, "x", 1),
        row("largest difference of weights, of 1e-9 of the largest", apart * 1e9, "", 1),
    ]
