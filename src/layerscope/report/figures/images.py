"""Views as pictures: arrays in, 8-bit colour arrays `(y, x, 3)` or `(y, x, 4)` out."""

import base64
import io

import matplotlib
import numpy as np
from PIL import Image

from layerscope.errors import LayerscopeError

RECTIFIED = matplotlib.colormaps["viridis"]
HEAT = matplotlib.colormaps["inferno"]
SIGNED = matplotlib.colormaps["RdBu_r"].resampled(257)  # odd, so that zero has a colour of its own
OPAQUE = 0.85  # of an overlay where the map is largest


def rgb(image: np.ndarray) -> np.ndarray:
    """Give a picture `(y, x)`, `(y, x, 1)` or `(y, x, 3)` of bytes as `(y, x, 3)`."""
    image = np.asarray(image, dtype=np.uint8)
    image = image[..., None] if image.ndim == 2 else image
    if image.ndim != 3 or image.shape[2] not in (1, 3):
        raise LayerscopeError(f"a picture of shape {image.shape}: (y, x), (y, x, 1) or (y, x, 3)")
    return np.broadcast_to(image, (*image.shape[:2], 3)).copy()


def rectified(values: np.ndarray, top: float | None = None) -> np.ndarray:
    """Colour a map `(y, x)` that is not negative: viridis from 0 to `top` (default: its maximum).

    >>> rectified(np.array([[0.0, 2.0]])).tolist()
    [[[68, 1, 84], [253, 231, 37]]]
    """
    return _bytes(RECTIFIED(_shares(values, top)))


def signed(values: np.ndarray, top: float | None = None) -> np.ndarray:
    """Colour a signed map `(y, x)` or `(channel, y, x)`, zero being exactly neutral.

    One channel goes from blue (below zero) over white to red; three channels are shown as
    colours, `x / (2 top) + 1/2`, with zero mid grey (Zeiler and Fergus 2014). `top` is the largest
    absolute value unless given.

    >>> signed(np.zeros((3, 1, 1))).tolist(), signed(np.zeros((1, 1))).tolist()
    ([[[128, 128, 128]]], [[[247, 247, 247]]])
    """
    values = _finite(values)
    if values.ndim == 3 and values.shape[0] == 1:
        values = values[0]
    top = float(np.abs(values).max(initial=0)) if top is None else top
    centred = np.clip(values / (2 * top) if top > 0 else 0 * values, -0.5, 0.5) + 0.5
    if values.ndim == 2:
        return _bytes(SIGNED(np.round(centred * 256).astype(int)))
    if values.ndim == 3 and values.shape[0] == 3:
        return _bytes(centred.transpose(1, 2, 0))
    raise LayerscopeError(f"a signed map of shape {values.shape}: (y, x), (1, y, x) or (3, y, x)")


def overlay(
    photo: np.ndarray, values: np.ndarray, top: float | None = None, *, signed: bool = False
) -> np.ndarray:
    """Lay a map `(y, x)` over its photograph `(y, x, 3)`; full colour is `top`, or its maximum.

    The photograph is shown in grey; where the map is 0 it is left as that. A map that is not
    negative goes from red to yellow; one that is signed is red above zero and blue below.
    """
    grey = rgb(photo) @ np.array([0.299, 0.587, 0.114])
    if signed:
        values = _finite(values)
        top = float(np.abs(values).max(initial=0)) if top is None else top
        share = np.clip(values / top, -1, 1) if top > 0 else np.zeros_like(values)
        heat = SIGNED(0.5 + np.sign(share) * (0.25 + 0.15 * np.abs(share)))[..., :3]
    else:
        share = _shares(values, top)
        heat = HEAT(0.35 + 0.6 * share)[..., :3]  # the middle of the map stands out from grey
    cover = OPAQUE * np.abs(share)[..., None]
    return _bytes((1 - cover) * grey[..., None] / 255 + cover * heat)


def strong(values: np.ndarray) -> float:
    """Give the size that all but the largest half percent of the values that are not 0 stay below.

    >>> strong(np.array([0.0, 0.0, -2.0]))
    2.0
    """
    sizes = np.abs(_finite(values))
    sizes = sizes[sizes > 0]
    return float(np.quantile(sizes, 0.995)) if sizes.size else 0.0


def attribution(values: np.ndarray) -> np.ndarray:
    """Colour what each pixel `(channel, y, x)` adds: the sum of its channels, zero exactly neutral.

    The largest half percent of the sums have full colour: blue below zero, red above.
    """
    total = _finite(values).sum(axis=0)
    return signed(total, strong(total))


def tiles(pictures: list[np.ndarray], columns: int, gap: int = 2) -> np.ndarray:
    """Arrange pictures of one size in a grid `(y, x, 4)` with transparent gaps.

    >>> tiles([np.zeros((4, 4, 3), np.uint8)] * 3, columns=2, gap=1).shape
    (9, 9, 4)
    """
    height, width = pictures[0].shape[:2]
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    sheet = np.zeros((rows * (height + gap) - gap, columns * (width + gap) - gap, 4), np.uint8)
    for number, picture in enumerate(pictures):
        y, x = number // columns * (height + gap), number % columns * (width + gap)
        sheet[y : y + height, x : x + width, 3] = 255
        sheet[y : y + height, x : x + width, : picture.shape[2]] = picture
    return sheet


def fit(picture: np.ndarray, side: int) -> np.ndarray:
    """Enlarge or reduce a picture by a whole factor until its longer side is close to `side`.

    Enlarged pixels stay squares; reduced ones are averaged.

    >>> [fit(np.zeros((n, n, 3), np.uint8), 56).shape[0] for n in (6, 172)]
    [54, 58]
    """
    longer = max(picture.shape[:2])
    if longer <= side:
        factor = side // longer
        return picture.repeat(factor, axis=0).repeat(factor, axis=1)
    return np.asarray(Image.fromarray(picture).reduce(round(longer / side)))


def feature_grid(maps: np.ndarray, columns: int = 3, side: int = 56) -> np.ndarray:
    """Show channels `(channel, y, x)` side by side on one scale, from 0 to their largest value."""
    maps = _finite(maps)
    if (maps < 0).any():
        top = float(np.abs(maps).max())
        return tiles([fit(signed(each, top), side) for each in maps], columns)
    top = float(maps.max(initial=0))
    return tiles([fit(rectified(each, top), side) for each in maps], columns)


def filter_grid(filters: np.ndarray, columns: int = 8, side: int = 48) -> np.ndarray:
    """Show filters `(unit, channel, y, x)` on one scale, zero neutral; 1 or 3 channels."""
    top = float(np.abs(_finite(filters)).max(initial=0))
    return tiles([fit(signed(each, top), side) for each in filters], columns, gap=3)


def projection(
    values: np.ndarray, photo: np.ndarray, side: int = 172, smallest: int = 16
) -> np.ndarray:
    """Show a projection `(channel, y, x)` beside the same piece of its photograph.

    The piece is the square about everything that is not zero, `smallest` pixels at least. Of the
    values that are not zero, the largest half percent have the full colour.
    """
    top, left, size = piece(values, smallest)
    cut = np.s_[top : top + size, left : left + size]
    coloured = signed(values, strong(values))
    pictures = [_scaled(each, side) for each in (coloured[cut], rgb(photo)[cut])]
    return tiles(pictures, columns=2, gap=max(2, len(pictures[0]) // 24))


def _scaled(picture: np.ndarray, side: int) -> np.ndarray:
    """Scale a square picture to exactly that side; pixels that are enlarged much stay squares."""
    enlarged = side >= 3 * len(picture)
    how = Image.Resampling.NEAREST if enlarged else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(picture).resize((side, side), how))


def piece(values: np.ndarray, smallest: int) -> tuple[int, int, int]:
    """Find top, left and side of the square about what is not zero in `(channel, y, x)`.

    >>> values = np.zeros((1, 20, 20))
    >>> values[0, 0, 18] = 1
    >>> piece(values, smallest=4)
    (0, 16, 4)
    """
    height, width = values.shape[1:]
    y, x = np.nonzero(np.any(values != 0, axis=0))
    if len(y) == 0:
        return 0, 0, min(height, width)
    extent = int(max(np.ptp(y), np.ptp(x))) + 1
    size = min(max(extent, smallest), height, width)
    top = int(np.clip((y.min() + y.max() + 1 - size) // 2, 0, height - size))
    left = int(np.clip((x.min() + x.max() + 1 - size) // 2, 0, width - size))
    return top, left, size


def data_uri(picture: np.ndarray, quality: int | None = None) -> str:
    """Encode a picture as WebP in a data URI; without loss where no quality (0 to 100) is given."""
    out = io.BytesIO()
    options = {"lossless": True} if quality is None else {"quality": quality}
    Image.fromarray(picture).save(out, "WEBP", method=4, **options)
    return "data:image/webp;base64," + base64.b64encode(out.getvalue()).decode()


def _shares(values: np.ndarray, top: float | None) -> np.ndarray:
    """Divide a map that is not negative by its largest value, or by `top`."""
    values = _finite(values)
    if values.ndim != 2 or (values < 0).any():
        raise LayerscopeError(
            f"a rectified map of shape {values.shape} from {values.min():.3g}: (y, x), 0 or more; "
            "a signed map has colours of its own"
        )
    top = float(values.max(initial=0)) if top is None else top
    return np.clip(values / top, 0, 1) if top > 0 else np.zeros_like(values)


def _finite(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    if not np.isfinite(values).all():
        raise LayerscopeError(f"a map of shape {values.shape} holds NaN or infinite values")
    return values


def _bytes(colours: np.ndarray) -> np.ndarray:
    """Turn colours from 0 to 1 into bytes, without an opacity."""
    return np.floor(colours[..., :3] * 255 + 0.5).astype(np.uint8)
