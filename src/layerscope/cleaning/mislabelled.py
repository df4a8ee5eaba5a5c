"""Labels that are probably wrong, from out-of-fold probabilities: confident learning.

Northcutt, Jiang and Chuang 2021: Confident learning, estimating uncertainty in dataset labels.
"""

from dataclasses import dataclass

import numpy as np

from layerscope.errors import LayerscopeError

DRAWS = 500  # of the bootstrap


@dataclass(frozen=True, eq=False)
class Errors:
    """Wrong labels among N: how many are estimated, `low` to `high` (95 %), and who is suspected.

    `joint` (given class, true class) counts examples, its sum being N. `order` int64 ranks all
    examples, the most suspect first; `margin` (N,) is the probability of the most probable other
    class less that of the given label.
    """

    count: float
    low: float
    high: float
    joint: np.ndarray
    order: np.ndarray
    margin: np.ndarray

    def sentence(self, examples: int) -> str:
        """Say how many labels are wrong.

        >>> none = np.zeros(0)
        >>> Errors(12.3, 8, 17.9, none, none, none).sentence(400)
        'about 12 of 400 labels are wrong (95 % interval 8 to 18)'
        """
        return (
            f"about {self.count:.0f} of {examples:,} labels are wrong "
            f"(95 % interval {self.low:.0f} to {self.high:.0f})"
        )


def errors(labels: np.ndarray, probabilities: np.ndarray, *, seed: int = 0) -> Errors:
    """Estimate how many labels are wrong and rank the examples by how suspect they are.

    `labels` int64 (N,), `probabilities` float (N, K) by networks that have not seen the example. An
    example counts as truly of a class where its probability is at least the mean one of that
    class's examples; of several such classes, of the most probable. The interval is the
    bootstrap's over examples: it knows of chance, not of what the network cannot tell.

    Raises:
        LayerscopeError: shapes that do not fit, or a class without examples.

    >>> p = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.05, 0.95]])
    >>> found = errors(np.array([0, 0, 1, 1, 0]), p)
    >>> int(found.order[0]), found.joint.round(1).tolist()
    (4, [[2.0, 1.0], [0.0, 2.0]])

    """
    labels, p = np.asarray(labels, dtype=np.int64), np.asarray(probabilities, dtype=np.float64)
    count, classes = p.shape
    sizes = np.bincount(labels, minlength=classes)
    if len(labels) != count or len(sizes) != classes or sizes.min() == 0:
        raise LayerscopeError(
            f"labels {labels.shape} and probabilities {p.shape}: one row each, and at least one "
            f"example of each of {classes} classes, which have {sizes.tolist()}"
        )
    joint = _joint(labels, p, np.ones(count))
    rng = np.random.default_rng(seed)
    draws = []
    for _ in range(DRAWS):
        weights = np.bincount(rng.integers(0, count, count), minlength=count)
        drawn = _joint(labels, p, weights)
        draws.append(drawn.sum() - np.trace(drawn))
    low, high = np.percentile(draws, [2.5, 97.5])
    margin = margins(labels, p)
    order = np.argsort(-margin, kind="stable")
    return Errors(float(joint.sum() - np.trace(joint)), low, high, joint, order, margin)


def margins(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Give the probability of the best other class less that of the label, float (N,)."""
    own = probabilities[np.arange(len(labels)), labels]
    others = probabilities.copy()
    others[np.arange(len(labels)), labels] = -1
    return others.max(axis=1) - own


def _joint(labels: np.ndarray, p: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Estimate how many examples of each given class are truly of each class, weighted."""
    classes = p.shape[1]
    sizes = np.bincount(labels, weights, minlength=classes)
    own = p[np.arange(len(labels)), labels]
    thresholds = np.bincount(labels, weights * own, minlength=classes) / np.maximum(sizes, 1e-12)
    above = np.where(p >= thresholds - 1e-9, p, -1.0)
    true = above.argmax(axis=1)
    counted = above.max(axis=1) >= 0
    cells = labels[counted] * classes + true[counted]
    confident = np.bincount(cells, weights[counted], minlength=classes**2)
    confident = confident.reshape(classes, classes)
    rows = confident.sum(axis=1, keepdims=True)
    confident = np.where(rows > 0, confident, np.eye(classes))
    return confident / confident.sum(axis=1, keepdims=True) * sizes[:, None]
