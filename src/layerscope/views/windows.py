"""The deconvolution network's way down from single positions, computed only where it can reach.

A position of a layer reaches no further than its receptive field. In a chain of convolutions,
rectifiers and max pools the way down is therefore computed in windows of that size, one for each
seed, each lying wholly inside the map it belongs to.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from layerscope.tape import Operation, Tape, Value

aten = torch.ops.aten


@dataclass(frozen=True)
class Seeds:
    """Single positions of one layer: N of them, each with the value that is carried down."""

    rows: Tensor  # (N,) which example of the batch
    channels: Tensor  # (N,)
    positions: Tensor  # (N, axes)
    values: Tensor  # (N,)

    def __getitem__(self, some: slice) -> "Seeds":
        return Seeds(self.rows[some], self.channels[some], self.positions[some], self.values[some])

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Windows:
    """What has come down, `(N, C, *window)`, and where each window starts, `(N, axes)`."""

    content: Tensor
    start: Tensor


def chain_below(tape: Tape, at: Value) -> list[Operation] | None:
    """Return the operations from `at` down to the input, if they are a chain that windows pass."""
    chain = []
    value = at
    while value is not tape.input:
        operation = value.producer
        if operation is None or len(operation.inputs) != 1 or not _is_passed(operation):
            return None
        chain.append(operation)
        value = operation.inputs[0]
    return chain


def _is_passed(operation: Operation) -> bool:
    if operation.kind == "relu":
        return True
    axes = operation.inputs[0].tensor.dim() - 2
    if operation.kind == "conv":
        return axes > 0 and operation.parameters["weight"].dim() == axes + 2
    return operation.kind == "max_pool" and len(operation.parameters.get("kernel_size", ())) == axes


@torch.no_grad()
def deconvnet_in_windows(chain: list[Operation], at: Value, seeds: Seeds, memory: int) -> Tensor:
    """Project seeds down a chain to the input: `(N, channel, *size of the input)`.

    Equal to carrying the seeds down whole maps. As many seeds are carried at a time as `memory`
    bytes allow.
    """
    source = chain[-1].inputs[0].tensor
    result = source.new_zeros((len(seeds), *source.shape[1:]))
    together = max(1, memory // _bytes_per_seed(chain, at))
    for first in range(0, len(seeds), together):
        some = seeds[first : first + together]
        windows = _planted(at.tensor, some)
        for operation in chain:
            operation.refuse_if_changed()
            windows = _step(operation, windows, some.rows)
        _place(result[first : first + together], windows)
    return result


def _planted(maps: Tensor, seeds: Seeds) -> Windows:
    axes = maps.dim() - 2
    content = maps.new_zeros((len(seeds), maps.shape[1]))
    content[torch.arange(len(seeds), device=maps.device), seeds.channels] = seeds.values
    return Windows(content.view(*content.shape, *[1] * axes), seeds.positions)


def _step(operation: Operation, windows: Windows, rows: Tensor) -> Windows:
    """Go down through one operation."""
    if operation.kind == "relu":
        return Windows(windows.content.clamp(min=0), windows.start)
    size = operation.inputs[0].tensor.shape[2:]
    if operation.kind == "conv":
        return _moved_inside(_through_conv(operation, windows), size)
    return _moved_inside(_through_pool(operation, windows, rows), size)


def _through_conv(operation: Operation, windows: Windows) -> Windows:
    """Convolve transposed, without bias and without padding: the window grows by the kernel."""
    call, grad = operation.parameters, windows.content
    weight, axes = call["weight"], windows.content.dim() - 2
    grown = _grown(operation, grad.shape[2:])
    like = torch.empty(
        (len(grad), weight.shape[1] * call["groups"], *grown),
        dtype=grad.dtype,
        device=grad.device,
        memory_format=torch.channels_last if axes == 2 else torch.contiguous_format,
    )
    down = aten.convolution_backward(
        *(grad, like, weight, None, call["stride"], (0,) * axes, call["dilation"]),
        *(False, (0,) * axes, call["groups"], (True, False, False)),
    )[0]
    return Windows(down, _start_below(operation, windows.start))


def _through_pool(operation: Operation, windows: Windows, rows: Tensor) -> Windows:
    """Unpool with the switches of each window's own example and place; what meets is summed."""
    space, channels = windows.content.shape[2:], windows.content.shape[1]
    below = operation.inputs[0].tensor.shape[2:]
    grown = _grown(operation, space)
    start = _start_below(operation, windows.start)
    switches = _cut(operation.saved["switches"], rows, windows.start, space)  # (N, *window, C)
    place, coordinate = torch.zeros_like(switches), switches
    for axis in reversed(range(len(space))):
        here = start[:, axis].view(-1, *[1] * (len(space) + 1))
        step = torch.Size(grown[axis + 1 :]).numel()
        place += (coordinate % below[axis] - here) * step
        coordinate = coordinate // below[axis]
    flat = windows.content.new_zeros((len(rows), torch.Size(grown).numel(), channels))
    content = windows.content.movedim(1, -1).flatten(1, -2)  # (N, positions, C)
    flat.scatter_add_(1, place.flatten(1, -2), content)
    return Windows(flat.unflatten(1, grown).movedim(-1, 1), start)


def _cut(maps: Tensor, rows: Tensor, start: Tensor, size: Sequence[int]) -> Tensor:
    """Cut a window out of each row's map: `(N, *size, C)`."""
    axes = len(size)
    index = [rows.view(-1, *[1] * axes)]
    for axis, length in enumerate(size):
        steps = start[:, axis, None] + torch.arange(length, device=maps.device)  # (N, length)
        shape = [1] * axes
        shape[axis] = length
        index.append(steps.view(-1, *shape))
    return maps.movedim(1, -1)[tuple(index)]


def _moved_inside(windows: Windows, size: Sequence[int]) -> Windows:
    """Move and trim the windows so that they lie inside a map of that size; the rest is padding."""
    content, start = windows.content, windows.start
    for axis, whole in enumerate(size):
        length = content.shape[axis + 2]
        kept = min(length, whole)
        inside = start[:, axis].clamp(0, whole - kept)
        shift = inside - start[:, axis]  # (N,)
        if kept == length and not shift.any():
            continue
        index = torch.arange(kept, device=content.device) + shift[:, None]  # (N, kept)
        known = (index >= 0) & (index < length)
        shape = [len(content), 1, *[1] * len(size)]
        shape[axis + 2] = kept
        spread = [*content.shape[: axis + 2], kept, *content.shape[axis + 3 :]]
        taken = index.clamp(0, length - 1).view(shape).expand(spread)
        content = content.gather(axis + 2, taken) * known.view(shape)
        start = torch.cat([start[:, :axis], inside[:, None], start[:, axis + 1 :]], 1)
    return Windows(content, start)


def _place(result: Tensor, windows: Windows) -> None:
    """Write each window where it belongs in the input's own size."""
    space = windows.content.shape[2:]
    if space == result.shape[2:]:
        result.copy_(windows.content)
        return
    for row, start in enumerate(windows.start.tolist()):
        target = result[row]
        for axis, (first, length) in enumerate(zip(start, space, strict=True), start=1):
            target = target.narrow(axis, first, length)
        target.copy_(windows.content[row])


def _kernel(operation: Operation) -> Sequence[int]:
    call = operation.parameters
    return call["weight"].shape[2:] if operation.kind == "conv" else call["kernel_size"]


def _grown(operation: Operation, window: Sequence[int]) -> list[int]:
    """Return the window below one of that size: what its positions read."""
    call = operation.parameters
    return [
        (length - 1) * stride + (kernel - 1) * dilation + 1
        for length, kernel, stride, dilation in zip(
            window, _kernel(operation), call["stride"], call["dilation"], strict=True
        )
    ]


def _start_below(operation: Operation, start: Tensor) -> Tensor:
    stride = start.new_tensor(operation.parameters["stride"])
    return start * stride - start.new_tensor(operation.parameters["padding"])


def _bytes_per_seed(chain: list[Operation], at: Value) -> int:
    """Estimate the most that one seed holds at any step: values, their switches and two copies."""
    window: Sequence[int] = [1] * (at.tensor.dim() - 2)
    held = [at.tensor.shape[1]]
    for operation in chain:
        below = operation.inputs[0].tensor
        if operation.kind != "relu":
            window = [
                min(n, m) for n, m in zip(_grown(operation, window), below.shape[2:], strict=True)
            ]
        held.append(below.shape[1] * torch.Size(window).numel())
    return 4 * at.tensor.element_size() * max(a + b for a, b in pairwise(held))
