from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from layerscope.views import Scope
from layerscope.views.synthesis.limits import limits_of, natural_colours


def test_pictures_stay_within_the_scopes_bounds():
    low, high = torch.tensor([-1.0, -2.0]).view(2, 1, 1), torch.tensor([1.0, 3.0]).view(2, 1, 1)
    limits = limits_of(Scope(nn.Flatten(), bounds=(low, high)), torch.zeros(4, 2, 5, 5))
    pictures = 50 * torch.randn(3, 2, 7, 9)
    for inputs in (limits.squash(pictures), limits.clip(pictures)):
        assert (inputs >= low).all()
        assert (inputs <= high).all()
        assert inputs[:, 1].max() == 3
    torch.testing.assert_close(limits.squash(torch.zeros(1, 2, 1, 1)), (low + high)[None] / 2)


def test_without_bounds_the_data_give_them_channel_by_channel():
    images = torch.randn(4, 3, 50)
    for bounds in (None, (-np.inf, np.inf)):
        limits = limits_of(Scope(nn.Flatten(), kind="recording", bounds=bounds), images)
        torch.testing.assert_close(limits.low[:, 0], images.amin((0, 2)))
        torch.testing.assert_close(limits.high[:, 0], images.amax((0, 2)))
    half = limits_of(Scope(nn.Flatten(), kind="recording", bounds=(0.0, np.inf)), images)
    assert (half.low == 0).all()
    torch.testing.assert_close(half.high[:, 0], images.amax((0, 2)))


def test_uncorrelated_colours_have_the_published_covariance():
    published = torch.tensor([[0.26, 0.09, 0.02], [0.27, 0.0, -0.05], [0.27, -0.09, 0.03]])
    mixed = natural_colours(torch.randn(1, 3, 400, 400, generator=torch.Generator().manual_seed(0)))
    found = torch.cov(mixed[0].flatten(1))
    expected = published @ published.T / published.norm(dim=0).max() ** 2
    torch.testing.assert_close(found, expected, atol=0.01, rtol=0)
    assert expected[0, 1] > 0.8 * expected[0, 0]  # red and green go together


@pytest.mark.parametrize("space", [(6,), (2, 3, 4)])
def test_colours_are_mixed_over_any_number_of_axes(space):
    pictures = torch.randn(2, 3, *space)
    one = natural_colours(pictures.flatten(2))
    torch.testing.assert_close(natural_colours(pictures).flatten(2), one)


def test_sounds_far_from_their_bounds_stay_within_what_is_heard():
    sounds = torch.randn(8, 1, 4000, generator=torch.Generator().manual_seed(0))
    scope = Scope(torch.nn.Conv1d(1, 2, 3), kind="waveform", bounds=(-126.0, 126.0))
    limits = limits_of(scope, sounds)
    assert limits.high.item() == pytest.approx(4, rel=0.02)
    assert limits.low.item() == -limits.high.item()
    near = limits_of(replace(scope, bounds=(-6.0, 6.0)), sounds)
    assert near.high.item() == 6
    silent = limits_of(scope, torch.zeros(1, 1, 10))
    assert silent.high.item() == 126
