import pytest
import torch

from layerscope.views.synthesis.variations import varied


def draws(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


@pytest.mark.parametrize("space", [(64,), (32, 40), (12, 14, 16)])
def test_they_move_a_picture_a_little_and_belong_to_its_generator(space):
    ramp = torch.linspace(-1, 1, torch.Size(space).numel()).view(1, 1, *space)
    pictures = ramp.repeat(2, 2, *[1] * len(space))
    moved = varied(pictures, draws(0, 1))
    assert moved.shape == pictures.shape
    assert torch.equal(moved[1:], varied(pictures[1:], draws(1)))
    assert not torch.allclose(moved[0], moved[1], atol=1e-3)
    assert (moved - pictures).abs().max() < 0.75
    assert (moved - pictures).abs().mean() > 0.005


def test_an_even_picture_stays_as_it_is():
    even = torch.full((1, 3, 20, 20), 0.7)
    torch.testing.assert_close(varied(even, draws(3)), even)


def test_a_waveform_is_shifted_and_not_stretched():
    time = torch.arange(400.0)
    wave = torch.sin(2 * torch.pi * time / 20)[None, None]
    moved = varied(wave, draws(4))[0, 0, 40:360]
    again = torch.fft.rfft(moved).abs().argmax()
    assert again == 320 // 20  # the same frequency
    assert not torch.allclose(moved, wave[0, 0, 40:360], atol=0.05)


def test_gradients_flow_through_them():
    picture = torch.randn(1, 1, 16, 16, requires_grad=True)
    varied(picture, draws(5)).square().sum().backward()
    assert picture.grad.abs().min() >= 0
    assert (picture.grad != 0).float().mean() > 0.9
