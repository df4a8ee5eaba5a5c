"""Hiding places and scoring what is left: against slow twins from the papers, and Quantus."""

import warnings

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from layerscope.errors import Refused
from layerscope.trust.faithfulness import Score, curves, pixel_flipping, ranks
from layerscope.trust.hiding import SIGNAL, hiding, ways_for
from layerscope.trust.imputation import impute
from peers import peer

RANDOM = np.random.default_rng(0)
STEPS = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if (a, b) != (0, 0)]


def _imputed_slowly(image: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Repeat Rong et al.'s equation until nothing moves: each place the mean of its neighbours."""
    found = np.where(hidden, 0.0, image)
    for _ in range(4000):
        for y, x in np.argwhere(hidden):
            total = weights = 0.0
            for dy, dx in STEPS:
                if 0 <= y + dy < hidden.shape[0] and 0 <= x + dx < hidden.shape[1]:
                    weight = 1 / 6 if dy == 0 or dx == 0 else 1 / 12
                    total = total + weight * found[:, y + dy, x + dx]
                    weights += weight
            found[:, y, x] = total / weights
    return found


def test_imputation_is_the_papers() -> None:
    image, hidden = RANDOM.normal(size=(2, 6, 7)), RANDOM.random((6, 7)) < 0.5
    found = impute(image, hidden, noise=0)
    np.testing.assert_allclose(found, _imputed_slowly(image, hidden), atol=1e-8)
    noisy = impute(image, hidden, noise=0.1)
    assert (noisy[:, ~hidden] == image[:, ~hidden]).all()
    assert 0.01 < (noisy - found)[:, hidden].std() < 0.3


def test_imputation_is_quantus() -> None:
    function = peer("quantus.functions.perturb_func").noisy_linear_imputation
    image, hidden = RANDOM.normal(size=(3, 9, 8)), RANDOM.random((9, 8)) < 0.6
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = function(image, np.flatnonzero(hidden), noise=0.0)
    np.testing.assert_allclose(impute(image, hidden, noise=0), theirs, atol=1e-10)


def _probability(net: nn.Module, labels: Tensor) -> Score:
    def score(inputs: Tensor, rows: Tensor) -> Tensor:
        with torch.no_grad():
            return net(inputs).softmax(1)[torch.arange(len(rows)), labels[rows]]

    return score


def _small_net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5)).eval()


def test_pixel_flipping_is_quantus() -> None:
    quantus = peer("quantus")
    net, images = _small_net(), torch.randn(4, 3, 8, 8)
    maps, labels = RANDOM.normal(size=(4, 3, 8, 8)), torch.tensor([0, 1, 2, 3])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        metric = quantus.PixelFlipping(
            features_in_step=16, normalise=False, perturb_baseline=0.0, disable_warnings=True
        )
        theirs = metric(
            model=net,
            x_batch=images.numpy(),
            y_batch=labels.numpy(),
            a_batch=maps,
            channel_first=True,
        )
    ours = pixel_flipping(_probability(net, labels), images, maps, step=16, fill=0.0, together=7)
    assert ours.shape == (4, 12)
    np.testing.assert_allclose(ours, np.array(theirs), atol=1e-6)


@pytest.mark.parametrize("way", [*ways_for("photo"), *SIGNAL])
def test_curves_are_those_of_hiding_one_after_the_other(way: str) -> None:
    photo = way in ways_for("photo")
    images = torch.rand(3, 3, 8, 8) if photo else torch.randn(3, 2, 50)
    maps = RANDOM.random((3, 8, 8) if photo else (3, 2, 50))
    weights = torch.randn(images.shape[1:])
    hide, fractions = hiding(way, images, seed=1), (0.1, 0.5, 1.0)

    def score(inputs: Tensor, rows: Tensor) -> Tensor:
        return (inputs * weights).flatten(1).sum(1)

    found = curves(score, images, maps, hide, fractions=fractions, together=4)
    for row in range(3):
        order = np.argsort(-maps[row].ravel())
        for k, share in enumerate(fractions):
            for most, value in ((True, found.morf), (False, found.lerf)):
                number = round(share * order.size)
                hidden = np.zeros(order.size, bool)
                hidden[order[:number] if most else order[order.size - number :]] = True
                mask = torch.from_numpy(hidden.reshape(maps[row].shape))[None]
                slow = score(hide(images[[row]], mask, torch.tensor([row])), torch.tensor([row]))
                np.testing.assert_allclose(value[row, k], float(slow[0]), atol=1e-4)
    np.testing.assert_allclose(found.gap, (found.lerf - found.morf).mean(1))
    assert np.allclose(found.comprehensiveness - found.sufficiency, found.gap)


def test_what_hides_is_what_it_says() -> None:
    sounds, everything = torch.randn(2, 1, 400), torch.ones(2, 400, dtype=torch.bool)
    rows = torch.arange(2)

    def hidden(way: str) -> Tensor:
        return hiding(way, sounds)(sounds, everything, rows)

    assert bool((hidden("silence") == 0).all())
    spectrum, scrambled = torch.fft.rfft(sounds).abs(), torch.fft.rfft(hidden("phase-scrambled"))
    torch.testing.assert_close(scrambled.abs(), spectrum, atol=1e-3, rtol=1e-3)
    assert (
        abs(float(torch.corrcoef(torch.stack([sounds[0, 0], hidden("noise")[0, 0]]))[0, 1])) < 0.3
    )
    swapped = torch.fft.rfft(hidden("band-swapped")).abs()
    bands, after = (x[0, 0, 1:201].view(8, 25).norm(dim=1) for x in (spectrum, swapped))
    torch.testing.assert_close(bands, after, atol=1e-2, rtol=1e-2)
    with pytest.raises(Refused, match="no way of hiding"):
        hidden("sand")


def test_ties_are_in_no_order_of_places() -> None:
    order = ranks(np.zeros((1, 10_000)))[0]
    assert abs(np.corrcoef(order, np.arange(10_000))[0, 1]) < 0.05
    assert sorted(order) == list(range(10_000))
