"""What an amplitude is worth: a score's gradient with respect to each frequency's amplitude."""

import torch
from torch import Tensor


def amplitude_gradients(signals: Tensor, gradients: Tensor) -> Tensor:
    """Give the gradient of a score with respect to the amplitude of each frequency, phases kept.

    Example by example: neither the size nor the rest of a batch changes it. Of a frequency that
    is absent the phase is taken to be 0. Written by hand from x(t) = sum of w A cos(2 pi f t + p)
    / T, with w = 2 but for 0 Hz and the Nyquist frequency.

    Args:
        signals: `(..., time)`, in any unit.
        gradients: of a score with respect to them, of the same shape.

    Returns:
        `(..., frequency)`, in units of the score for one unit of the Fourier amplitude.

    """
    spectrum = torch.fft.rfft(signals)  # (..., F)
    phases = torch.polar(torch.ones_like(spectrum.real), spectrum.angle())
    return _weights(signals) * (phases * torch.fft.rfft(gradients).conj()).real


def frequency_relevance(signals: Tensor, gradients: Tensor) -> Tensor:
    """Give each frequency's amplitude times its gradient: what it adds, were the score linear.

    Over all frequencies it sums to the input times the gradient, summed over time.

    Args:
        signals: `(..., time)`.
        gradients: of a score with respect to them, of the same shape.

    >>> x, g = torch.randn(2, 3, 9), torch.randn(2, 3, 9)
    >>> torch.allclose(frequency_relevance(x, g).sum(-1), (x * g).sum(-1), atol=1e-5)
    True

    """
    spectrum, other = torch.fft.rfft(signals), torch.fft.rfft(gradients)
    return _weights(signals) * (spectrum * other.conj()).real


def _weights(signals: Tensor) -> Tensor:
    """Say how often each frequency of a real signal counts, by its samples: `(F,)`."""
    samples = signals.shape[-1]
    weights = torch.full((samples // 2 + 1,), 2 / samples, dtype=signals.dtype)
    weights[0] = 1 / samples
    if samples % 2 == 0:
        weights[-1] = 1 / samples
    return weights.to(signals.device)
