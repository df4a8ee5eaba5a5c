"""A data set small enough to train on in a second: real digits of 8 x 8 pixels, in memory."""

import numpy as np
from sklearn.datasets import load_digits

from layerscope.data.dataset import Dataset, Split
from layerscope.data.inputs import InputSpec
from layerscope.data.settings import DataSettings
from layerscope.nets import study_mnist

CLASSES = ("0", "1", "2", "3")


def tiny_data(per_class=(40, 30, 20, 10), val=20, balance="none"):
    """Make a data set of zeros to threes, the first `per_class` of each to train on."""
    digits = load_digits()
    pixels = np.minimum(digits.images * 16, 255).astype(np.uint8)[..., None]  # (N, 8, 8, 1)
    rows = [np.flatnonzero(digits.target == label) for label in range(len(per_class))]
    train = np.concatenate([found[:n] for found, n in zip(rows, per_class, strict=True)])
    held = np.concatenate([found[-val:] for found in rows])
    return Dataset(
        settings=DataSettings(kind="digits", balance=balance),
        classes=CLASSES,
        spec=InputSpec("photo", (1, 8, 8), mean=(0.3,), std=(0.35,)),
        examples=(),
        splits={
            "train": Split("train", [str(r) for r in train], digits.target[train], pixels, train),
            "val": Split("val", [str(r) for r in held], digits.target[held], pixels, held),
        },
        fingerprint="tiny",
    )


def tiny_net(dropout=0.5):
    return study_mnist(
        blocks=2, channels=4, classes=len(CLASSES), dropout=dropout, input_shape=(1, 8, 8)
    )
