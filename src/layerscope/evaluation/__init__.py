"""From predictions to tables: what the network gets right and what it confuses."""

from layerscope.evaluation.figures import Estimate
from layerscope.evaluation.moved import Moved, moved, read_moved, write_moved
from layerscope.evaluation.predictions import Predictions, predict
from layerscope.evaluation.robustness import (
    Condition,
    read_robustness,
    robustness,
    write_robustness,
)
from layerscope.evaluation.sentences import confused_with, findings, notes
from layerscope.evaluation.tables import Evaluation, RefusedFile, evaluate

__all__ = [
    "Condition",
    "Estimate",
    "Evaluation",
    "Moved",
    "Predictions",
    "RefusedFile",
    "confused_with",
    "evaluate",
    "findings",
    "moved",
    "notes",
    "predict",
    "read_moved",
    "read_robustness",
    "robustness",
    "write_moved",
    "write_robustness",
]
