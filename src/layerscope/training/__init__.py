"""Training: the loop, its settings, exact resume."""

from layerscope.training.fitting import Fitted, fit
from layerscope.training.interrupt import Interrupted, Paused
from layerscope.training.settings import AugmentSettings, FinetuneSettings, TrainingSettings

__all__ = [
    "AugmentSettings",
    "FinetuneSettings",
    "Fitted",
    "Interrupted",
    "Paused",
    "TrainingSettings",
    "fit",
]
