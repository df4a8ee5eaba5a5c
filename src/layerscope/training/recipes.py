"""What training takes where the study is silent, by the kind of data: a recipe that trains."""

from typing import Any

from layerscope.training.settings import TrainingSettings

RECIPES: dict[str, dict[str, Any]] = {
    "waveforms": {
        "epochs": 60,
        "learning_rate": 2e-3,
        "warmup": 0.1,
        "ema": 0.995,
        "keep": "last",
        "augment": {
            "mixup": 0.5,
            "sound": {
                "speed": (0.9, 1.1),
                "shift": 0.1,
                "noise": 0.5,
                "noise_snr": (10, 40),
                "invert": 0.5,
            },
        },
    },
}


def suited(settings: TrainingSettings, kind: str) -> TrainingSettings:
    """Fill in what is good for a kind of data (`data.kind`), wherever the study does not say.

    Keys that were given stay; a given `augment` table stays as a whole.

    >>> suited(TrainingSettings(epochs=5), "waveforms").keep
    'last'
    >>> suited(TrainingSettings(epochs=5), "photos") == TrainingSettings(epochs=5)
    True
    """
    recipe = RECIPES.get(kind, {})
    missing = {key: value for key, value in recipe.items() if key not in settings.model_fields_set}
    if not missing:
        return settings
    given = settings.model_dump(include=settings.model_fields_set, exclude_unset=True)
    return TrainingSettings.model_validate(missing | given)
