"""Training `study_1d`, batch 32: samples a second against torch's Conv1d in float32, and Keras."""

import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

from benchmarks.pairs import ratio
from benchmarks.rows import row
from benchmarks.stepping import stepper
from layerscope.data import Dataset, DataSettings, InputSpec, Split
from layerscope.nets import study_1d
from layerscope.training import TrainingSettings
from layerscope.training.precision import Precision, choose

CLASSES = tuple(f"word {number}" for number in range(16))
SETTINGS = TrainingSettings(optimizer="adamw")
STEPS = 2
"""Of a round."""


def rows() -> list[dict[str, Any]]:
    """Measure; how many times as many samples a second as each, with its target.

    Keras is measured where TensorFlow is installed; its step is Adam's, `train_on_batch`.
    """
    data = words()
    fast = choose(study_1d(), data.spec.shape, SETTINGS)
    plain = Precision("float32", channels_last=False, threads=fast.threads, reason="default")
    slow, quick = (
        stepper(study_1d(), data, SETTINGS, one, steps=STEPS, kept=one is fast)
        for one in (plain, fast)
    )
    found = [
        row(
            f"training study_1d, samples/s, {fast.name}, against Conv1d in float32",
            ratio(slow, quick),
            *("x", 1.8),
            more=True,
        )
    ]
    if not find_spec("tensorflow"):
        return [*found, row("the same, against Keras: TensorFlow is not installed", 0, "", None)]
    faster = ratio(keras_stepper(fast.threads), quick)
    return [*found, row("the same, against Keras", faster, "x", 1.3, more=True)]


def words(count: int = SETTINGS.batch_size) -> Dataset:
    """Make a data set of noise, as long and laid out as spoken words in a pack."""
    values = np.random.default_rng(0).integers(-8000, 8000, (count, 16_000), dtype=np.int16)
    names = [str(number) for number in range(count)]
    labels, places = np.arange(count) % len(CLASSES), np.arange(count)
    split = Split("train", names, labels, values, places)
    return Dataset(
        settings=DataSettings(kind="waveforms", root="."),
        classes=CLASSES,
        spec=InputSpec("waveform", (1, 16_000), (0.0,), (1.0,), sfreq=16_000, scale="rms"),
        examples=(),
        splits={"train": split, "val": split},
        fingerprint="noise",
    )


def keras_stepper(threads: int) -> Callable[[], None]:
    """Give a function that trains the same network as many steps with Keras on TensorFlow."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    net = keras_study_1d(keras)
    sounds = np.random.default_rng(0).normal(size=(SETTINGS.batch_size, 16_000, 1))
    labels = np.arange(SETTINGS.batch_size) % len(CLASSES)
    batch = sounds.astype(np.float32), labels

    def steps() -> None:
        for _ in range(STEPS):
            net.train_on_batch(*batch)

    return steps


def keras_study_1d(keras: Any) -> Any:
    """Build `study_1d` in Keras: 'same' convolutions and pools, 663,664 parameters."""
    layers = keras.layers
    net = keras.Sequential([keras.Input((16_000, 1))])
    for block in range(8):
        width = 32 * 2 ** (block // 2)
        net.add(layers.Conv1D(width, 5, padding="same", activation="relu"))
        net.add(layers.MaxPooling1D(3, padding="same"))
    for layer in (layers.Flatten(), layers.Dropout(0.5), layers.Dense(len(CLASSES))):
        net.add(layer)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    net.compile(optimizer=keras.optimizers.AdamW(1e-3), loss=loss)
    assert net.count_params() == sum(weight.numel() for weight in study_1d().parameters())
    return net
