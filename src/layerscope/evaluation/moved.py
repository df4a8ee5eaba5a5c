"""Which layers moved in a training: how far weights and answers are from those it began with."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from layerscope import storage
from layerscope.nets.head import layers_in_order
from layerscope.tape import evaluation_mode

EXAMPLES = 64
"""Examples whose answers are compared."""


@dataclass(frozen=True)
class Moved:
    """How far one layer moved; every distance is 0 where nothing did.

    `weights` is |w - w0| / |w0|, `answers` the same of the layer's answers to the same examples.
    `similarity` is the linear CKA of these answers (Kornblith et al. 2019): 1 where they tell the
    examples apart in the same way, whatever their scale.
    """

    layer: str
    kind: str
    parameters: int
    weights: float
    answers: float
    similarity: float


def moved(start: nn.Module, net: nn.Module, images: Tensor) -> list[Moved]:
    """Compare two networks of one architecture, layer by layer, in forward order.

    `images` is a batch as the networks take it. Layers without weights of their own are left out.

    >>> from layerscope.nets import study_mnist
    >>> net = study_mnist()
    >>> [(row.layer, row.weights) for row in moved(net, net, torch.rand(4, 1, 28, 28))][0]
    ('conv1', 0.0)
    """
    names, _ = layers_in_order(net, tuple(images.shape[1:]))
    before, after = _answers(start, names, images), _answers(net, names, images)
    rows = []
    for name in names:
        old, new = start.get_submodule(name), net.get_submodule(name)
        pairs = [
            (old.get_parameter(part), value) for part, value in new.named_parameters(recurse=False)
        ]
        rows.append(
            Moved(
                name,
                type(new).__name__,
                sum(value.numel() for _, value in pairs),
                _distance(
                    *(
                        torch.cat([each.detach().flatten() for each in side])
                        for side in zip(*pairs, strict=True)
                    )
                ),
                _distance(before[name], after[name]),
                linear_cka(before[name].flatten(1), after[name].flatten(1)),
            )
        )
    return rows


def linear_cka(one: Tensor, other: Tensor) -> float:
    """Compare two sets of answers to the same examples, each `(examples, features)`.

    1 for the same up to rotation, shift and scale, 0 for unrelated ones; by the Gram matrices of
    the examples, so that many features cost little.

    >>> x = torch.randn(9, 5)
    >>> round(linear_cka(x, 3 * x + 1), 5)
    1.0
    """
    grams = [_centred(x.double()) for x in (one, other)]
    first, second = grams
    norm = first.norm() * second.norm()
    return float((first * second).sum() / norm) if norm > 0 else float("nan")


def write_moved(path: Path, rows: Sequence[Moved]) -> None:
    """Write the table as CSV, a row a layer."""
    columns = [field.name for field in fields(Moved)]
    storage.write_csv(path, columns, [asdict(row) for row in rows])


def read_moved(path: Path) -> list[Moved]:
    """Read what `write_moved` wrote."""
    return [_row(row) for row in storage.read_csv(path)]


def _row(row: Mapping[str, str]) -> Moved:
    numbers: dict[str, Any] = {key: float(row[key]) for key in ("weights", "answers", "similarity")}
    return Moved(row["layer"], row["kind"], int(row["parameters"]), **numbers)


def _answers(net: nn.Module, names: Sequence[str], images: Tensor) -> dict[str, Tensor]:
    """Give what each layer answers to a batch, at its last call."""
    found: dict[str, Tensor] = {}
    hooks = [
        net.get_submodule(name).register_forward_hook(
            lambda _module, _given, answer, name=name: found.update({name: answer.float().clone()})
        )
        for name in names
    ]
    try:
        with evaluation_mode(net), torch.no_grad():
            net(images)
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _distance(old: Tensor, new: Tensor) -> float:
    """Give |new - old| / |old|; infinite where something came of nothing."""
    norm, gap = float(old.norm()), float((new - old).norm())
    if norm:
        return gap / norm
    return 0.0 if gap == 0 else float("inf")


def _centred(x: Tensor) -> Tensor:
    """Give the examples' Gram matrix with its rows' and columns' means taken out."""
    x = x - x.mean(0)
    return x @ x.T
