"""scikit-learn's 1,797 handwritten digits, which come with the installation."""

import numpy as np
from PIL import Image


def load_digits(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Give the digits uint8 (1797, size, size) and their labels (1797,).

    They come as 8 x 8 values 0..16: these become 0..255, rounded, and are then enlarged by bicubic
    interpolation.

    >>> pixels, labels = load_digits(28)
    >>> pixels.shape, pixels.dtype, labels[:3].tolist()
    ((1797, 28, 28), dtype('uint8'), [0, 1, 2])
    """
    import sklearn.datasets  # here: it is slow to load

    found = sklearn.datasets.load_digits()
    small = np.rint(found.images * (255 / 16)).astype(np.uint8)  # (N, 8, 8)
    pixels = np.stack(
        [
            np.asarray(Image.fromarray(digit).resize((size, size), Image.Resampling.BICUBIC))
            for digit in small
        ]
    )
    return pixels, np.asarray(found.target, dtype=np.int64)
