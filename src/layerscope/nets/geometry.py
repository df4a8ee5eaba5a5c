"""Geometry of a network: receptive field, stride, size, parameters and FLOPs of every layer."""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from layerscope.tape import Receptive, Tape, Value, is_leaf, receptive_fields, record, untouched


@dataclass(frozen=True)
class LayerGeometry:
    """One layer that ran: what it is, what it returns and what it sees.

    `size` and `receptive_field` and `stride` have one number per spatial axis, in input samples;
    `receptive_field` may exceed the input (padding), None: not known. `start` is the first input
    sample, from 0, that the position 0 sees. `flops` are 2 x multiply-adds for one example.
    """

    name: str
    kind: str
    channels: int
    size: tuple[int, ...]
    receptive_field: tuple[int, ...] | None
    stride: tuple[int, ...] | None
    start: tuple[int, ...] | None
    parameters: int
    flops: int

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain values for JSON."""
        return {key: list(x) if isinstance(x, tuple) else x for key, x in asdict(self).items()}


def geometry(net: nn.Module, input_shape: tuple[int, ...]) -> list[LayerGeometry]:
    """Measure every leaf layer of a network, in forward order, by running it once.

    Works on any network of convolutions, pools, sums and concatenations; a layer that runs
    several times is told once, at its first call. FLOPs are those of
    `torch.utils.flop_counter`, for one example.

    Args:
        net: any module of one input.
        input_shape: the shape of one example, without the batch: `(3, 172, 172)`.

    >>> from layerscope.nets import study_mnist
    >>> [layer.receptive_field[0] for layer in geometry(study_mnist(), (1, 28, 28))
    ...  if layer.kind == "Conv2d"]
    [3, 8, 18]

    """
    example = _blank(net, input_shape)
    tape = record(net, example)
    fields = receptive_fields(tape)
    counts = _flops(net, example)
    modules = dict(net.named_modules())
    return [
        _layer(name, modules[name], calls[0], fields.get(calls[0]), counts.get(name, 0), tape)
        for name, calls in tape.layers.items()
        if is_leaf(modules[name])
    ]


def _layer(
    name: str,
    module: nn.Module,
    value: Value,
    field: tuple[Receptive, ...] | None,
    flops: int,
    tape: Tape,
) -> LayerGeometry:
    shape = value.tensor.shape
    full = tape.input.tensor.shape[2:]
    known = field is not None and len(shape) > 2
    return LayerGeometry(
        name=name,
        kind=type(module).__name__,
        channels=shape[1] if len(shape) > 1 else 1,
        size=tuple(shape[2:]),
        receptive_field=None if field is None else _sizes(field, full),
        stride=tuple(r.stride for r in field) if field is not None and known else None,
        start=tuple(_start(r) for r in field) if field is not None and known else None,
        parameters=sum(p.numel() for p in module.parameters()),
        flops=flops,
    )


def _sizes(field: tuple[Receptive, ...], full: torch.Size) -> tuple[int, ...]:
    """Give the size per axis; the whole input where a position sees all of it."""
    return tuple(
        int(n) if r.size == float("inf") else int(r.size) for r, n in zip(field, full, strict=True)
    )


def _start(receptive: Receptive) -> int:
    return 0 if receptive.first == float("-inf") else int(receptive.first)


def flops(net: nn.Module, input_shape: tuple[int, ...]) -> int:
    """Count the FLOPs (2 x multiply-adds) of one example's forward pass.

    >>> flops(nn.Linear(3, 5), (3,))
    30
    """
    return _counted(net, _blank(net, input_shape)).get_total_flops()


def _blank(net: nn.Module, input_shape: tuple[int, ...]) -> Tensor:
    """Make a batch of one example of zeros, as the network takes it."""
    first = next(net.parameters(), torch.zeros(()))
    return torch.zeros((1, *input_shape), dtype=first.dtype, device=first.device)


def _counted(net: nn.Module, example: Tensor) -> FlopCounterMode:
    with untouched(net), FlopCounterMode(display=False) as counter:
        net(example)
    return counter


def _flops(net: nn.Module, example: Tensor) -> dict[str, int]:
    """Count per layer name."""
    prefix = f"{type(net).__name__}."
    return {
        name.removeprefix(prefix): sum(counts.values())
        for name, counts in _counted(net, example).get_flop_counts().items()
        if name.startswith(prefix)
    }
