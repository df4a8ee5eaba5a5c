"""What the battery needs to know of each method: one entry for every name in the registry.

A family of methods keeps its entries in a file of this folder, in a list named `ENTRIES`.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor, nn

#: `(net, images, layer, options) -> values` of the view of one layer (or of "input"), written from
#: the paper in plain torch: autograd, hooks and loops, nothing of the package but `views.draws`.
Twin = Callable[[nn.Module, Tensor, str, Mapping[str, Any]], np.ndarray]


@dataclass(frozen=True)
class Entry:
    """One method in the battery.

    Attributes:
        method: its registered name.
        twin: its slow twin; called with the network in evaluation mode, five images, the
            view's layer and the options given to the method (`target` is a class index).
        options: what it is called with in every test: cheap settings, a baseline, ...; or a
            function of the images that returns these (a data set of their shape, say).
        layers: the layers it is asked for; None: as it is by default. Not for input-level methods.
        refuses: networks of the zoo that it must refuse by name.
        twin_networks: networks of the zoo on which it must equal its twin.
        tolerance: of that equality, as a share of the largest absolute value.
        evidence: whether it says where in the input a class is seen, so that it must find planted
            evidence (at "input" or at the last convolution).
        gap: where it claims completeness: the largest allowed abs(sum - difference) as a share of
            the difference, on random networks.
        exempt: tests of `test_promises.py` and `test_battery.py` that cannot be asked of it, by the
            test's name without "test_", each with the reason.

    """

    method: str
    twin: Twin
    options: Mapping[str, Any] | Callable[[Tensor], Mapping[str, Any]] = field(default_factory=dict)
    layers: str | None = None
    refuses: tuple[str, ...] = ()
    twin_networks: tuple[str, ...] = ("plain", "residual", "plain 1-D")
    tolerance: float = 1e-4
    evidence: bool = False
    gap: float = 1e-3
    exempt: Mapping[str, str] = field(default_factory=dict)

    def options_for(self, images: Tensor) -> dict[str, Any]:
        """Return the options for a batch of images."""
        return dict(self.options(images) if callable(self.options) else self.options)


def _collected() -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for family in pkgutil.iter_modules(__path__):
        for entry in importlib.import_module(f"{__name__}.{family.name}").ENTRIES:
            if entry.method in found:
                raise ValueError(f"two entries for {entry.method}")
            found[entry.method] = entry
    return found


ENTRIES = _collected()
