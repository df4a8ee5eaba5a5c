"""Localisation against hand-made maps, and mosaics whose parts are known."""

import numpy as np
import pytest
import torch

from layerscope.errors import Refused
from layerscope.trust.baselines import baseline_maps
from layerscope.trust.localisation import energy, mosaics, pointing_game


def test_pointing_and_energy_by_hand() -> None:
    maps = np.array([[[0, 2], [2, -4]], [[-1, -1], [-1, -1]]], float)
    masks = np.array([[[False, True], [False, False]], [[True, False], [False, False]]])
    assert pointing_game(maps, masks).tolist() == [0.5, 0.25]
    assert energy(maps, masks).tolist() == [0.5, 0.25]
    with pytest.raises(Refused, match="no place"):
        energy(maps, np.zeros_like(masks))


@pytest.mark.parametrize("shape", [(1, 9, 9), (2, 30)])
def test_mosaics_hold_their_target_where_the_mask_says(shape: tuple[int, ...]) -> None:
    labels = np.array([0, 0, 1, 1, 2, 2])
    images = torch.tensor(labels, dtype=torch.float32).view(-1, *[1] * len(shape)).expand(6, *shape)
    found = mosaics(images.contiguous(), labels, 9)
    assert found.images.shape == (9, *shape)
    for image, target, mask in zip(found.images, found.target, found.masks, strict=True):
        inside = image[:, torch.from_numpy(mask)]
        torch.testing.assert_close(inside, torch.full_like(inside, float(target)))
        outside = image[:, torch.from_numpy(~mask)]
        assert float(outside.std()) < 1e-6
        assert abs(float(outside[0, 0]) - target) > 0.5
        assert 0.3 < mask.mean() < 0.7
    assert set(found.target) == {0, 1, 2}


def test_baselines_know_edges_and_the_middle() -> None:
    images = np.zeros((2, 1, 20, 21))
    images[:, :, :, 15:] = 1
    maps = baseline_maps(images, (2, 20, 21))
    assert set(np.unravel_index(maps["edges"][0].argmax(), (20, 21))[1:]) <= {14, 15}
    assert np.unravel_index(maps["centre"][0].argmax(), (20, 21))[1] == 10
    assert not np.array_equal(maps["random"][0], maps["random"][1])
    assert baseline_maps(np.zeros((2, 3, 50)), (2, 3, 50))["edges"].shape == (2, 3, 50)
