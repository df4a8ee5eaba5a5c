import pytest
import torch

from layerscope import Refused
from layerscope.views.legal import baseline_like, bounds_like

IMAGES = torch.rand(2, 3, 4, 5)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, torch.zeros(2, 3, 4, 5)),
        (2, torch.full((2, 3, 4, 5), 2.0)),
        ([1, 2, 3], torch.tensor([1.0, 2, 3]).view(1, 3, 1, 1).expand(2, 3, 4, 5)),
        (IMAGES[0], IMAGES[:1].expand(2, 3, 4, 5)),
        (IMAGES, IMAGES),
        (IMAGES.numpy(), IMAGES),
    ],
)
def test_a_baseline_is_spread_over_the_batch(given, expected):
    found = baseline_like(IMAGES, given)
    assert torch.equal(found, expected)
    assert found.stride() == IMAGES.stride()


@pytest.mark.parametrize(
    "given",
    [[1, 2], torch.zeros(3, 4), torch.zeros(7, 3, 4, 5), "grey", torch.nan, [0, 0, torch.inf]],
)
def test_what_does_not_fit_is_refused(given):
    with pytest.raises(Refused, match="baseline"):
        baseline_like(IMAGES, given)


def test_bounds():
    low, high = bounds_like(IMAGES, (0, [1, 2, 3]))
    assert torch.equal(low, torch.zeros_like(IMAGES))
    assert high[0, :, 0, 0].tolist() == [1, 2, 3]
    assert bounds_like(IMAGES, None) is None
    assert bounds_like(IMAGES, (-torch.inf, torch.inf))[1].isinf().all()
    with pytest.raises(Refused, match="finite"):
        bounds_like(IMAGES, (0, torch.nan))
    with pytest.raises(Refused, match="lower must lie below"):
        bounds_like(IMAGES, (1, [0.5, 2, 3]))
