"""The loss against torch's and against formulas written out; mixed batches pixel by pixel."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from layerscope.training.augment import generator
from layerscope.training.loss import Mixed, mix, objective
from layerscope.training.settings import AugmentSettings, TrainingSettings

LOGITS = torch.randn(8, 4, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 1, 2, 3, 0, 0, 1, 2])


def loss_of(logits, labels, weights=(1, 1, 1, 1), counts=(1, 1, 1, 1), **settings):
    mixed = labels if isinstance(labels, Mixed) else Mixed(labels, labels)
    asked = TrainingSettings(**{"label_smoothing": 0} | settings)
    return objective(asked, weights, counts)(logits, mixed)


def slow_loss(logits, labels, weights, smoothing):
    """Szegedy's smoothed labels and class weights, summed one example at a time."""
    total, weight = 0.0, 0.0
    for row, label in zip(logits.double(), labels.tolist(), strict=True):
        log_share = row - row.exp().sum().log()
        for k in range(len(row)):
            target = (1 - smoothing) * (k == label) + smoothing / len(row)
            total -= weights[k] * target * log_share[k].item()
        weight += weights[label]
    return total / weight


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", [(1, 1, 1, 1), (0.5, 2, 1, 4)])
def test_smoothing_and_weights_are_the_slow_twins_and_torchs(smoothing, weights):
    ours = loss_of(LOGITS, LABELS, weights, label_smoothing=smoothing)
    assert ours.item() == pytest.approx(slow_loss(LOGITS, LABELS, weights, smoothing), rel=1e-5)
    weight = torch.tensor(weights, dtype=torch.float32)
    theirs = F.cross_entropy(LOGITS, LABELS, weight=weight, label_smoothing=smoothing)
    assert ours.equal(theirs)


def test_a_heavier_class_pulls_harder():
    logits = torch.zeros(2, 2, requires_grad=True)
    loss_of(logits, torch.tensor([0, 1]), weights=(1, 3), counts=(3, 1)).backward()
    light, heavy = logits.grad[0, 0].abs(), logits.grad[1, 1].abs()
    assert heavy == pytest.approx(3 * light.item())


def test_adjusted_logits_are_those_of_the_given_frequencies():
    counts = (60, 20, 10, 10)
    prior = torch.tensor(counts) / 100
    ours = loss_of(LOGITS, LABELS, counts=counts, logit_adjustment=1.0)
    share = LOGITS.exp() * prior
    share = share / share.sum(1, keepdim=True)  # Bayes: what the frequencies make of the logits
    assert ours.item() == pytest.approx(F.nll_loss(share.log(), LABELS).item(), rel=1e-5)
    half = loss_of(LOGITS, LABELS, counts=counts, logit_adjustment=0.5)
    assert half.item() == pytest.approx(
        F.cross_entropy(LOGITS + 0.5 * prior.log(), LABELS).item(), rel=1e-5
    )


def test_a_class_that_is_not_shown_is_no_trouble():
    assert loss_of(LOGITS, LABELS, counts=(5, 5, 5, 0), logit_adjustment=1.0).isfinite()


def test_mixed_labels_are_the_soft_labels_cross_entropy():
    mixed = Mixed(LABELS, LABELS.flip(0), 0.3)
    soft = 0.3 * F.one_hot(LABELS, 4) + 0.7 * F.one_hot(LABELS.flip(0), 4)
    theirs = F.cross_entropy(LOGITS, soft, label_smoothing=0.1)
    ours = loss_of(LOGITS, mixed, label_smoothing=0.1)
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-5)


def test_half_precision_logits_are_summed_in_float32():
    assert loss_of(LOGITS.bfloat16(), LABELS).dtype == torch.float32


IMAGES = torch.rand(6, 3, 10, 12, generator=torch.Generator().manual_seed(1))
NAMES = torch.arange(6)


def test_mixup_blends_pixels_as_it_blends_labels():
    images, labels = mix(IMAGES, NAMES, AugmentSettings(mixup=1.0), generator(0, 0, 0))
    assert 0 < labels.share < 1
    assert sorted(labels.second.tolist()) == NAMES.tolist()
    for place in range(6):
        slow = labels.share * IMAGES[place] + (1 - labels.share) * IMAGES[labels.second[place]]
        assert torch.allclose(images[place], slow, atol=1e-6)
    assert labels.first.equal(NAMES)


@pytest.mark.parametrize("step", range(8))
def test_cutmix_labels_count_the_pixels(step):
    images, labels = mix(IMAGES, NAMES, AugmentSettings(cutmix=1.0), generator(0, 0, step))
    for place in range(6):
        other = int(labels.second[place])
        own = (images[place] == IMAGES[place]).all(0)
        if other != place:
            assert own.double().mean().item() == pytest.approx(labels.share)
            assert images[place][:, ~own].equal(IMAGES[other][:, ~own])
            rows, columns = (~own).any(1).sum(), (~own).any(0).sum()
            assert rows * columns == (~own).sum()


def test_batches_are_mixed_as_often_as_asked():
    asked = AugmentSettings(mixup=0.3, cutmix=0.2)
    blended = pasted = 0
    for step in range(1000):
        images, labels = mix(IMAGES[:2], NAMES[:2], asked, generator(0, 0, step))
        if labels.share == 1 and images is IMAGES[:2]:
            continue
        same = (images == IMAGES[:2]).float().mean()
        if np.array_equal(labels.second, NAMES[:2]) or same == 1:
            continue
        blended += bool(same < 0.01)
        pasted += bool(same >= 0.01)
    # A shuffle of two leaves half of the batches as they are.
    assert abs(blended / 1000 - 0.15) < 0.05
    assert abs(pasted / 1000 - 0.10) < 0.04
