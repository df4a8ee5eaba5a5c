"""What a network takes: the kind, shape and units of its input."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from layerscope.data.waveforms.log_mel import LogMel
from layerscope.errors import LayerscopeError

if TYPE_CHECKING:
    import torch

KINDS = ("photo", "waveform", "recording")
"""Axes of a batch: "batch channel y x" for photo, "batch channel time" for the others."""

_AXES = {
    "photo": "channel y x",
    "waveform": "channel time",
    "log_mel": "channel mel frame",
    "recording": "channel time",
}
_FULL = {"torch.uint8": 255.0, "torch.int16": 32768.0}
"""What full scale is in a stored type."""

_LEGAL = {"photo": (0.0, 1.0), "waveform": (-1.0, 1.0), "recording": (float("-inf"), float("inf"))}


@dataclass(frozen=True)
class InputSpec:
    """Describe a network's input: kind, shape without the batch, mean and std per channel.

    Mean and std are in units where pixels are 0..1 and waveforms -1..1 (`scale` "fixed") or of RMS
    1 ("rms": each clip divided by its own RMS); a recording has its own, which `unit` names. With a
    `front` end a waveform of `samples` is shown as decibels "channel mel frame". `sfreq` is in Hz,
    of the waveform or recording itself; `channels` are a recording's names, whose first sample lies
    `tmin` seconds from its event. `peak` is the highest absolute value of the
    clips trained on, scaled by "rms".

    >>> spec = InputSpec("photo", (1, 28, 28), mean=(0.5,), std=(0.25,))
    >>> InputSpec.from_dict(spec.as_dict()) == spec
    True
    """

    kind: str
    shape: tuple[int, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    sfreq: float | None = None
    channels: tuple[str, ...] = ()
    unit: str = ""
    scale: Literal["fixed", "rms"] = "fixed"
    front: LogMel | None = None
    samples: int | None = None
    tmin: float = 0.0
    peak: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise LayerscopeError(f'kind = "{self.kind}": one of {", ".join(KINDS)}')
        self._check_sound()
        wanted = _AXES["log_mel" if self.front else self.kind]
        if len(self.shape) != len(wanted.split()) or min(self.shape) < 1:
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

    def _check_sound(self) -> None:
        """Refuse what only sounds or recordings have where it makes no sense."""
        if self.kind != "waveform" and (self.front or self.scale != "fixed"):
            raise LayerscopeError(f'front and scale = "rms" are for waveforms, not a {self.kind}')
        if self.scale not in ("fixed", "rms"):
            raise LayerscopeError(f'scale = "{self.scale}": "fixed" or "rms"')
        if self.front and not self.samples:
            raise LayerscopeError("front: the input needs samples, the waveform's length")
        if self.channels and len(self.channels) != self.shape[0]:
            raise LayerscopeError(
                f"{len(self.channels)} channel names for the {self.shape[0]} channels of the input"
            )

    def to_model(self, stored: "torch.Tensor") -> "torch.Tensor":
        """Put a batch into the model's units: float32 (x - mean) / std, memory format kept.

        uint8 pixels 0..255 are read as 0..1, int16 samples as -1..1; floating values are taken as
        they are. Scaled by "rms" a silent clip stays 0. A front end is run before mean and std.

        >>> import torch
        >>> spec = InputSpec("photo", (1, 1, 2), mean=(0.5,), std=(0.25,))
        >>> spec.to_model(torch.tensor([[[[0, 255]]]], dtype=torch.uint8))
        tensor([[[[-2.,  2.]]]])
        """
        import torch

        unit = _FULL.get(str(stored.dtype), 1.0)
        values = stored.to(torch.float32, copy=True)
        if self.kind == "waveform":
            values, unit = self._heard(values.div_(unit)), 1.0
        mean = self._per_channel(self.mean, values.device)
        std = self._per_channel(self.std, values.device)
        return values.sub_(mean * unit).div_(std * unit)

    def _heard(self, waves: "torch.Tensor") -> "torch.Tensor":
        """Scale float32 "batch channel time" of -1..1 in place and run the front end, if any."""
        if self.scale == "rms":
            rms = waves.square().mean(dim=(1, 2), keepdim=True).sqrt_()  # (B, 1, 1)
            waves.div_(rms.masked_fill_(rms == 0, 1.0))
        return self.front(waves) if self.front else waves

    @property
    def rate(self) -> float | None:
        """Positions a second along the input's time axis, in Hz: samples, or a front's frames."""
        return self.sfreq / self.front.hop if self.front and self.sfreq else self.sfreq

    @property
    def bounds(self) -> "tuple[torch.Tensor, torch.Tensor]":
        """The lowest and highest legal input in the model's units, each float32 (C, 1, 1).

        (C, 1) for a waveform or recording; a recording has no bounds (-inf, inf). A clip scaled by
        "rms" lies within its `peak`, or within the square root of its samples, as a click does.

        >>> low, high = InputSpec("photo", (1, 28, 28), mean=(0.5,), std=(0.25,)).bounds
        >>> low.item(), high.item()
        (-2.0, 2.0)
        """
        import torch

        mean = self._per_channel(self.mean, torch.device("cpu"))
        std = self._per_channel(self.std, torch.device("cpu"))
        low, high = _LEGAL[self.kind]
        if self.scale == "rms":
            high = self.peak or math.sqrt(self.samples or self.shape[-1])
            low = -high
        if self.front:
            low, high = self.front.limits(high)
        return (low - mean) / std, (high - mean) / std

    def as_dict(self) -> dict[str, Any]:
        """Give the description as JSON takes it."""
        document: dict[str, Any] = {
            "kind": self.kind,
            "shape": list(self.shape),
            "mean": list(self.mean),
            "std": list(self.std),
        }
        if self.channels:
            document["channels"] = list(self.channels)
        if self.front:
            document["front"] = self.front.as_dict()
        given = {name: getattr(self, name) for name in ("sfreq", "unit", "samples", "tmin", "peak")}
        document |= {name: value for name, value in given.items() if value}
        return document | ({"scale": self.scale} if self.scale != "fixed" else {})

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "InputSpec":
        """Read what `as_dict` gave."""
        return cls(
            kind=document["kind"],
            shape=tuple(document["shape"]),
            mean=tuple(document["mean"]),
            std=tuple(document["std"]),
            sfreq=document.get("sfreq"),
            channels=tuple(document.get("channels", ())),
            unit=document.get("unit", ""),
            scale=document.get("scale", "fixed"),
            front=LogMel.from_dict(document["front"]) if document.get("front") else None,
            samples=document.get("samples"),
            peak=document.get("peak"),
            tmin=document.get("tmin", 0.0),
        )

    def _per_channel(self, values: tuple[float, ...], device: "torch.device") -> "torch.Tensor":
        """Shape one value a channel so that it meets a batch: (C, 1, 1) or (C, 1)."""
        import torch

        ones = [1] * (len(self.shape) - 1)
        return torch.tensor(values, dtype=torch.float32, device=device).view(-1, *ones)
