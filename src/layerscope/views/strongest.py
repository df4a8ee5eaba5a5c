"""The strongest examples of every unit of a layer, kept as a data set comes by."""

from dataclasses import dataclass

import torch
from torch import Tensor

from layerscope.errors import Refused

#: How many maps are searched for their strongest position at a time.
_TOGETHER = 64


@dataclass(frozen=True, eq=False)
class Strongest:
    """For each of U units, its K strongest examples: one position of each, the strongest first.

    Attributes:
        units: the layer's channels that are looked at, `(U,)`.
        values: the activations, above 0, `(U, K)`; 0 where fewer examples than K answer at all.
        examples: their numbers in the data set, `(U, K)`; -1 where there is none.
        positions: flat spatial positions, `(U, K)`; of several equal ones the first; -1.

    """

    units: Tensor
    values: Tensor
    examples: Tensor
    positions: Tensor

    @staticmethod
    def none_yet(units: Tensor, top: int, like: Tensor) -> "Strongest":
        """Return the state before the first example; `like` has the layer's dtype and device."""
        missing = torch.full((len(units), top), -1, device=like.device)
        return Strongest(units, like.new_zeros(missing.shape), missing, missing.clone())

    def joined(self, maps: Tensor, first: int) -> "Strongest":
        """Return the state after some more examples.

        Of equal activations the example that came first goes before.

        Args:
            maps: the layer's answers `(B, C, ...)`.
            first: the number of the first of these examples in the data set.

        """
        peaks = maps.amax(tuple(range(2, maps.dim()))) if maps.dim() > 2 else maps  # (B, C)
        peaks = peaks[:, self.units]  # (B, U)
        if bool(peaks.isnan().any()):
            raise Refused(
                "a layer answers NaN, of which none is the strongest; check the weights and the "
                f"examples from number {first} on"
            )
        top = self.values.shape[1]
        values = torch.cat([self.values, peaks.T.clamp(min=0)], 1)  # (U, K + B)
        order = values.argsort(dim=1, descending=True, stable=True)[:, :top]
        values = values.gather(1, order)
        old, row = order.clamp(max=top - 1), order - top  # row of the new ones, below 0: old ones
        examples = torch.where(row < 0, self.examples.gather(1, old), row + first)
        positions = torch.where(row < 0, self.positions.gather(1, old), -1)
        examples = torch.where(values > 0, examples, -1)
        unit, rank = torch.nonzero((row >= 0) & (values > 0), as_tuple=True)
        positions[unit, rank] = _first_maximum(maps, row[unit, rank], self.units[unit])
        return Strongest(self.units, values, examples, positions)


def _first_maximum(maps: Tensor, rows: Tensor, units: Tensor) -> Tensor:
    """Return the flat position at which each of some maps is largest."""
    if maps.dim() == 2:
        return torch.zeros_like(rows)
    pairs = zip(rows.split(_TOGETHER), units.split(_TOGETHER), strict=True)
    return torch.cat([maps[row, unit].flatten(1).argmax(1) for row, unit in pairs])
