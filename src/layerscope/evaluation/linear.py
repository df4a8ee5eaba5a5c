"""A regularised linear classifier of recordings on a network's own splits: what it must beat."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from layerscope.errors import LayerscopeError
from layerscope.evaluation.predictions import Predictions

if TYPE_CHECKING:
    from layerscope.data.dataset import Split

HERTZ = 32.0
"""To what epochs are brought down: means of neighbouring samples."""
STRENGTHS = tuple(float(c) for c in np.logspace(-5, 1, 13))
"""C of the logistic regression, chosen by log loss over groups left out of the training set."""
METHODS = ("logistic", "lda")


def linear_baseline(
    train: Sequence["Split"],
    test: "Split",
    classes: Sequence[str],
    sfreq: float,
    method: str = "logistic",
) -> Predictions:
    """Train on the epochs of some splits and predict another's.

    Features are the channels' means over windows of about 1/32 s, each standardised by the training
    set. "logistic": L2 logistic regression whose strength is chosen by cross-validation over the
    training set's groups. "lda": linear discriminant analysis with Ledoit and Wolf's shrinkage.
    Both are scikit-learn's.

    Raises:
        LayerscopeError: an unknown method, or a class of which there are no epochs to train on.

    """
    if method not in METHODS:
        raise LayerscopeError(f'method = "{method}": one of {", ".join(METHODS)}')
    x = np.concatenate([features(split, sfreq) for split in train])
    y = np.concatenate([split.labels for split in train])
    groups = np.concatenate([np.array(split.groups) for split in train])
    missing = [name for label, name in enumerate(classes) if not (y == label).any()]
    if missing:
        raise LayerscopeError(f"no epoch of {', '.join(missing)} to train a linear classifier on")
    classifier = _logistic(x, y, groups) if method == "logistic" else _lda()
    classifier.fit(x, y)
    probabilities = classifier.predict_proba(features(test, sfreq))
    return Predictions(tuple(test.ids), test.labels, probabilities, tuple(classes))


def features(split: "Split", sfreq: float) -> np.ndarray:
    """Average a split's epochs over windows of about 1/32 s: float64 (N, channel x window).

    What is left of the last window is left out.
    """
    x = split.batch(np.arange(len(split))).numpy().astype(np.float64)  # (N, channel, time)
    width = max(1, min(round(sfreq / HERTZ), x.shape[2]))
    whole = x.shape[2] // width * width
    means = x[:, :, :whole].reshape(*x.shape[:2], -1, width).mean(axis=3)
    return means.reshape(len(x), -1)


def _lda() -> Any:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    return _standardised(LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"))


def _logistic(x: np.ndarray, y: np.ndarray, groups: np.ndarray) -> Any:
    """Choose the strength that has the least log loss on what is left out."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    def classifier(strength: float) -> Any:
        return _standardised(LogisticRegression(C=strength, max_iter=2000))

    def loss(strength: float) -> float:
        told = [(classifier(strength).fit(x[a], y[a]).predict_proba(x[b]), y[b]) for a, b in folds]
        return float(np.mean([log_loss(true, p, labels=present) for p, true in told]))

    present = np.unique(y)
    folds = [(a, b) for a, b in _folds(x, y, groups) if len(np.unique(y[a])) == len(present)]
    return classifier(min(STRENGTHS, key=loss) if folds else STRENGTHS[0])


def _folds(x: np.ndarray, y: np.ndarray, groups: np.ndarray) -> Iterator[Any]:
    """Leave out groups where there are several, else stratified parts."""
    from sklearn.model_selection import GroupKFold, StratifiedKFold

    number, least = len(np.unique(groups)), int(np.unique(y, return_counts=True)[1].min())
    if number > 1:
        yield from GroupKFold(min(5, number)).split(x, y, groups)
    elif least > 1:
        yield from StratifiedKFold(min(5, least)).split(x, y)


def _standardised(classifier: Any) -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), classifier)
