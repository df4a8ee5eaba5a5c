import pytest
import torch
from torch import nn
from torch.nn import functional as F

from layerscope.tape import moved_places, record


class Through(nn.Module):
    """A convolution, something, and another convolution."""

    def __init__(self, between):
        super().__init__()
        self.first, self.between, self.last = nn.Conv2d(1, 2, 3), between, nn.LazyConv2d(2, 1)

    def forward(self, x):
        return self.last(self.between(self.first(x)))


def moved(between):
    net = Through(between)
    images = torch.randn(1, 1, 20, 20)
    net(images)
    tape = record(net, images)
    return moved_places(tape).get(tape.output, "")


def rolled_windows(x):
    """A shifted window's way of a Swin transformer, with channels last."""
    rows = x.permute(0, 2, 3, 1)
    windows = rows.roll((-2, -2), (1, 2)).view(1, 9, 2, 9, 2, 2).permute(0, 1, 3, 2, 4, 5)
    mixed = windows.reshape(81, 4, 2).softmax(1).view(1, 9, 9, 2, 2, 2)
    whole = mixed.permute(0, 1, 3, 2, 4, 5).reshape(1, 18, 18, 2)
    return (rows + whole.roll((2, 2), (1, 2))).permute(0, 3, 1, 2)


BACKWARDS = torch.arange(17, -1, -1)


@pytest.mark.parametrize(
    ("between", "name"),
    [
        (lambda x: x.flip(3), "flip"),
        (lambda x: torch.flip(x, dims=[2]).relu(), "flip"),
        (lambda x: x + x.flip((2, 3)), "flip"),
        (lambda x: x.roll(4, 2), "roll"),
        (lambda x: x.roll(4), "roll"),
        (lambda x: x.mT, "mT"),
        (lambda x: x.transpose(1, 2), "transpose"),
        (lambda x: x.permute(0, 1, 3, 2), "permute"),
        (lambda x: x @ x.mT, "mT"),
        (lambda x: x[..., BACKWARDS], "getitem"),
        (lambda x: x[:, :, BACKWARDS[:, None], torch.arange(18)], "getitem"),
        (lambda x: x.index_select(3, BACKWARDS), "index_select"),
        (lambda x: x.gather(3, BACKWARDS.expand_as(x)), "gather"),
        (lambda x: x.sort(-1).values, "sort"),
        (lambda x: torch.rot90(x, 1, (2, 3)), "rot90"),
        (lambda x: F.grid_sample(x, torch.zeros(1, 9, 9, 2), align_corners=False), "grid_sample"),
        (lambda x: torch.fft.fft2(x).real, "fft2"),
        (lambda x: F.interpolate(x.flip(3), scale_factor=2), "flip"),
        (lambda x: x.flip(3).flatten(2).unflatten(2, (18, 18)), "flip"),
        (nn.Linear(18, 18), "linear"),
        (lambda x: x @ torch.ones(18, 18), "matmul"),
        (lambda x: torch.ones(18, 18) @ x, "matmul"),
    ],
)
def test_what_moves_or_mixes_positions_is_named(between, name):
    assert name in moved(between)


@pytest.mark.parametrize(
    "between",
    [
        nn.Upsample(scale_factor=2),
        nn.AdaptiveAvgPool2d(7),
        nn.ConvTranspose2d(2, 2, 2, stride=2),
        nn.Conv2d(2, 2, 3, padding=1, padding_mode="circular"),
        lambda x: x[:, [1, 0]][..., ::2, [1, 4, 4, 9]],
        lambda x: x[:, :, torch.arange(18) % 2 == 0],
        lambda x: x.index_select(1, torch.tensor([1, 0])),
        lambda x: x.flip(1).roll(1, 1),
        lambda x: x.flip(3).relu().flip(3),
        lambda x: torch.fft.ifft2(torch.fft.fft2(x)).real,
        lambda x: x.flip(3).mean((2, 3), keepdim=True) * x,
        lambda x: F.layer_norm(x.permute(0, 2, 3, 1), (2,)).movedim(-1, 1),
        lambda x: F.linear(x.permute(0, 2, 3, 1), torch.ones(3, 2)).permute(0, 3, 1, 2),
        lambda x: x.view(1, 2, 1, 18, 18).transpose(1, 2).reshape(1, 2, 18, 18),
        lambda x: x.flatten(2).mT.relu().view(1, 18, 18, 2).permute(0, 3, 1, 2),
        rolled_windows,
    ],
)
def test_what_only_resamples_or_is_undone_moves_nothing(between):
    assert moved(between) == ""


def test_single_head_attention_keeps_the_places_of_its_queries():
    class Attention(nn.Module):
        def forward(self, x):
            steps = x.transpose(1, 2)
            return (steps + (steps @ steps.transpose(1, 2)).softmax(-1) @ steps).transpose(1, 2)

    tape = record(Attention(), torch.randn(2, 3, 9))
    assert tape.output not in moved_places(tape)
