"""What training makes small: cross entropy, smoothed, weighted, adjusted, of mixed batches."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from layerscope.training.settings import AugmentSettings, TrainingSettings


@dataclass(frozen=True)
class Mixed:
    """A batch's labels: `share` of each example is `first`, the rest is `second`."""

    first: Tensor
    second: Tensor
    share: float = 1.0


def mix(
    images: Tensor, labels: Tensor, settings: AugmentSettings, draw: np.random.Generator
) -> tuple[Tensor, Mixed]:
    """Blend (mixup, Zhang 2018) or paste (CutMix, Yun 2019) a batch with itself, or leave it.

    `images` are float, `"batch channel y x"`; `labels` int64, `"batch"`.

    >>> images, labels = torch.rand(4, 1, 8, 8), torch.arange(4)
    >>> mixed, _ = mix(images, labels, AugmentSettings(), np.random.default_rng(0))
    >>> mixed is images
    True
    """
    chance = draw.random()
    if chance >= settings.mixup + settings.cutmix:
        return images, Mixed(labels, labels)
    partner = torch.from_numpy(draw.permutation(len(labels))).to(images.device)
    if chance < settings.mixup:
        share = float(draw.beta(settings.mixup_alpha, settings.mixup_alpha))
        images = torch.lerp(images[partner], images, share)
        return images, Mixed(labels, labels[partner], share)
    height, width = images.shape[2:]
    side = np.sqrt(draw.random())  # the rectangle's side, as a fraction of the picture's
    centre = draw.random(2)
    ends = np.clip(np.stack([centre - side / 2, centre + side / 2]), 0, 1)
    (top, left), (bottom, right) = np.rint(ends * (height, width)).astype(int).tolist()
    pasted = images.clone()
    pasted[:, :, top:bottom, left:right] = images[partner, :, top:bottom, left:right]
    share = 1 - (bottom - top) * (right - left) / (height * width)
    return pasted, Mixed(labels, labels[partner], share)


@dataclass(frozen=True)
class Objective:
    """The loss of a training: class weights, log priors, label smoothing."""

    weights: Tensor
    adjustment: Tensor
    smoothing: float

    def __call__(self, logits: Tensor, labels: Mixed) -> Tensor:
        """Give the mean loss of a batch of logits `"batch class"`."""
        logits = logits.float() + self.adjustment
        loss = self._one(logits, labels.first)
        if labels.share == 1:
            return loss
        return labels.share * loss + (1 - labels.share) * self._one(logits, labels.second)

    def _one(self, logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(logits, labels, weight=self.weights, label_smoothing=self.smoothing)


def objective(
    settings: TrainingSettings,
    weights: Sequence[float] | np.ndarray,
    counts: Sequence[int] | np.ndarray,
    device: torch.device | str = "cpu",
) -> Objective:
    """Make the loss; `weights` per class, `counts` of the examples that an epoch shows of each.

    With `logit_adjustment` 1 the network's own logits answer for equally frequent classes (Menon
    et al. 2021).

    >>> loss = objective(TrainingSettings(label_smoothing=0), weights=[1, 1], counts=[5, 5])
    >>> round(float(loss(torch.zeros(1, 2), Mixed(torch.tensor([1]), torch.tensor([1])))), 4)
    0.6931
    """
    shown = torch.as_tensor(np.asarray(counts), dtype=torch.float32).clamp(min=1)
    prior = (shown / shown.sum()).log()
    return Objective(
        torch.as_tensor(np.asarray(weights), dtype=torch.float32).to(device),
        (settings.logit_adjustment * prior).to(device),
        settings.label_smoothing,
    )
