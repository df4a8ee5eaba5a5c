"""Training on sounds: varied ones, mixed ones, resumed ones; what only pictures have is refused."""

import numpy as np
import pytest
import torch

from layerscope import LayerscopeError, nets
from layerscope.data.dataset import Dataset, Split
from layerscope.data.inputs import InputSpec
from layerscope.data.settings import DataSettings
from layerscope.training import fit
from layerscope.training.settings import (
    AugmentSettings,
    SoundAugmentSettings,
    TrainingSettings,
)
from training.tiny import tiny_data, tiny_net

RATE, LENGTH = 2000, 500
SOUND = SoundAugmentSettings(speed=(0.9, 1.1), shift=0.02, noise=0.5, mask=0.5, gain=3)


def tones(background=None, count=40):
    """Make a data set of low and high tones, int16, in memory."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 2
    hertz = np.where(labels, 400, 120) * rng.uniform(0.95, 1.05, count)
    time = np.arange(LENGTH) / RATE
    waves = np.sin(2 * np.pi * hertz[:, None] * time + rng.uniform(0, 6, (count, 1)))
    values = (waves * rng.uniform(500, 20000, (count, 1))).astype(np.int16)

    def split(name, rows):
        return Split(name, [str(k) for k in rows], labels[rows], values, rows)

    half = np.arange(count // 2)
    return Dataset(
        settings=DataSettings(kind="waveforms", root="."),
        classes=("low", "high"),
        spec=InputSpec("waveform", (1, LENGTH), (0.0,), (1.0,), float(RATE), scale="rms"),
        examples=(),
        splits={"train": split("train", half), "val": split("val", half + count // 2)},
        fingerprint="tones",
        background=background,
    )


def net():
    torch.manual_seed(0)
    return nets.study_1d(blocks=3, channels=4, classes=2, input_shape=(1, LENGTH))


def settings(sound=SOUND, **more):
    augment = AugmentSettings(sound=sound, mixup=0.3)
    given = {"epochs": 3, "batch_size": 8, "ema": 0.0, "augment": augment}
    return TrainingSettings(**(given | more))


def test_sounds_are_learned_and_a_training_is_the_same_again(tmp_path):
    more = settings(epochs=12, learning_rate=0.01)
    one = fit(net(), tones(), more, tmp_path / "one")
    assert one.metrics["val_accuracy"] > 0.9
    two = fit(net(), tones(), more, tmp_path / "two")
    for first, second in zip(one.net.parameters(), two.net.parameters(), strict=True):
        assert torch.equal(first, second)
    plain = fit(net(), tones(), settings(None, epochs=12, learning_rate=0.01), tmp_path / "plain")
    assert plain.history[0]["train_loss"] != one.history[0]["train_loss"]
    assert "size" not in one.history[0]


def test_recorded_noise_is_part_of_what_a_resume_must_find_again(tmp_path):
    def noise(seed):
        rng = np.random.default_rng(seed)
        return lambda: rng.integers(-900, 900, 4000).astype(np.int16)

    more = settings(SOUND.model_copy(update={"noise_source": "recorded"}))
    fit(net(), tones(noise(0)), more, tmp_path)
    fit(net(), tones(noise(0)), more, tmp_path, resume=True)
    with pytest.raises(LayerscopeError, match=r"training\.augment\.sound\.background: was"):
        fit(net(), tones(noise(1)), more, tmp_path, resume=True)
    with pytest.raises(LayerscopeError, match="0 samples of noise and 500"):
        fit(net(), tones(), more, tmp_path / "none")


def test_what_only_pictures_or_only_sounds_have_is_refused(tmp_path):
    pictures = TrainingSettings(augment=AugmentSettings(flip=0.5, sound=SOUND))
    with pytest.raises(LayerscopeError, match="for pictures, and this data set's"):
        fit(net(), tones(), pictures, tmp_path / "a")
    with pytest.raises(LayerscopeError, match=r"augment\.sound is for sounds and recordings"):
        fit(tiny_net(), tiny_data(), settings(), tmp_path / "b")


def test_a_photographs_training_is_described_as_it_always_was(tmp_path):
    from layerscope.training.fitting import _study_of

    study = _study_of(tiny_net(), tiny_data(), TrainingSettings())
    assert not [key for key in study if "sound" in key or "scale" in key or "sfreq" in key]
