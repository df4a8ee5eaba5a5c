"""Training: the loop, its settings, exact resume."""

from layerscope.training.fitting import Fitted, fit
from layerscope.training.interrupt import Interrupted
from layerscope.training.settings import AugmentSettings, TrainingSettings

__all__ = ["AugmentSettings", "Fitted", "Interrupted", "TrainingSettings", "fit"]
