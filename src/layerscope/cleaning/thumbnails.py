"""Thumbnails for the review sheet: photographs small, sounds and recordings as their envelope."""

from collections.abc import Iterable
from io import BytesIO

import numpy as np
from PIL import Image

from layerscope.cleaning.pool import Pool

SIDE = 128
MOST = 4000  # thumbnails of one sheet, about 5 kB each
_CHANNELS = 6


def thumbnails(pool: Pool, ids: Iterable[str], most: int = MOST) -> dict[str, bytes]:
    """Give a JPEG of each example that is named, the first `most` of them; read one at a time."""
    place = {name: k for k, name in enumerate(pool.ids)}
    wanted = [name for name in dict.fromkeys(ids) if name in place][:most]
    return {name: _jpeg(pool.batch(np.array([place[name]]))[0]) for name in wanted}


def _jpeg(values: np.ndarray) -> bytes:
    if values.dtype == np.uint8:  # (y, x, channel)
        image = Image.fromarray(values[..., 0] if values.shape[-1] == 1 else values)
        fits = Image.Resampling.NEAREST if min(image.size) < SIDE / 2 else Image.Resampling.BILINEAR
        image = image.resize((SIDE, SIDE), fits)
    else:
        image = Image.fromarray(envelope(np.atleast_2d(values)[:_CHANNELS]))
    file = BytesIO()
    image.save(file, "JPEG", quality=80)
    return file.getvalue()


def envelope(signals: np.ndarray, height: int = SIDE, width: int = 2 * SIDE) -> np.ndarray:
    """Draw signals (channel, time) below each other, from least to most in each column.

    Grey uint8 (height, width), the signal dark; each channel is scaled by its own largest value.

    >>> envelope(np.array([[0, 1, 0, -1]]), 5, 4)[:, 1].tolist()
    [70, 250, 250, 250, 250]
    """
    drawn = np.full((height, width), 250, dtype=np.uint8)
    rows = np.linspace(0, height, len(signals) + 1).astype(int)
    for signal, top, bottom in zip(signals.astype(np.float64), rows[:-1], rows[1:], strict=True):
        room = max(bottom - top - 1, 1)
        scaled = signal / max(float(np.abs(signal).max()), 1e-12)
        edges = np.linspace(0, len(signal), width + 1).astype(int)
        for column in range(width):
            part = scaled[edges[column] : max(edges[column + 1], edges[column] + 1)]
            if not len(part):
                continue
            high = top + round((1 - float(part.max())) / 2 * room)
            low = top + round((1 - float(part.min())) / 2 * room)
            drawn[high : low + 1, column] = 70
    return drawn
