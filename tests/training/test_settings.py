"""What the `[training]` section refuses."""

import pytest
from pydantic import ValidationError

from layerscope.training import AugmentSettings, TrainingSettings


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("epochs", 0),
        ("batch_size", 0),
        ("learning_rate", 0),
        ("learning_rate", float("nan")),
        ("learning_rate", float("inf")),
        ("optimizer", "adam"),
        ("label_smoothing", 1.0),
        ("warmup", 1.0),
        ("ema", 1.0),
        ("precision", "half"),
        ("threads", 0),
        ("metric", "accuracy"),
        ("patience", -1),
        ("train_sizes", [[0.5, 132]]),
        ("train_sizes", [[0, 132], [0.5, 150], [0.5, 172]]),
        ("train_sizes", [[0, 0]]),
        ("augment", {"flip": 1.5}),
        ("augment", {"crop": [0.0, 1.0]}),
        ("augment", {"crop": [0.8, 0.5]}),
        ("augment", {"zoom": [1.2, 0.8]}),
        ("augment", {"mixup": 0.6, "cutmix": 0.6}),
        ("augment", {"hue": 0.5}),
        ("epoch", 3),
    ],
)
def test_impossible_values_are_refused(key, value):
    with pytest.raises(ValidationError) as error:
        TrainingSettings.model_validate({key: value})
    assert error.value.errors()[0]["loc"][0] == key


def test_settings_are_read_only():
    with pytest.raises(ValidationError):
        TrainingSettings().epochs = 3


def test_they_survive_a_round_trip():
    settings = TrainingSettings(
        train_sizes=[[0, 132], [0.7, 172]], augment=AugmentSettings(crop=(0.4, 1))
    )
    assert TrainingSettings.model_validate(settings.model_dump(mode="json")) == settings
