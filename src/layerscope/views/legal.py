"""What an input may be: its baseline and its bounds, spread over a batch."""

from typing import Any

import torch
from torch import Tensor

from layerscope.errors import Refused

FAR = 4.0
"""Bounds this many times as far as what is heard say what is conceivable, not what is usual."""


def refuse_not_finite(images: Tensor, what: str) -> None:
    """Refuse a batch some of whose examples hold NaN or infinity: their maps would look whole."""
    whole = images.isfinite().flatten(1).all(1)
    if not bool(whole.all()):
        rows = (~whole).nonzero()[:, 0].tolist()
        told = ", ".join(map(str, rows[:5])) + (", ..." if len(rows) > 5 else "")
        raise Refused(
            f"{what} holds NaN or infinity in {len(rows)} of {len(images)} examples (number "
            f"{told}); clean or leave them out"
        )


def baseline_like(images: Tensor, given: Any, *, name: str = "baseline") -> Tensor:
    """Spread a baseline over a batch `"batch channel ..."`; None stands for 0.

    Args:
        images: the batch, in the model's units.
        given: a number, one number per channel, an input without or with the batch axis.
        name: what messages call it.

    >>> baseline_like(torch.ones(1, 2, 3), [5.0, 6.0]).tolist()
    [[[5.0, 5.0, 5.0], [6.0, 6.0, 6.0]]]

    """
    if given is None:
        return torch.zeros_like(images)
    try:
        value = torch.as_tensor(given, dtype=images.dtype, device=images.device)
    except (TypeError, ValueError, RuntimeError) as error:
        raise Refused(f"{name}={given!r:.60}: {error}") from error
    if value.dim() == 1 and len(value) == images.shape[1]:
        value = value.view(-1, *[1] * (images.dim() - 2))
    try:
        spread = value.expand_as(images)
    except RuntimeError:
        raise Refused(
            f"{name} has the shape {tuple(value.shape)}; give a number, {images.shape[1]} numbers "
            f"(one per channel) or a tensor of {tuple(images.shape[1:])}"
        ) from None
    if bool(value.isnan().any()) or (name != "bounds" and bool(value.isinf().any())):
        raise Refused(f"{name}={given!r:.60}: give numbers that are finite")
    result = torch.empty_like(images)
    return result.copy_(spread)


def bounds_like(images: Tensor, bounds: tuple[Any, Any] | None) -> tuple[Tensor, Tensor] | None:
    """Spread `(low, high)` over a batch; None where the bounds are not known."""
    if bounds is None:
        return None
    low, high = (baseline_like(images, side, name="bounds") for side in bounds)
    if bool((low >= high).any()):
        raise Refused(f"bounds={bounds!r:.80}: the lower must lie below the upper everywhere")
    return low, high


def far_beyond(images: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Tell of which examples nothing comes near the bounds, `(B,)`.

    So it is of sounds divided by their own root mean square: a click alone could reach the bound,
    which is the square root of their length.
    """
    largest = images.abs().flatten(1).amax(1)
    nearest = torch.minimum(low.abs().amin(), high.abs().amin())
    return (nearest > FAR * largest) & (largest > 0)
