"""Limits: how a picture without units becomes a legal input of the network."""

from dataclasses import dataclass

import torch
from torch import Tensor

from layerscope.views.legal import bounds_like, far_beyond
from layerscope.views.scope import Scope

#: The square root of the covariance of red, green and blue in ImageNet's photographs (Olah et al.
#: 2017, as published with lucid): columns are light, blue-yellow and green-magenta, by strength.
_COLOURS = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))

WIDE = 4.0
"""Standard deviations of the batch that made sounds stay within."""


@dataclass(frozen=True, eq=False)
class Limits:
    """The lowest and the highest value of each channel, `(channel, 1, ...)`, in model units."""

    low: Tensor
    high: Tensor

    def squash(self, pictures: Tensor) -> Tensor:
        """Bring pictures `(N, channel, ...)` between the limits by a sigmoid; 0 is the middle."""
        return self.low + (self.high - self.low) * torch.sigmoid(pictures)

    def clip(self, inputs: Tensor) -> Tensor:
        """Cut inputs `(N, channel, ...)` off at the limits."""
        return torch.minimum(torch.maximum(inputs, self.low), self.high)

    @property
    def span(self) -> Tensor:
        """How far apart they are, `(channel, 1, ...)`."""
        return self.high - self.low


def limits_of(scope: Scope, images: Tensor) -> Limits:
    """Return the scope's bounds; where it knows none, those of `images` `(N, channel, ...)`.

    A channel without finite bounds (a recording's) lies between the smallest and the largest of
    its values in `images`. A waveform whose bounds are far beyond (`legal.FAR`) stays within
    `WIDE` standard deviations: no sound that is heard comes near such bounds. Bounds that differ
    over the input are taken where they are narrowest.
    """
    space = tuple(range(2, images.dim()))
    low = images.amin((0, *space), keepdim=True)[0].float()
    high = images.amax((0, *space), keepdim=True)[0].float()
    bounds = bounds_like(images[:1].float(), scope.bounds)
    if bounds is not None:
        lowest, highest = bounds[0].amax((0, *space)), bounds[1].amin((0, *space))
        if scope.kind == "waveform" and bool(far_beyond(images, lowest, highest).all()):
            wide = WIDE * images.float().std(correction=0) * torch.ones_like(low)
            return Limits(-wide, wide)
        low = torch.where(lowest.isfinite(), lowest, low.flatten()).view_as(low)
        high = torch.where(highest.isfinite(), highest, high.flatten()).view_as(high)
    return Limits(low, high)


def natural_colours(pictures: Tensor) -> Tensor:
    """Mix uncorrelated channels `(N, 3, ...)` into red, green and blue as photographs mix them.

    Climbing in uncorrelated colours keeps a picture from drifting into colours that photographs
    do not have. The matrix is scaled so that its strongest column has length 1.
    """
    matrix = pictures.new_tensor(_COLOURS)
    return torch.einsum("dc,nc...->nd...", matrix / matrix.norm(dim=0).max(), pictures)
