import pytest
import torch

from layerscope.views.synthesis.octaves import octave_sizes, resized, through_octaves


@pytest.mark.parametrize("space", [(31,), (20, 33), (8, 9, 10)])
def test_an_even_change_at_every_size_adds_up(space):
    image = torch.randn(1, 2, *space)
    sizes = octave_sizes(space, 3, 1.4)
    seen = []

    def improve(pictures):
        seen.append(tuple(pictures.shape[2:]))
        return pictures + 1

    made = through_octaves(image, sizes, improve)
    assert seen == sizes
    assert seen[-1] == tuple(space)
    torch.testing.assert_close(made, image + 3)


def test_a_small_input_has_each_size_once():
    assert octave_sizes((1, 2), 5, 1.4) == [(1, 1), (1, 2)]
    assert octave_sizes((9,), 1, 1.4) == [(9,)]


def test_means_are_kept_when_a_picture_gets_smaller():
    picture = torch.rand(1, 1, 12, 8)
    torch.testing.assert_close(resized(picture, (3, 4)).mean(), picture.mean())
    assert resized(picture, (12, 8)) is picture
