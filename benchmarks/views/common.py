"""What every row is measured on: the study's 6-block network, and FI, the unit of its time.

FI is one forward + backward to the input in default torch: fp32, contiguous memory, parameters
frozen, the same batch, the same process.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from layerscope.nets import study_2d
from layerscope.views import Scope


@dataclass(frozen=True)
class Subject:
    """A network, a batch for it, and the scope through which it is seen."""

    net: nn.Module
    images: Tensor
    scope: Scope

    def forward_backward(self) -> None:
        """Do the work that is the unit."""
        leaf = self.images.clone().requires_grad_()
        self.net(leaf).sum().backward()

    def look(self, method: str, **options: Any) -> None:
        """Trace the batch and look with one method."""
        self.scope.trace(self.images).view(method, **options)


def subject(batch: int = 16) -> Subject:
    """Make the network of the table and a batch, always the same."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = study_2d().eval().requires_grad_(requires_grad=False)
        images = torch.rand(batch, 3, 172, 172)
    return Subject(net, images, Scope(net))


#: A benchmark of one family: rows as `benchmarks.rows.row` makes them.
Rows = Callable[[], list[dict[str, object]]]
