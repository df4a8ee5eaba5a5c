"""How well a network does on held-back examples: loss, accuracy, balanced accuracy."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from layerscope.tape import evaluation_mode
from layerscope.training.precision import Precision

if TYPE_CHECKING:
    from layerscope.data.dataset import Split
    from layerscope.data.inputs import InputSpec


def validate(
    net: nn.Module,
    split: "Split",
    spec: "InputSpec",
    precision: Precision,
    *,
    batch_size: int,
    between: Callable[[], object] = lambda: None,
) -> dict[str, float]:
    """Run the network on every example of a split, in evaluation mode, without augmentation.

    Gives `val_loss` (mean cross entropy in nats, plain), `val_accuracy` and
    `val_balanced_accuracy` (mean recall of the classes present); whatever the batch size, they are
    the same up to rounding. `between` is called after each batch and may raise.
    """
    loss, predicted = 0.0, np.empty(len(split), dtype=np.int64)
    with evaluation_mode(net), torch.no_grad():
        for start in range(0, len(split), batch_size):
            positions = np.arange(start, min(start + batch_size, len(split)))
            labels = torch.from_numpy(split.labels[positions])
            images = spec.to_model(split.batch(positions))
            logits = precision.forward(net, images).float().cpu()
            loss += float(F.cross_entropy(logits.double(), labels, reduction="sum"))
            predicted[positions] = logits.argmax(1)
            between()
    right = predicted == split.labels
    recalls = [right[split.labels == label].mean() for label in np.unique(split.labels)]
    return {
        "val_loss": loss / len(split),
        "val_accuracy": float(right.mean()),
        "val_balanced_accuracy": float(np.mean(recalls)),
    }
