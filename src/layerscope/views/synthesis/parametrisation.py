"""Parametrisations: the numbers that are climbed in, and the picture that they stand for.

A picture here has no units yet: mean 0, and about 1 in size where the numbers are about 1.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from layerscope.errors import Refused
from layerscope.views.scope import Scope
from layerscope.views.synthesis.limits import natural_colours

AUDIBLE = 3000.0
"""Samples per second from which on a waveform is a sound, in Hz."""
VOICE = (60.0, 500.0)
"""Between which frequencies, in Hz, sounds are equally strong: less below, 1 / frequency above."""
START = 0.1
"""Standard deviation of the pictures that the ascent starts from."""


@dataclass(frozen=True)
class Parametrisation:
    """How a picture is written down.

    Attributes:
        shape: of the numbers of one picture.
        picture: `(N, *shape)` numbers -> `(N, channel, ...)` pictures, differentiable.

    """

    shape: tuple[int, ...]
    picture: Callable[[Tensor], Tensor]

    def start(self, generators: Sequence[torch.Generator]) -> Tensor:
        """Draw the numbers of a faint picture for each generator: `(N, *shape)`."""
        return START * torch.stack([torch.randn(self.shape, generator=g) for g in generators])


def pixel(channels: int, space: Sequence[int]) -> Parametrisation:
    """Write a picture down as it is: one number for each channel and position."""
    return Parametrisation((channels, *space), lambda numbers: numbers)


def fourier(channels: int, space: Sequence[int]) -> Parametrisation:
    """Write a picture down as its Fourier coefficients, divided by frequency (Olah et al. 2017).

    Equal steps of the numbers then change low frequencies most, as in natural images: pictures
    come out smooth and not as noise. Any number of spatial axes.

    >>> fourier(3, (8, 8)).picture(torch.zeros(2, 3, 8, 5, 2)).shape
    torch.Size([2, 3, 8, 8])
    """
    return _of_spectra(channels, space, frequency_scale(space))


def _of_spectra(channels: int, space: Sequence[int], scale: Tensor) -> Parametrisation:
    """Write a picture down as the coefficients of its half spectrum, each divided by its scale."""
    size, axes = tuple(space), tuple(range(2, 2 + len(space)))

    def picture(numbers: Tensor) -> Tensor:
        spectrum = torch.view_as_complex(numbers) * scale.to(numbers.device)
        return torch.fft.irfftn(spectrum, s=size, dim=axes, norm="ortho")

    return Parametrisation((channels, *scale.shape, 2), picture)


def frequency_scale(space: Sequence[int]) -> Tensor:
    """Return 1 / frequency for each coefficient of the half spectrum, `(..., last // 2 + 1)`.

    The lowest frequency stands for 0 too. Scaled so that standard normal coefficients make
    pictures of variance 1.
    """
    *others, last = space
    squares = torch.zeros(())
    for length in others:
        squares = squares[..., None] + torch.fft.fftfreq(length) ** 2
    whole = (squares[..., None] + torch.fft.fftfreq(last) ** 2).sqrt()
    half = (squares[..., None] + torch.fft.rfftfreq(last) ** 2).sqrt()
    lowest = 1 / max(space)
    power = whole.clamp(min=lowest).pow(-2).mean().item()
    return half.clamp(min=lowest).reciprocal() / math.sqrt(2 * power)


def voiced(channels: int, space: Sequence[int], sfreq: float) -> Parametrisation:
    """Write a sound down as its Fourier coefficients, as strong as those of a voice on the average.

    1 / frequency from 0 on, as of photographs, would put nearly all of a second of sound below what
    can be heard.
    """
    length = space[0]
    frequencies = torch.fft.rfftfreq(length, 1 / sfreq)
    low, high = VOICE
    scale = (frequencies / low).clamp(max=1).square() * high / frequencies.clamp(min=high)
    whole = 2 * scale.square().sum() / length
    return _of_spectra(channels, space, scale / (math.sqrt(2) * whole.sqrt()))


PARAMETRISATIONS: dict[str, Callable[[int, Sequence[int]], Parametrisation]] = {
    "fourier": fourier,
    "pixel": pixel,
}


def parametrise(
    name: str, scope: Scope, channels: int, space: Sequence[int], *, decorrelate: bool
) -> Parametrisation:
    """Return the parametrisation of that name for inputs of a size.

    With `decorrelate` a photograph of three channels is written down in uncorrelated colours. The
    Fourier coefficients of a sound are weighted as those of a voice.
    """
    if name not in PARAMETRISATIONS:
        raise Refused(
            f"parametrisation={name!r}: choose from {', '.join(map(repr, PARAMETRISATIONS))}"
        )
    if name == "fourier" and len(space) == 1 and _is_sound(scope):
        return voiced(channels, space, float(scope.sfreq or 0))
    found = PARAMETRISATIONS[name](channels, space)
    if not (decorrelate and scope.kind == "photo" and channels == 3):
        return found
    return Parametrisation(found.shape, lambda numbers: natural_colours(found.picture(numbers)))


def _is_sound(scope: Scope) -> bool:
    return scope.kind == "waveform" and scope.sfreq is not None and scope.sfreq >= AUDIBLE
