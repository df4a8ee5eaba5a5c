"""Shortcuts: what tells the class without its object, measured by linear probes, held out."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from layerscope.cleaning.near import is_photographs
from layerscope.cleaning.pool import Pool
from layerscope.cleaning.probabilities import folds, regression
from layerscope.progress import bar

_BATCH = 64
_BORDER = 0.1  # of the side
SHUFFLES = 5  # of the labels, for the null
PENALTY = 100.0


@dataclass(frozen=True)
class Shortcut:
    """How well a cue alone tells the class: balanced accuracy, held out, beside chance.

    `chance` is 1 / classes; `null` is the largest of the probes on shuffled labels; `told` names
    the class with the highest recall, and `examples` are ids of it that the cue is surest of.
    """

    cue: str
    accuracy: float
    chance: float
    null: float
    recalls: dict[str, float]
    examples: tuple[str, ...]

    @property
    def found(self) -> bool:
        """Whether the cue tells more than shuffled labels do, by 5 points at least."""
        return self.accuracy > self.null + 0.05


def shortcuts(pool: Pool, root: Path | None, seed: int = 0) -> list[Shortcut]:
    """Measure every cue that this kind of data has, the most telling first.

    Photographs: a thumbnail of 8 x 8, the border (a tenth of the side, without what is inside),
    colour statistics, and the size of the file below `root`. Sounds: level, noise floor and
    length that is not silent. Others: none.
    """
    cues = _cues(pool)
    if cues and root is not None:
        sizes = [_size(root / name) for name in pool.ids]
        if len(set(sizes)) > 1:
            cues["file size"] = np.log1p(np.array(sizes, dtype=np.float32))[:, None]
    found = []
    with bar("shortcuts", len(cues), "cues") as step:
        for cue, features in cues.items():
            found.append(_measured(pool, cue, _with_squares(features), seed))
            step()
    return sorted(found, key=lambda each: -each.accuracy)


def _measured(pool: Pool, cue: str, features: np.ndarray, seed: int) -> Shortcut:
    said = _held_out(pool, features, pool.labels, seed)
    accuracy, recalls = _balanced(said, pool.labels, len(pool.classes))
    rng = np.random.default_rng(seed)
    null = []
    for _ in range(SHUFFLES):
        labels = rng.permutation(pool.labels)
        null.append(_balanced(_held_out(pool, features, labels, seed), labels, len(recalls))[0])
    best = int(np.argmax(recalls))
    own = np.where((pool.labels == best) & (said.argmax(axis=1) == best), said[:, best], -1)
    surest = [pool.ids[k] for k in np.argsort(-own)[:6] if own[k] > 0]
    by_class = dict(zip(pool.classes, (float(x) for x in recalls), strict=True))
    return Shortcut(cue, accuracy, 1 / len(recalls), max(null), by_class, tuple(surest))


def _held_out(pool: Pool, features: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """Give probabilities by probes of the other folds, each class having the same weight."""
    fold = folds(labels, pool.groups, seed)
    classes = len(pool.classes)
    said = np.zeros((len(labels), classes), dtype=np.float32)
    for number in range(int(fold.max()) + 1):
        held = fold == number
        prior = np.maximum(np.bincount(labels[~held], minlength=classes), 1) / (~held).sum()
        p = regression(features[~held], labels[~held], features[held], classes, PENALTY) / prior
        said[held] = p / p.sum(axis=1, keepdims=True)
    return said


def _balanced(said: np.ndarray, labels: np.ndarray, classes: int) -> tuple[float, np.ndarray]:
    right = said.argmax(axis=1) == labels
    recalls = np.array([right[labels == k].mean() for k in range(classes)])
    return float(recalls.mean()), recalls


def _with_squares(features: np.ndarray) -> np.ndarray:
    """Add squares to a few features, so that a probe can tell the middle from both ends."""
    if features.shape[1] > 32:
        return features
    centred = features - features.mean(axis=0)
    return np.concatenate([centred, centred**2], axis=1)


def _cues(pool: Pool) -> dict[str, np.ndarray]:
    if is_photographs(pool):
        return _joined(pool, _of_photographs)
    if pool.values.dtype.kind == "i" and pool.values.ndim == 2:
        return _joined(pool, _of_sounds)
    return {}


def _joined(pool: Pool, of: Callable[[np.ndarray], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    parts = [
        of(pool.batch(np.arange(begin, min(begin + _BATCH, len(pool)))))
        for begin in range(0, len(pool), _BATCH)
    ]
    return {cue: np.concatenate([part[cue] for part in parts]) for cue in parts[0]}


def _of_photographs(values: np.ndarray) -> dict[str, np.ndarray]:
    """Give thumbnail, border and colour statistics of photographs uint8 "batch y x channel"."""
    images = torch.from_numpy(np.ascontiguousarray(values)).permute(0, 3, 1, 2).float() / 255
    count, side = len(images), images.shape[2]
    wide = max(round(_BORDER * side), 1)
    strips = [
        F.adaptive_avg_pool2d(images[:, :, :wide], (1, 8)),
        F.adaptive_avg_pool2d(images[:, :, -wide:], (1, 8)),
        F.adaptive_avg_pool2d(images[..., :wide], (8, 1)),
        F.adaptive_avg_pool2d(images[..., -wide:], (8, 1)),
    ]
    flat = images.flatten(2)
    return {
        "thumbnail": F.adaptive_avg_pool2d(images, 8).reshape(count, -1).numpy(),
        "border": torch.cat([strip.reshape(count, -1) for strip in strips], dim=1).numpy(),
        "colour statistics": torch.cat([flat.mean(2), flat.std(2)], dim=1).numpy(),
    }


def _of_sounds(values: np.ndarray) -> dict[str, np.ndarray]:
    """Give level, noise floor and length of sounds int16 (batch, time), in dB and shares."""
    x = values.astype(np.float32) / 32768
    frames = x[:, : x.shape[1] // 100 * 100].reshape(len(x), 100, -1)
    levels = 10 * np.log10((frames**2).mean(axis=2) + 1e-9)
    mean = 10 * np.log10((x**2).mean(axis=1) + 1e-9)[:, None]
    loud = (levels > levels.max(axis=1, keepdims=True) - 30).mean(axis=1)[:, None]
    return {
        "level": mean,
        "noise floor": np.percentile(levels, 10, axis=1)[:, None],
        "length": loud,
    }


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
