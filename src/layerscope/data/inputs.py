"""What a network takes: the kind, shape and units of its input."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from layerscope.errors import LayerscopeError

if TYPE_CHECKING:
    import torch

KINDS = ("photo", "waveform", "recording")
"""Axes of a batch: "batch channel y x" for photo, "batch channel time" for the others."""

_LEGAL = {"photo": (0.0, 1.0), "waveform": (-1.0, 1.0), "recording": (float("-inf"), float("inf"))}


@dataclass(frozen=True)
class InputSpec:
    """Describe a network's input: kind, shape without the batch, mean and std per channel.

    Mean and std are in units where pixels are 0..1 and waveforms -1..1; a recording has its own.

    >>> spec = InputSpec("photo", (1, 28, 28), mean=(0.5,), std=(0.25,))
    >>> InputSpec.from_dict(spec.as_dict()) == spec
    True
    """

    kind: str
    shape: tuple[int, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise LayerscopeError(f'kind = "{self.kind}": one of {", ".join(KINDS)}')
        axes = 3 if self.kind == "photo" else 2
        if len(self.shape) != axes or min(self.shape) < 1:
            wanted = "channel y x" if axes == 3 else "channel time"
            raise LayerscopeError(f'shape = {self.shape}: a {self.kind} has sizes for "{wanted}"')
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) != self.shape[0]:
                raise LayerscopeError(
                    f"{name} has {len(values)} values: one for each of {self.shape[0]} channels"
                )
            if not all(map(math.isfinite, values)):
                raise LayerscopeError(f"{name} = {values}: every channel's must be a finite number")
        if min(self.std) <= 0:
            raise LayerscopeError(f"std = {self.std}: every channel's must be above 0")

    def to_model(self, pixels: "torch.Tensor") -> "torch.Tensor":
        """Put a batch into the model's units: float32 (x - mean) / std, memory format kept.

        uint8 pixels 0..255 are read as 0..1; floating values are taken as they are.

        >>> import torch
        >>> spec = InputSpec("photo", (1, 1, 2), mean=(0.5,), std=(0.25,))
        >>> spec.to_model(torch.tensor([[[[0, 255]]]], dtype=torch.uint8))
        tensor([[[[-2.,  2.]]]])
        """
        import torch

        unit = 255.0 if pixels.dtype == torch.uint8 else 1.0
        values = pixels.to(torch.float32, copy=True)
        mean = self._per_channel(self.mean, values.device)
        std = self._per_channel(self.std, values.device)
        return values.sub_(mean * unit).div_(std * unit)

    @property
    def bounds(self) -> "tuple[torch.Tensor, torch.Tensor]":
        """The lowest and highest legal input in the model's units, each float32 (C, 1, 1).

        (C, 1) for a waveform or recording; a recording has no bounds (-inf, inf).

        >>> low, high = InputSpec("photo", (1, 28, 28), mean=(0.5,), std=(0.25,)).bounds
        >>> low.item(), high.item()
        (-2.0, 2.0)
        """
        import torch

        mean = self._per_channel(self.mean, torch.device("cpu"))
        std = self._per_channel(self.std, torch.device("cpu"))
        low, high = _LEGAL[self.kind]
        return (low - mean) / std, (high - mean) / std

    def as_dict(self) -> dict[str, Any]:
        """Give the description as JSON takes it."""
        return {
            "kind": self.kind,
            "shape": list(self.shape),
            "mean": list(self.mean),
            "std": list(self.std),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "InputSpec":
        """Read what `as_dict` gave."""
        return cls(
            kind=document["kind"],
            shape=tuple(document["shape"]),
            mean=tuple(document["mean"]),
            std=tuple(document["std"]),
        )

    def _per_channel(self, values: tuple[float, ...], device: "torch.device") -> "torch.Tensor":
        """Shape one value a channel so that it meets a batch: (C, 1, 1) or (C, 1)."""
        import torch

        ones = [1] * (len(self.shape) - 1)
        return torch.tensor(values, dtype=torch.float32, device=device).view(-1, *ones)
