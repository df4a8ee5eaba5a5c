"""The log-mel front end: a waveform as a picture of mel bands over time."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from layerscope.errors import LayerscopeError

if TYPE_CHECKING:
    import torch

FLOOR = 1e-10
"""Power below which a band counts as silent: -100 dB."""


@dataclass(frozen=True)
class LogMel:
    """Describe the front end, in samples at `sfreq` and Hz.

    Frames of `n_fft` samples every `hop`, centred on samples 0, hop, 2 hop, ... of the waveform,
    which is continued by zeros; each under a periodic Hann window of `window` samples. Their power,
    in units where a full-scale sine has 1/4 (-6 dB), is summed under `mels` triangles of height 1
    whose corners are equally spaced on the HTK mel scale, 2595 log10(1 + f / 700), from `fmin` to
    `fmax`; then decibels, not below -100.

    >>> front = LogMel(sfreq=16000, window=400, hop=160, n_fft=512, mels=64, fmin=20, fmax=8000)
    >>> front.shape(16000)
    (1, 64, 101)
    """

    sfreq: float
    window: int
    hop: int
    n_fft: int
    mels: int
    fmin: float
    fmax: float

    def __post_init__(self) -> None:
        empty = np.flatnonzero(filters(self).sum(axis=1) == 0)
        if len(empty):
            raise LayerscopeError(
                f"log_mel: {self.mels} mel bands are too narrow for frames of {self.n_fft} samples "
                f"at {self.sfreq:g} Hz: {len(empty)} hold no frequency of the transform; take "
                "fewer mels, a larger n_fft, or a higher fmin"
            )

    def shape(self, samples: int) -> tuple[int, int, int]:
        """Give the sizes "channel mel frame" for a waveform of so many samples."""
        return (1, self.mels, 1 + samples // self.hop)

    def __call__(self, waves: "torch.Tensor") -> "torch.Tensor":
        """Turn float32 "batch 1 time" into decibels float32 "batch 1 mel frame".

        >>> import torch
        >>> front = LogMel(8000, 200, 80, 256, 20, 0.0, 4000.0)
        >>> front(torch.zeros(2, 1, 800)).unique().tolist()
        [-100.0]
        """
        import torch

        window = torch.hann_window(self.window, device=waves.device)
        spectrum = torch.stft(
            waves[:, 0],
            self.n_fft,
            self.hop,
            self.window,
            window / window.sum(),
            center=True,
            pad_mode="constant",
            return_complex=True,
        )  # (B, n_fft / 2 + 1, frame)
        power = spectrum.real.square() + spectrum.imag.square()
        bands = torch.from_numpy(filters(self)).to(waves.device) @ power  # (B, mel, frame)
        return bands.clamp_(min=FLOOR).log10_().mul_(10).unsqueeze(1)

    def limits(self, peak: float) -> tuple[float, float]:
        """Give the least and the most decibels that waves within plus and minus `peak` may have."""
        most = float(filters(self).sum(axis=1).max()) * max(peak, 1e-5) ** 2
        return 10 * math.log10(FLOOR), 10 * math.log10(most)

    @property
    def centres(self) -> np.ndarray:
        """The middle of each mel band in Hz, float64 (mel,)."""
        return _corners(self)[1:-1]

    def as_dict(self) -> dict[str, Any]:
        """Give the description as JSON takes it."""
        return {"name": "log_mel", **asdict(self)}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "LogMel":
        """Read what `as_dict` gave."""
        return cls(**{key: value for key, value in document.items() if key != "name"})


def to_mel(hertz: np.ndarray | float) -> np.ndarray:
    """Give HTK mels of frequencies in Hz.

    >>> round(float(to_mel(1000.0)), 2)
    999.99
    """
    return 2595 * np.log10(1 + np.asarray(hertz, np.float64) / 700)


def from_mel(mels: np.ndarray | float) -> np.ndarray:
    """Give the frequencies in Hz of HTK mels."""
    return 700 * (10 ** (np.asarray(mels, np.float64) / 2595) - 1)


def _corners(front: LogMel) -> np.ndarray:
    ends = to_mel(np.array([front.fmin, front.fmax]))
    return from_mel(np.linspace(ends[0], ends[1], front.mels + 2))


@lru_cache(maxsize=8)
def filters(front: LogMel) -> np.ndarray:
    """Give the triangles float32 (mel, frequency), each of height 1 at its centre.

    >>> front = LogMel(16000, 400, 160, 512, 40, 0.0, 8000.0)
    >>> filters(front).shape
    (40, 257)
    """
    corners = _corners(front)[:, None]  # (mel + 2, 1)
    hertz = np.arange(front.n_fft // 2 + 1) * (front.sfreq / front.n_fft)
    rising = (hertz - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - hertz) / (corners[2:] - corners[1:-1])
    return np.clip(np.minimum(rising, falling), 0, None).astype(np.float32)
