"""Signals with a known answer, and small networks trained on them in a second."""

import numpy as np
import torch
from torch import Tensor, nn

SFREQ = 128.0
CHANNELS = ("TP9", "AF7", "AF8", "TP10")


def noise(count: int, samples: int = 128, seed: int = 0) -> np.ndarray:
    """Make noise whose power falls with frequency: float32 (epoch, 4, samples)."""
    random = np.random.default_rng(seed)
    spectrum = np.fft.rfft(random.normal(size=(count, 4, samples)))
    spectrum /= np.sqrt(np.maximum(np.arange(spectrum.shape[-1]), 1))
    signals = np.fft.irfft(spectrum, n=samples)
    return (signals / signals.std()).astype(np.float32)


def tone(count: int, hertz: float, size: float, samples: int, seed: int = 0) -> np.ndarray:
    """Make a tone of random phase, alike in all channels: float32 (epoch, 4, samples)."""
    phase = np.random.default_rng(seed + 1).uniform(0, 2 * np.pi, (count, 1, 1))
    time = np.arange(samples) / SFREQ
    return np.tile(size * np.sin(2 * np.pi * hertz * time + phase), (1, 4, 1)).astype(np.float32)


def small_net(classes: int = 2, seed: int = 0) -> nn.Sequential:
    """Make two convolutions with means of their answers: it can tell powers apart."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv1d(4, 8, 17, padding=8),
            nn.ReLU(),
            nn.MaxPool1d(2),
            nn.Conv1d(8, 12, 9, padding=4),
            nn.ReLU(),
            nn.AdaptiveAvgPool1d(1),
            nn.Flatten(),
            nn.Linear(12, classes),
        )


def fit(net: nn.Module, signals: Tensor, labels: np.ndarray, steps: int = 80) -> nn.Module:
    """Train for some steps; the state of torch's generator is not touched."""
    random = np.random.default_rng(0)
    optimizer = torch.optim.AdamW(net.parameters(), lr=5e-3)
    wanted = torch.from_numpy(labels)
    for _ in range(steps):
        some = random.integers(0, len(labels), 64)
        loss = nn.functional.cross_entropy(net(signals[some]), wanted[some])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net.eval()
