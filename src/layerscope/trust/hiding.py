"""Ways of hiding places of an input: what stands there instead, for photographs and signals."""

from collections.abc import Callable

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from layerscope.errors import Refused
from layerscope.trust.imputation import impute

Hide = Callable[[Tensor, Tensor, Tensor], Tensor]
"""`(images (N, channel, ...), hidden (N, *map), rows (N,))` to inputs with these places hidden."""

PHOTO = ("mean", "blur", "imputation", "other")
SIGNAL = ("silence", "noise", "phase-scrambled", "band-swapped")
BANDS = 8


def ways_for(kind: str) -> tuple[str, ...]:
    """Name the ways of hiding that suit an input of this kind.

    >>> ways_for("waveform")[0]
    'silence'
    """
    return PHOTO if kind == "photo" else SIGNAL


def hiding(way: str, images: Tensor, *, seed: int = 0) -> Hide:
    """Prepare a way of hiding for a batch.

    "mean": each example's channel means; "blur": Gaussian, an eighth of the input wide;
    "imputation": see `impute`; "other": the pixels of the example half a batch further; "silence":
    0; "noise": normal, of the channel's own mean and spread; "phase-scrambled": the signal's own
    spectrum with random phases; "band-swapped": bands of the spectrum change places (each keeps its
    place's energy).

    Args:
        way: one of these.
        images: the batch, `(B, channel, ...)`.
        seed: of what is drawn.

    """
    fillings = {
        "mean": lambda: images.mean(tuple(range(2, images.dim())), keepdim=True).expand_as(images),
        "blur": lambda: _blurred(images),
        "other": lambda: _other(images),
        "silence": lambda: torch.zeros_like(images),
        "noise": lambda: _noise(images, seed),
        "phase-scrambled": lambda: _scrambled(images, seed),
        "band-swapped": lambda: _swapped(images),
    }
    if way == "imputation":
        return lambda given, hidden, rows: _imputed(given, hidden, rows, seed)
    if way not in fillings:
        raise Refused(f"no way of hiding {way!r}: {', '.join(('imputation', *fillings))}")
    if way in SIGNAL and images.dim() != 3:
        raise Refused(f"{way!r} hides signals (batch channel time); inputs are {images.shape}")
    filling = fillings[way]()
    return lambda given, hidden, rows: torch.where(over(hidden, given), filling[rows], given)


def over(hidden: Tensor, images: Tensor) -> Tensor:
    """Spread places `(N, *map)` over the channels of inputs, unless the map has them.

    >>> over(torch.zeros(2, 5, dtype=bool), torch.zeros(2, 3, 5)).shape
    torch.Size([2, 1, 5])
    """
    return hidden if hidden.dim() == images.dim() else hidden.unsqueeze(1)


def _blurred(images: Tensor) -> Tensor:
    width = max(images.shape[2:]) / 8 / 2
    spread = (0, 0, *[width] * (images.dim() - 2))
    return torch.from_numpy(gaussian_filter(images.numpy(), spread)).to(images)


def _other(images: Tensor) -> Tensor:
    if len(images) < 2:
        raise Refused(
            'hiding by "other" takes another example\'s pixels: give at least two examples'
        )
    return images.roll(-(len(images) // 2), 0)


def _noise(images: Tensor, seed: int) -> Tensor:
    drawn = torch.randn(images.shape, generator=torch.Generator().manual_seed(seed))
    return images.mean(2, keepdim=True) + images.std(2, keepdim=True, correction=0) * drawn


def _scrambled(images: Tensor, seed: int) -> Tensor:
    spectrum = torch.fft.rfft(images)
    generator = torch.Generator().manual_seed(seed)
    turn = 2 * torch.pi * torch.rand(spectrum.shape, generator=generator)
    turn[..., 0] = 0  # the mean stays
    if images.shape[-1] % 2 == 0:
        turn[..., -1] = 0  # and what alternates, which has no phase
    return torch.fft.irfft(spectrum * torch.polar(torch.ones_like(turn), turn), images.shape[-1])


def _swapped(images: Tensor) -> Tensor:
    """Reverse the order of bands, each scaled to the energy of the band whose place it takes."""
    spectrum = torch.fft.rfft(images)
    mean, rest = spectrum[..., :1], spectrum[..., 1:]
    width = rest.shape[-1] // BANDS
    if not width:
        raise Refused(f"signals of {images.shape[-1]} samples have no {BANDS} bands to swap")
    bands = list(rest[..., : width * BANDS].split(width, -1))
    energy = [band.abs().square().sum(-1, keepdim=True).sqrt() for band in bands]
    moved = [
        bands[-1 - k] * (energy[k] / energy[-1 - k].clamp(min=1e-12)) for k in range(len(bands))
    ]
    whole = torch.cat([mean, *moved, rest[..., width * BANDS :]], -1)
    return torch.fft.irfft(whole, images.shape[-1])


def _imputed(images: Tensor, hidden: Tensor, rows: Tensor, seed: int) -> Tensor:
    pairs = zip(images.numpy(), hidden.numpy(), rows.tolist(), strict=True)
    found = [
        impute(image, places, random=np.random.default_rng((seed, row)))
        for image, places, row in pairs
    ]
    return torch.from_numpy(np.stack(found)).to(images)
