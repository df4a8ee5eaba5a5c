"""What is compared: the layers of a network and of its untrained twin, pixels and categories."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from layerscope.brain.gram import Gram, gram
from layerscope.brain.layers import default_layers, layer_grams
from layerscope.brain.network import Network
from layerscope.brain.rdm import category_rdm, rdm
from layerscope.brain.stimuli import Stimuli
from layerscope.errors import LayerscopeError, Refused
from layerscope.views import Scope


@dataclass(frozen=True, eq=False)
class Layers:
    """A network's layers and those of its untrained twin, each by its Gram matrix and its RDM.

    `refused` says of each layer that was left out why it was.
    """

    name: str
    grams: dict[str, Gram]
    twins: dict[str, Gram]
    rdms: dict[str, np.ndarray]
    twin_rdms: dict[str, np.ndarray]
    refused: dict[str, str]


def measure_layers(
    network: Network,
    stimuli: Stimuli,
    wanted: str | Sequence[str] | None,
    distance: str,
) -> Layers:
    """Show the stimuli to a network and to its untrained twin.

    A layer of which there is no RDM (it answers a stimulus with a constant) is left out.

    Raises:
        LayerscopeError: no layer is left.

    """
    shape, show = network.spec.shape, stimuli.shown_to(network.spec)
    scope = network.scope
    names = default_layers(scope, shape) if wanted is None else scope.layers(wanted, shape)
    twin = Scope(network.twin(), mean=scope.mean, std=scope.std, output=scope.output)
    grams = layer_grams(scope, show, len(stimuli), names)
    twins = layer_grams(twin, show, len(stimuli), names)
    rdms, twin_rdms, refused = {}, {}, {}
    for name in names:
        try:
            rdms[name] = rdm(grams[name], distance)
        except Refused as reason:
            refused[name] = str(reason)
            continue
        try:
            twin_rdms[name] = rdm(twins[name], distance)
        except Refused as reason:
            refused[name] = f"of the untrained twin: {reason}"
            del rdms[name]
    if not rdms:
        told = "; ".join(f"{name}: {reason}" for name, reason in list(refused.items())[:2])
        raise LayerscopeError(f"no layer of {network.name} can be compared: {told}")
    kept, kept_twins = ({name: each[name] for name in rdms} for each in (grams, twins))
    return Layers(network.name, kept, kept_twins, rdms, twin_rdms, refused)


@dataclass(frozen=True, eq=False)
class References:
    """What stands beside the layers: the pixels, and category models by their columns."""

    pixels: np.ndarray
    pixels_gram: Gram
    categories: dict[str, np.ndarray]


def measure_references(
    stimuli: Stimuli, categories: dict[str, tuple[str, ...]], distance: str
) -> References:
    """Compute the RDMs of pixels and of category models.

    Raises:
        LayerscopeError: a column of one category only.

    """
    pixels = gram(stimuli.pixels())
    models = {}
    for name, labels in categories.items():
        try:
            models[name] = category_rdm(labels)
        except Refused as refusal:
            raise LayerscopeError(f"category = {name!r}: {refusal}") from None
    return References(rdm(pixels, distance), pixels, models)
