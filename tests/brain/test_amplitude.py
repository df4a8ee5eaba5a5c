"""Amplitude gradients: against a slow twin, a sine, and braindecode's known fault."""

import numpy as np
import pytest
import torch
from torch import nn

from layerscope.brain.amplitude import amplitude_gradients, frequency_relevance


def by_autograd(net: nn.Module, signals: torch.Tensor) -> torch.Tensor:
    """Differentiate with respect to amplitudes, phases kept, one epoch at a time."""
    found = []
    for one in signals:
        spectrum = torch.fft.rfft(one)
        amplitude = spectrum.abs().requires_grad_()
        again = torch.fft.irfft(torch.polar(amplitude, spectrum.angle()), n=one.shape[-1])
        net(again[None]).sum().backward()
        found.append(amplitude.grad)
    return torch.stack(found)


def gradients(net: nn.Module, signals: torch.Tensor) -> torch.Tensor:
    leaf = signals.clone().requires_grad_()
    (found,) = torch.autograd.grad(net(leaf).sum(), leaf)
    return found


@pytest.mark.parametrize("samples", [32, 33])
def test_they_are_autograds_for_any_length(samples):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv1d(2, 3, 5), nn.Tanh(), nn.Flatten(), nn.LazyLinear(1))
    signals = torch.randn(4, 2, samples)
    net(signals)
    ours = amplitude_gradients(signals, gradients(net, signals))
    assert torch.allclose(ours, by_autograd(net, signals), atol=1e-6)
    weighed = frequency_relevance(signals, gradients(net, signals))
    assert torch.allclose(weighed, ours * torch.fft.rfft(signals).abs(), atol=1e-5)


def test_a_sine_weight_convolution_answers_in_exactly_its_own_bin():
    samples, cycles = 64, 7
    time = torch.arange(samples) / samples
    conv = nn.Conv1d(1, 1, samples, bias=False)
    signals = torch.randn(5, 1, samples, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        conv.weight[0, 0] = torch.sin(2 * torch.pi * cycles * time)
    ours = amplitude_gradients(signals, gradients(conv, signals))[:, 0].abs()
    assert (ours.argmax(1) == cycles).all()
    others = np.delete(ours.numpy(), cycles, axis=1)
    assert others.max() < 1e-5 * float(ours[:, cycles].min())


def test_a_batch_of_32_and_each_alone_agree():
    torch.manual_seed(1)
    net = nn.Sequential(nn.Conv1d(3, 4, 9), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))
    signals = torch.randn(32, 3, 50)
    net(signals)
    together = amplitude_gradients(signals, gradients(net, signals))
    alone = torch.cat([amplitude_gradients(x[None], gradients(net, x[None])) for x in signals])
    assert float((together - alone).abs().max()) <= 1e-5 * float(together.abs().max())
