"""Similarity of maps against scipy's Spearman and scikit-image's SSIM."""

import numpy as np
import pytest
from scipy.stats import spearmanr
from skimage.metrics import structural_similarity

from layerscope.errors import Refused
from layerscope.trust.similarity import spearman, ssim

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("signed", [True, False])
def test_spearman_is_scipys(signed: bool) -> None:
    one, other = RANDOM.normal(size=(2, 4, 9, 11)).round(1)
    slow = [
        spearmanr(*(x.ravel() if signed else abs(x).ravel() for x in pair))[0]
        for pair in zip(one, other, strict=True)
    ]
    np.testing.assert_allclose(spearman(one, other, signed=signed), slow, atol=1e-12)
    assert spearman(np.ones((1, 4)), one[:1, 0, :4]).tolist() == [0.0]


@pytest.mark.parametrize("shape", [(20, 31), (40,), (5, 12)])
def test_ssim_is_scikit_images(shape: tuple[int, ...]) -> None:
    one, other = RANDOM.normal(size=(2, 3, *shape))
    other = one + 0.3 * other
    for signed in (True, False):
        found = ssim(one, other, signed=signed)
        assert (found < 1).all()
        for k in range(3 if min(shape) >= 7 else 0):
            pair = [_pictured(x[k], signed) for x in (one, other)]
            slow = structural_similarity(*pair, data_range=1.0, win_size=7)
            np.testing.assert_allclose(found[k], slow, atol=1e-9)
    np.testing.assert_allclose(ssim(one, 5 * one), 1, atol=1e-9)


def _pictured(values: np.ndarray, signed: bool) -> np.ndarray:
    """Draw a map as Adebayo et al. do: absolute values, or signed ones around a middle grey."""
    bound = np.percentile(abs(values), 99)
    if signed:
        return (np.clip(values, -bound, bound) / bound + 1) / 2
    return np.minimum((abs(values) - abs(values).min()) / (bound - abs(values).min()), 1)


def test_unlike_maps_are_refused() -> None:
    with pytest.raises(Refused, match="one shape"):
        spearman(np.zeros((1, 3)), np.zeros((1, 4)))
