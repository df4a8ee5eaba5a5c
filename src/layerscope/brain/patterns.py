"""Patterns beside filters: where a source lies, not what has to be weighed to hear it (Haufe)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from layerscope.brain.epochs import Epochs
from layerscope.errors import Refused
from layerscope.tape import Value
from layerscope.views import Scope, Trace

#: A unit's gradient may differ so much between epochs, as a share of its largest weight.
LINEAR = 1e-4


def haufe_patterns(signals: np.ndarray, filters: np.ndarray) -> np.ndarray:
    """Turn spatial filters into patterns: A = Cov(X) W Cov(S)^-1, with S = W^T X.

    A filter says how channels are weighed, also to cancel what is not wanted; the pattern says how
    strongly the source that is left shows in each channel (Haufe et al. 2014,
    doi:10.1016/j.neuroimage.2013.10.067). Filters that are linear combinations of one another, as
    more filters than channels always are, share by the pseudo-inverse; give these one by one.

    Args:
        signals: `(channel, sample)`.
        filters: `(channel, source)`.

    Returns:
        `(channel, source)`, in the signals' unit for one of the source's.

    >>> mixing = np.array([[1.0, 0.5], [0.2, 1.0]])
    >>> signals = mixing @ np.random.default_rng(0).normal(size=(2, 50000))
    >>> haufe_patterns(signals, np.linalg.inv(mixing).T).round(1).tolist()
    [[1.0, 0.5], [0.2, 1.0]]

    """
    centred = signals - signals.mean(axis=1, keepdims=True)
    sources = filters.T @ centred
    across = centred @ sources.T  # Cov(X) W, but for the count
    return across @ np.linalg.pinv(sources @ sources.T, rcond=1e-10, hermitian=True)


@dataclass(frozen=True, eq=False)
class LinearUnits:
    """What each unit of a linear layer weighs: its filter over channels and time.

    Attributes:
        layer: its name.
        filters: `(unit, channel, lag)`: weights of the input, in the input's order of time.
        first: where lag 0 lies, in samples from the position that answers.

    """

    layer: str
    filters: np.ndarray
    first: int

    def of(self, units: np.ndarray) -> "LinearUnits":
        """Take some units."""
        return LinearUnits(self.layer, self.filters[units], self.first)


def linear_units(scope: Scope, epochs: Epochs, layer: str) -> LinearUnits:
    """Give the filters of a layer before which nothing but linear operations stands.

    A unit's filter is the gradient of its answer in the middle of the epoch, before a rectifier;
    it is the same in every epoch, or the layer is refused. Temporal and spatial convolutions, norms
    and what lies between them are joined.

    Raises:
        Refused: the layer's answer is not linear in the input, or has no time axis.

    """
    trace = scope.trace(epochs.signals[: min(2, len(epochs))])
    value = trace.value(trace.layer_names([layer])[0], raw=True)
    answers = value.tensor  # (B, unit, ..., time)
    if answers.dim() < 3:
        raise Refused(f"layer {layer!r} has no time axis: its units have no filter over time")
    gradients = _middle_gradients(trace, value)  # (unit, B, channel, time)
    scale = float(gradients.abs().max()) or 1.0
    if len(gradients[0]) > 1:
        apart = float((gradients[:, 0] - gradients[:, 1]).abs().max())
        if apart > LINEAR * scale:
            raise Refused(
                f"layer {layer!r} is not linear in the input (its units' gradients differ by "
                f"{apart / scale:.1%} between two epochs): filters and patterns are read at the "
                "layers in front"
            )
    seen = torch.nonzero(gradients.abs().amax((0, 1, 2)) > 0).flatten()
    if not len(seen):
        raise Refused(f"layer {layer!r}: no unit answers to the input")
    low, high = int(seen[0]), int(seen[-1]) + 1
    middle = _looks_at(trace, answers.shape[-1])
    return LinearUnits(layer, gradients[:, 0, :, low:high].cpu().numpy(), low - middle)


def spatial_filters(units: LinearUnits) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Split each unit's filter into space and time, as well as one product can.

    The first singular vectors of `(channel, lag)`: the spatial filter has length 1 and a positive
    largest weight.

    Returns:
        Spatial filters `(unit, channel)`, temporal filters `(unit, lag)`, and the share of each
        filter's squared weights that their product holds, `(unit,)`.

    """
    left, sizes, right = np.linalg.svd(units.filters.astype(np.float64), full_matrices=False)
    space, time = left[:, :, 0], sizes[:, :1] * right[:, 0]
    largest = np.take_along_axis(space, np.abs(space).argmax(1)[:, None], 1)
    sign = np.where(largest < 0, -1.0, 1.0)
    total = np.maximum((sizes**2).sum(axis=1), 1e-300)
    return space * sign, time * sign, sizes[:, 0] ** 2 / total


def unit_patterns(epochs: Epochs, units: LinearUnits) -> np.ndarray:
    """Give the pattern of each unit's spatial filter, in the signals that its temporal one passes.

    Each unit is taken alone, as networks have more units than recordings have channels: its
    pattern is the covariance of every channel, filtered in time as the unit does, with the unit's
    answer, over the answer's variance.

    Returns:
        `(unit, channel)`.

    """
    space, time, _ = spatial_filters(units)
    signals = epochs.signals.double()
    samples = signals.shape[-1]
    spectrum = torch.fft.rfft(signals, n=2 * samples)
    found = []
    for weights, lags in zip(space, time, strict=True):
        kernel = torch.fft.rfft(torch.from_numpy(lags[::-1].copy()), n=2 * samples)
        passed = torch.fft.irfft(spectrum * kernel, n=2 * samples)[..., len(lags) - 1 : samples]
        flat = passed.transpose(0, 1).flatten(1).numpy()  # (channel, samples of all epochs)
        found.append(haufe_patterns(flat, weights[:, None])[:, 0])
    return np.stack(found)


def _middle_gradients(trace: Trace, value: Value) -> Tensor:
    """Give the gradient of each unit's answer in the middle, `(unit, B, channel, time)`."""
    answers = value.tensor
    space = tuple(answers.shape[2:])
    middle = int(np.ravel_multi_index([size // 2 for size in space], space))
    at_once = trace.seeds_within_budget(value)
    found: list[Tensor] = []
    for start in range(0, answers.shape[1], at_once):
        some = range(start, min(start + at_once, answers.shape[1]))
        seeds = torch.zeros(len(some), *answers.shape, dtype=answers.dtype)
        for place, unit in enumerate(some):
            seeds[place, :, unit].flatten(1)[:, middle] = 1
        found += trace.propagate(seeds.to(answers.device), value, [trace.tape.input])
    return torch.cat(found)


def _looks_at(trace: Trace, positions: int) -> int:
    """Give the sample that the middle position of a map of stride 1 looks at."""
    samples = trace.tape.input.tensor.shape[-1]
    return positions // 2 + (samples - positions) // 2


def first_linear_layers(
    scope: Scope, epochs: Epochs, layers: str | Sequence[str]
) -> dict[str, LinearUnits]:
    """Give the filters of those of some layers that are linear in the input and see all channels.

    Layers whose units see one channel each (a temporal convolution of channel by time) have no
    spatial filter of their own.
    """
    found = {}
    trace = scope.trace(epochs.signals[:1])
    names = trace.layer_names(layers)
    trace.tape.release()
    for layer in names:
        try:
            units = linear_units(scope, epochs, layer)
        except Refused:
            continue
        if (np.abs(units.filters).max(axis=2) > 0).sum(axis=1).max() > 1:
            found[layer] = units
    return found
