"""Localisation: whether a map points into a mask, or into the right quarters of a mosaic."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from layerscope.errors import Refused


def pointing_game(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Tell whether each map's largest value lies in the mask (Zhang et al. 2018), `(B,)`.

    Of several largest places the share that lies inside counts.

    >>> pointing_game(np.array([[0.0, 2.0]]), np.array([[False, True]])).tolist()
    [1.0]
    """
    flat, inside = _flat(maps, masks)
    largest = flat == flat.max(1, keepdims=True)
    return (largest & inside).sum(1) / largest.sum(1)


def energy(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Give the share of each map's positive values that is in the mask (Wang et al. 2020), `(B,)`.

    A map without any says nothing of where: it has the mask's share of the area.

    >>> energy(np.array([[1.0, 3.0, -5.0]]), np.array([[False, True, True]])).tolist()
    [0.75]
    """
    flat, inside = _flat(maps, masks)
    positive = np.clip(flat, 0, None)
    total = positive.sum(1)
    share = (positive * inside).sum(1) / np.where(total > 0, total, 1)
    return np.where(total > 0, share, inside.mean(1))


def _flat(maps: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if np.shape(maps) != np.shape(masks):
        raise Refused(f"maps {np.shape(maps)} and masks {np.shape(masks)} differ in shape")
    inside = np.asarray(masks, bool).reshape(len(masks), -1)
    if not inside.any(1).all():
        raise Refused("a mask marks no place at all")
    return np.asarray(maps, float).reshape(len(maps), -1), inside


@dataclass(frozen=True, eq=False)
class Mosaics:
    """Inputs composed of two classes.

    Attributes:
        images: of the size of the network's input, `(M, channel, ...)`.
        target: the class looked for, `(M,)`.
        masks: where it is, `(M, *space)`.

    """

    images: Tensor
    target: np.ndarray
    masks: np.ndarray


def mosaics(images: Tensor, labels: np.ndarray, count: int, *, seed: int = 0) -> Mosaics:
    """Compose inputs of two classes, whose target covers half.

    Photographs: a grid of four, each half as wide and high; two on a diagonal are of the target
    class (Arias-Duart et al. 2022). Signals: the middle halves of two, one after the other.

    Args:
        images: `(B, channel, ...)` of at least two classes.
        labels: `(B,)`.
        count: how many mosaics.
        seed: of the drawing.

    """
    random, labels = np.random.default_rng(seed), np.asarray(labels)
    classes = np.unique(labels)
    if len(classes) < 2:
        raise Refused("mosaics need examples of at least two classes")
    made, targets, masks = [], [], []
    for number in range(count):
        one = classes[number % len(classes)]
        other = random.choice(classes[classes != one])
        pick = [random.choice(np.flatnonzero(labels == k), 2).tolist() for k in (one, other)]
        compose = _grid if images.dim() == 4 else _halves
        image, mask = compose(images, pick[0], pick[1], first=bool(random.integers(2)))
        made.append(image)
        masks.append(mask)
        targets.append(one)
    return Mosaics(torch.stack(made), np.array(targets), np.stack(masks))


def _grid(
    images: Tensor, ours: list[int], theirs: list[int], *, first: bool
) -> tuple[Tensor, np.ndarray]:
    height, width = images.shape[2:]
    cut = (height // 2, width // 2)
    image, mask = torch.empty_like(images[0]), np.zeros((height, width), bool)
    left = {True: iter(ours), False: iter(theirs)}
    for row in (0, 1):
        for column in (0, 1):
            mine = (row == column) == first
            rows = slice(cut[0], None) if row else slice(0, cut[0])
            columns = slice(cut[1], None) if column else slice(0, cut[1])
            size = image[0, rows, columns].shape
            source = images[next(left[mine])][None]
            small = torch.nn.functional.interpolate(
                source, size=size, mode="bilinear", antialias=True
            )
            image[:, rows, columns] = small[0]
            mask[rows, columns] = mine
    return image, mask


def _halves(
    images: Tensor, ours: list[int], theirs: list[int], *, first: bool
) -> tuple[Tensor, np.ndarray]:
    length = images.shape[-1]
    half, rest = length // 2, length - length // 2
    sizes = (half, rest)
    pair = (ours[0], theirs[0]) if first else (theirs[0], ours[0])
    parts = [
        images[row][:, (length - size) // 2 : (length - size) // 2 + size]
        for row, size in zip(pair, sizes, strict=True)
    ]
    mask = np.zeros(length, bool)
    mask[:half] = True
    return torch.cat(parts, -1), mask if first else ~mask
