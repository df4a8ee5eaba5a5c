"""Known defects, planted in values of a user's own data: what a self-test looks for."""

from collections.abc import Callable
from io import BytesIO

import numpy as np
from PIL import Image, ImageFilter

Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]
SIDE = 0.8**0.5  # of a crop to 80 % of the area


def photograph(change: Callable[[Image.Image, np.random.Generator], Image.Image]) -> Change:
    """Make a change of pictures one of values uint8 "y x channel", at their size."""

    def changed(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        image = Image.fromarray(values[..., 0] if values.shape[2] == 1 else values)
        after = change(image, rng)
        if after.size != image.size:
            after = after.resize(image.size, Image.Resampling.BICUBIC)
        return np.asarray(after).reshape(values.shape)

    return changed


def _recompressed(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    file = BytesIO()
    image.save(file, "JPEG", quality=int(rng.integers(30, 70)))
    return Image.open(file)


def _resized(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    share = rng.uniform(0.5, 0.8)
    return image.resize((round(image.width * share), round(image.height * share)))


def _cropped(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    x, y = rng.uniform(0, 1 - SIDE, 2) * image.size
    return image.crop(
        (round(x), round(y), round(x + SIDE * image.width), round(y + SIDE * image.height))
    )


def _shifted(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    by = int(rng.choice([-1, 1]) * rng.integers(20, 41))
    return image.point(lambda value: value + by)


COPIES: dict[str, Change] = {
    "exact copy": lambda values, rng: values,
    "recompressed": photograph(_recompressed),
    "mirrored": lambda values, rng: values[:, ::-1],
    "resized": photograph(_resized),
    "brightness shifted": photograph(_shifted),
    "cropped to 80 %": photograph(_cropped),
}
ODD: dict[str, Change] = {
    "too dark": lambda values, rng: (values * 0.06).astype(np.uint8),
    "too bright": lambda values, rng: (255 - (255 - values) * 0.05).astype(np.uint8),
    "near-uniform": lambda values, rng: (128 + (values - 128.0) * 0.05).astype(np.uint8),
    "blurred": photograph(lambda image, rng: image.filter(ImageFilter.GaussianBlur(8))),
}


def _clipped(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    loud = 32767 / max(np.percentile(np.abs(values.astype(np.int32)), 97), 1)
    return np.clip(values * loud, -32768, 32767).astype(np.int16)


def _noise(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return (rng.normal(size=values.shape) * 3000).clip(-32768, 32767).astype(np.int16)


SOUNDS: dict[str, Change] = {
    "silent": lambda values, rng: rng.integers(-3, 4, values.shape).astype(np.int16),
    "clipped": _clipped,
    "noisy": _noise,
}


def _channel(factor: float) -> Change:
    def changed(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        after = values.copy()
        after[rng.integers(len(values))] *= factor
        return after

    return changed


RECORDINGS: dict[str, Change] = {"flat": _channel(1e-5), "loud": _channel(1000.0)}
