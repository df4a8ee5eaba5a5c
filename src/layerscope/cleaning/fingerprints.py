"""Fingerprints of pictures: signs of the cosine transform of the whole and of windows in it."""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch

BITS = 64
_FREQUENCIES = 11  # half cycles across a window, of which the lowest 64 products are taken
_GREY = (0.299, 0.587, 0.114)
WINDOWS = tuple(
    (side, y, x)
    for side, steps in ((1.0, (0.0,)), (0.947, (0.0, 1.0)), (0.894, (0.0, 0.5, 1.0)))
    for y in steps
    for x in steps
)
"""Side of each window as a share of the picture's, and where it lies in the room that leaves.

A crop to 80 % of the area has a side of 0.894: each one is near to a window.
"""


@dataclass(frozen=True, eq=False)
class Fingerprints:
    """Of N pictures: `bits` uint64 (N, window) and `shapes` int8 (N, window, 64), unit length.

    The first window is the whole picture. `mirrored` are the bits of that, seen in a mirror.
    """

    bits: np.ndarray
    shapes: np.ndarray

    @property
    def mirrored(self) -> np.ndarray:
        """The bits of each whole picture in a mirror, uint64 (N,)."""
        return self.bits[:, 0] ^ _packed(_odd()[None])[0]

    def mirrored_shapes(self, rows: np.ndarray) -> np.ndarray:
        """Give the shapes of whole pictures in a mirror, int8 (n, 64)."""
        return np.where(_odd(), -self.shapes[rows, 0], self.shapes[rows, 0])


def grey(pictures: np.ndarray) -> torch.Tensor:
    """Give the luminance of pictures uint8 "batch y x channel" as float32 (B, y, x)."""
    values = torch.from_numpy(np.ascontiguousarray(pictures))
    if values.shape[-1] == 1:
        return values[..., 0].float()
    red, green, blue = (values[..., k].float() * _GREY[k] for k in range(3))
    return red.add_(green).add_(blue)


def fingerprints(images: torch.Tensor) -> Fingerprints:
    """Take the fingerprints of grey pictures, float (B, y, x).

    The cosine transform of every window is linear, so all are taken in two products. Brightness
    changes none of its 64 coefficients, contrast no sign; a mirror turns the odd ones round.

    >>> one = fingerprints(torch.rand(1, 32, 32, generator=torch.Generator().manual_seed(0)))
    >>> one.bits.shape, one.shapes.shape
    ((1, 14), (1, 14, 64))
    """
    _, height, width = images.shape
    rows, columns = _bases(height), _bases(width)  # (1D window x frequency, side)
    answers = torch.matmul(torch.matmul(rows, images), columns.T)
    takes, low = _takes(), _lowest()
    count = len(images)
    answers = answers.reshape(count, 6, _FREQUENCIES, 6, _FREQUENCIES)
    of_window = answers[:, takes[:, 0], :, takes[:, 1]]  # (window, B, frequency, frequency)
    chosen = of_window[:, :, low[:, 0], low[:, 1]].permute(1, 0, 2).numpy()  # (B, window, 64)
    weighted = chosen * np.hypot(low[:, 0], low[:, 1]).astype(np.float32)
    length = np.maximum(np.linalg.norm(weighted, axis=-1, keepdims=True), 1e-6)
    shapes = np.clip(np.rint(weighted / length * 127), -127, 127).astype(np.int8)
    return Fingerprints(_packed(chosen > 0), shapes)


def _packed(bits: np.ndarray) -> np.ndarray:
    """Pack bools (..., 64) into uint64 (...), the first bit the highest."""
    return np.packbits(bits, axis=-1).view(">u8")[..., 0].astype(np.uint64)


@cache
def _lowest() -> np.ndarray:
    """Name the 64 lowest frequencies, int64 (64, 2), the constant left out."""
    every = [(y, x) for y in range(_FREQUENCIES) for x in range(_FREQUENCIES) if y + x]
    return np.array(sorted(every, key=lambda f: (f[0] + f[1], f))[:BITS])


def _odd() -> np.ndarray:
    """Tell which of them a mirror turns round, bool (64,)."""
    return _lowest()[:, 1] % 2 == 1


_PLACES = ((1.0, 0.0), (0.947, 0.0), (0.947, 1.0), (0.894, 0.0), (0.894, 0.5), (0.894, 1.0))


@cache
def _takes() -> np.ndarray:
    """Say which windows along y and x make each window, int64 (window, 2)."""
    return np.array([(_PLACES.index((s, y)), _PLACES.index((s, x))) for s, y, x in WINDOWS])


@cache
def _bases(side: int) -> torch.Tensor:
    """Give the cosines of every one-dimensional window, float32 (6 x frequency, side)."""
    rows = []
    left = np.arange(side, dtype=np.float64)
    for share, place in _PLACES:
        length = share * side
        begin = place * (side - length)
        covered = np.clip(np.minimum(left + 1, begin + length) - np.maximum(left, begin), 0, 1)
        at = (left + 0.5 - begin) / length
        rows += [
            covered * np.cos(math.pi * f * at) * math.sqrt((2 if f else 1) / length)
            for f in range(_FREQUENCIES)
        ]
    return torch.from_numpy(np.array(rows, dtype=np.float32))
