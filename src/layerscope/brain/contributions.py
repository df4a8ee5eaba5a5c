"""What each frequency adds to what tells the classes apart, through each layer's units."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from layerscope.brain.amplitude import frequency_relevance
from layerscope.brain.bands import Band, masks
from layerscope.brain.epochs import Epochs
from layerscope.errors import LayerscopeError
from layerscope.progress import bar
from layerscope.tape import Value
from layerscope.views import Scope, Trace
from layerscope.views.aims import Aim

#: Epochs traced together, at most.
TOGETHER = 32


@dataclass(frozen=True, eq=False)
class Contributions:
    """What bands add to each class's margin, epoch by epoch: amplitude gradient times amplitude.

    The margin of a class is its logit less the mean of the others. Everything is divided by the
    margin's standard deviation over the epochs, so that networks can be compared.

    Attributes:
        bands: what is told apart.
        layers: `{layer: (class, N, unit, band)}`: what passes through each of its strongest
            units, and last through all others together; over the units it sums to the whole.
        units: `{layer: (unit,)}`, their numbers; -1 are the others.
        channels: `(class, N, channel, band)`: the whole, by the input's channels.
        relevance: `(class, N, channel, time)`: the input times the margin's gradient.

    """

    bands: tuple[Band, ...]
    layers: dict[str, np.ndarray]
    units: dict[str, np.ndarray]
    channels: np.ndarray
    relevance: np.ndarray


def contributions(
    scope: Scope,
    epochs: Epochs,
    bands: Sequence[Band],
    layers: str | Sequence[str] = "conv",
    *,
    units: int = 16,
) -> Contributions:
    """Compute what bands add to the classes' margins through each layer.

    The margin's gradient at a layer is cut into its units, and each part is carried down to the
    input, where it meets the amplitudes (`frequency_relevance`). Each epoch on its own: batches do
    not matter.

    Args:
        scope: with `sfreq`.
        epochs: what is shown.
        bands: what is told apart; they may overlap.
        layers: as `Trace.layer_names` takes them; layers behind a flattening have their features
            as units.
        units: of a layer, so many are followed one by one: those through which most of the
            margin passes, over all epochs and classes.

    """
    sfreq = known_sfreq(scope)
    held = torch.from_numpy(masks(bands, epochs.signals.shape[-1], sfreq)).float()  # (band, F)
    chosen = strongest_units(scope, epochs, layers, units)
    parts = []
    with bar("bands: amplitude gradients", len(epochs), "epochs") as step:
        for part in epochs.parts(TOGETHER):
            trace = scope.trace(epochs.signals[part])
            parts.append(_of_some(trace, chosen, held))
            trace.tape.release()
            step(len(part))
    spread = torch.cat([part.margins for part in parts], dim=1).std(dim=1).clamp(min=1e-30)
    spread = spread.reshape(-1, 1, 1, 1)

    def joined(tensors: list[Tensor]) -> np.ndarray:
        return (torch.cat(tensors, dim=1) / spread).numpy()

    return Contributions(
        bands=tuple(bands),
        layers={layer: joined([part.layers[layer] for part in parts]) for layer in chosen},
        units=chosen,
        channels=joined([part.channels for part in parts]),
        relevance=joined([part.relevance for part in parts]),
    )


@dataclass(frozen=True, eq=False)
class _Part:
    """What some epochs gave; all begin with the axes class and epoch."""

    margins: Tensor
    layers: dict[str, Tensor]
    channels: Tensor
    relevance: Tensor


def _of_some(trace: Trace, chosen: dict[str, np.ndarray], held: Tensor) -> _Part:
    """Compute the contributions of the epochs of one trace."""
    signals = trace.tape.input.tensor
    held = held.to(signals.device, signals.dtype)
    count = trace.logits.shape[1]
    aims = [margin(trace, number) for number in range(count if count > 2 else 1)]
    whole = _each([trace.gradients(a, [trace.tape.input])[0] for a in aims])
    layers = {}
    for layer, units in chosen.items():
        value = trace.value(layer)
        layers[layer] = _each([_through(trace, a, value, units, held) for a in aims]).cpu()
    return _Part(
        _each([aim.score(trace.logits) for aim in aims]).cpu(),
        layers,
        (frequency_relevance(signals, whole) @ held.T).cpu(),
        (signals * whole).cpu(),
    )


def _each(of_classes: list[Tensor]) -> Tensor:
    """Stack what is of each class; of two classes the second has the first's negative."""
    return torch.stack(of_classes if len(of_classes) > 1 else [of_classes[0], -of_classes[0]])


def known_sfreq(scope: Scope) -> float:
    """Give the scope's sampling frequency in Hz, or refuse."""
    if scope.sfreq is None:
        raise LayerscopeError("frequencies need the scope's sampling frequency: Scope(sfreq=...)")
    return float(scope.sfreq)


def margin(trace: Trace, number: int) -> Aim:
    """Aim at the margin of a class: its logit less the mean of the others."""
    logits = trace.logits
    count = logits.shape[1]
    seed = torch.full_like(logits, -1 / max(1, count - 1))
    seed[:, number] = 1
    names = trace.scope.classes
    name = names[number] if names else f"class {number}"
    return Aim(trace.output, seed, (f"margin of {name}",) * len(logits))


def strongest_units(
    scope: Scope, epochs: Epochs, layers: str | Sequence[str], units: int
) -> dict[str, np.ndarray]:
    """Find the units of each layer through which most of the margins passes; -1 for the rest.

    Their strength is the mean, over epochs and classes, of the absolute activation times
    gradient, summed over the map.
    """
    strength: dict[str, Tensor] = {}
    for part in epochs.parts(TOGETHER):
        trace = scope.trace(epochs.signals[part])
        places = {layer: trace.value(layer) for layer in trace.layer_names(layers)}
        before = {n: v for n, v in places.items() if v.index <= trace.output.index}
        for number in range(trace.logits.shape[1]):
            gradients = trace.gradients(margin(trace, number), list(before.values()))
            for (layer, value), gradient in zip(before.items(), gradients, strict=True):
                passed = value.tensor * gradient  # (B, unit, ...)
                passed = passed.flatten(2).sum(2) if passed.dim() > 2 else passed
                strength[layer] = strength.get(layer, 0) + passed.abs().sum(0).cpu()
        trace.tape.release()
    found = {}
    for layer, each in strength.items():
        order = each.argsort(descending=True, stable=True)[:units].numpy()
        found[layer] = np.append(order, -1) if len(order) < len(each) else order
    return found


def _through(trace: Trace, aim: Aim, value: Value, units: np.ndarray, held: Tensor) -> Tensor:
    """Carry each unit's part of a margin's gradient down: `(B, unit, band)`."""
    (gradient,) = trace.gradients(aim, [value])
    signals, found = trace.tape.input.tensor, []
    at_once = trace.seeds_within_budget(value)
    named = units[units >= 0]
    for start in range(0, len(units), at_once):
        some = units[start : start + at_once]
        seeds = gradient.new_zeros((len(some), *gradient.shape))
        for place, unit in enumerate(some):
            if unit >= 0:
                seeds[place, :, unit] = gradient[:, unit]
            else:
                seeds[place] = gradient
                seeds[place, :, torch.from_numpy(named)] = 0
        (carried,) = trace.propagate(seeds, value, [trace.tape.input])  # (seed, B, channel, time)
        bands = frequency_relevance(signals, carried) @ held.T  # (seed, B, channel, band)
        found.append(bands.sum(2))
    return torch.cat(found).transpose(0, 1)
