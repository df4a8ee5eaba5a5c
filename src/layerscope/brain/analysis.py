"""What one network uses of a set of epochs: bands, moments and channels, each with its null."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from layerscope.brain.bands import Band
from layerscope.brain.contrasts import Contrast, class_contrast, layer_contrast
from layerscope.brain.contributions import Contributions, contributions
from layerscope.brain.epochs import Epochs
from layerscope.brain.moments import Moments, event_related
from layerscope.brain.nulls import Chance, chance, corrected_p
from layerscope.brain.swapping import Swapped, logits_of, swap_band
from layerscope.views import Scope


@dataclass(frozen=True)
class Asked:
    """What is asked of a network, and how thoroughly.

    Attributes:
        bands: that are swapped and contrasted.
        fine: narrow bands for the curve over frequency.
        layers: as `Trace.layer_names` takes them.
        windows: seconds, `(window, 2)`.
        times: seconds of each sample, `(time,)`.
        training_labels: of the examples that the network was trained on.

    """

    bands: tuple[Band, ...]
    fine: tuple[Band, ...]
    layers: str | tuple[str, ...]
    windows: np.ndarray
    times: np.ndarray
    training_labels: np.ndarray
    units: int = 16
    epochs: int = 100
    draws: int = 100
    permutations: int = 1000
    alpha: float = 0.05
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Analysis:
    """What was found of one network.

    Attributes:
        band_list, fine_list: as asked.
        chance: whether it tells the classes apart.
        swaps: one a band.
        corrected: the swaps' p values, corrected for all bands, `(band,)`.
        layer_names: the layers of what follows.
        bands: what passes through each layer, `(layer, band)`.
        fine: the same over frequency, `(layer, fine band)`.
        channels: what passes in all, by the input's channels, `(channel, band)`; signed.
        moments: relevance over time and channels.
        units: the strongest units of each layer.

    """

    band_list: tuple[Band, ...]
    fine_list: tuple[Band, ...]
    chance: Chance
    swaps: tuple[Swapped, ...]
    corrected: np.ndarray
    layer_names: tuple[str, ...]
    bands: Contrast
    fine: Contrast
    channels: Contrast
    moments: Moments
    units: dict[str, np.ndarray]


def analyse(scope: Scope, epochs: Epochs, asked: Asked) -> Analysis:
    """Ask one network everything, on epochs that it was not trained on."""
    told = logits_of(scope, epochs.signals).argmax(axis=1)
    level = chance(
        *(epochs.labels, told, epochs.groups, asked.training_labels),
        permutations=max(asked.permutations, 2000),
        seed=asked.seed,
        alpha=asked.alpha,
    )
    swaps = tuple(
        swap_band(
            *(scope, epochs, band, asked.layers),
            draws=asked.draws,
            permutations=asked.permutations,
            seed=asked.seed,
        )
        for band in asked.bands
    )
    some = epochs.some(asked.epochs, asked.seed)
    both = (*asked.bands, *asked.fine)
    found = contributions(scope, some, both, asked.layers, units=asked.units)
    count = len(asked.bands)
    return Analysis(
        band_list=asked.bands,
        fine_list=asked.fine,
        chance=level,
        swaps=swaps,
        corrected=_corrected(swaps),
        layer_names=tuple(found.layers),
        bands=_layers(found, some, asked, slice(count)),
        fine=_layers(found, some, asked, slice(count, None)),
        channels=_channels(found, some, asked, slice(count)),
        moments=_moments(found, some, asked),
        units=found.units,
    )


def _corrected(swaps: Sequence[Swapped]) -> np.ndarray:
    values = np.array([swap.pull for swap in swaps])
    return corrected_p(values, np.stack([swap.null for swap in swaps], axis=1))


def _layers(found: Contributions, epochs: Epochs, asked: Asked, some: slice) -> Contrast:
    values = {layer: each[..., some] for layer, each in found.layers.items()}
    given = {"permutations": asked.permutations, "seed": asked.seed}
    return layer_contrast(values, epochs.labels, epochs.groups, **given)


def _channels(found: Contributions, epochs: Epochs, asked: Asked, some: slice) -> Contrast:
    values, null = class_contrast(
        *(found.channels[..., some], epochs.labels, epochs.groups),
        permutations=asked.permutations,
        seed=asked.seed,
    )
    return Contrast.of(values, null)


def _moments(found: Contributions, epochs: Epochs, asked: Asked) -> Moments:
    return event_related(
        *(found.relevance, epochs, asked.windows, asked.times),
        permutations=asked.permutations,
        seed=asked.seed,
    )
