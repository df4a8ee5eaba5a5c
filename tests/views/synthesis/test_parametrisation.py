import cmath
import itertools
from dataclasses import replace

import pytest
import torch
from torch import nn

from layerscope.errors import Refused
from layerscope.views import Scope
from layerscope.views.synthesis.parametrisation import fourier, frequency_scale, parametrise, pixel

SIZES = [(7,), (8,), (5, 6), (6, 5), (3, 4, 5)]


def slow_picture(numbers, space):
    """Sum every wave of the whole spectrum at every position, from the half that is kept."""
    scale = frequency_scale(space)
    waves = list(itertools.product(*map(range, space)))
    whole = {}
    for wave in waves:
        other = tuple(-k % n for k, n in zip(wave, space, strict=True))
        for kept, conjugate in ((wave, False), (other, True)):
            if kept[-1] <= space[-1] // 2 and wave not in whole:
                number = complex(*numbers[kept].tolist()) * scale[kept].item()
                whole[wave] = number.conjugate() if conjugate else number
        if wave == other:  # its own mirror image: only the real part counts
            whole[wave] = whole[wave].real
    # torch reads the whole first and middle column of the last axis, and keeps what is Hermitian
    for wave in waves:
        other = tuple(-k % n for k, n in zip(wave, space, strict=True))
        if wave[-1] == other[-1] and wave < other:
            both = (whole[wave] + complex(whole[other]).conjugate()) / 2
            whole[wave], whole[other] = both, complex(both).conjugate()
    picture = torch.zeros(space)
    for place in waves:
        total = 0
        for wave, number in whole.items():
            turns = sum(k * x / n for k, x, n in zip(wave, place, space, strict=True))
            total += number * cmath.exp(2j * cmath.pi * turns)
        picture[place] = complex(total).real / len(waves) ** 0.5
    return picture


@pytest.mark.parametrize("space", SIZES)
def test_the_fourier_picture_is_the_sum_of_its_waves(space):
    way = fourier(1, space)
    numbers = torch.randn(1, *way.shape, generator=torch.Generator().manual_seed(0))
    expected = slow_picture(numbers[0, 0], space)
    torch.testing.assert_close(way.picture(numbers)[0, 0], expected, atol=2e-5, rtol=0)


@pytest.mark.parametrize("space", [(4096,), (64, 48), (16, 16, 18)])
@pytest.mark.parametrize("make", [fourier, pixel])
def test_normal_numbers_make_pictures_of_variance_one(make, space):
    way = make(2, space)
    numbers = torch.randn(40, *way.shape, generator=torch.Generator().manual_seed(1))
    assert way.picture(numbers).shape == (40, 2, *space)
    assert way.picture(numbers).square().mean().item() == pytest.approx(1, abs=0.15)


def test_low_frequencies_come_first():
    scale = frequency_scale((32, 32))
    assert scale[0, 0] == scale[0, 1] == scale[1, 0]
    assert scale[0, 8].item() == pytest.approx(scale[0, 1].item() / 8)
    assert scale[-3, 4].item() == pytest.approx(scale[0, 5].item())  # 3-4-5


def test_each_start_is_its_generators_own():
    way = fourier(3, (9, 9))
    draws = [torch.Generator().manual_seed(seed) for seed in (5, 6)]
    both = way.start(draws)
    alone = way.start([torch.Generator().manual_seed(6)])
    assert torch.equal(both[1:], alone)
    assert way.picture(both).std().item() < 0.3


def test_colours_are_mixed_in_photographs_of_three_channels_only():
    net = nn.Flatten()
    numbers = torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    for kind, channels, mixed in (("photo", 3, True), ("photo", 2, False), ("recording", 3, False)):
        way = parametrise("pixel", Scope(net, kind=kind), channels, (4, 4), decorrelate=True)
        assert bool((way.picture(numbers) != numbers).any()) == mixed
    with pytest.raises(Refused, match="'fourier', 'pixel'"):
        parametrise("wavelet", Scope(net), 3, (4, 4), decorrelate=True)


def test_sounds_are_as_strong_as_a_voice_and_can_be_heard():
    scope = Scope(torch.nn.Conv1d(1, 2, 3), kind="waveform", sfreq=16000.0)
    way = parametrise("fourier", scope, 1, (16000,), decorrelate=True)
    numbers = torch.randn(16, *way.shape, generator=torch.Generator().manual_seed(0))
    sounds = way.picture(numbers)
    assert sounds.shape == (16, 1, 16000)
    assert sounds.square().mean().item() == pytest.approx(1, rel=0.05)
    power = torch.fft.rfft(sounds).abs().square().mean((0, 1))  # a bin is 1 Hz
    level = {f: power[int(0.9 * f) : int(1.1 * f)].mean().item() for f in (15, 150, 400, 4000)}
    assert level[150] == pytest.approx(level[400], rel=0.3)
    assert level[4000] / level[400] == pytest.approx((500 / 4000) ** 2, rel=0.3)
    assert level[15] / level[150] == pytest.approx((15 / 60) ** 4, rel=0.6)
    slow = parametrise("fourier", replace(scope, sfreq=256.0), 1, (512,), decorrelate=True)
    same = fourier(1, (512,))
    assert torch.equal(slow.picture(numbers[:, :, :257]), same.picture(numbers[:, :, :257]))
