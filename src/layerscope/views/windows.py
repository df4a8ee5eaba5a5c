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
from layerscope.views.rules.transposed import carried_down

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
    bytes allow, and no more than what a processor's cache can hold.
    """
    source = chain[-1].inputs[0].tensor
    result = source.new_zeros((len(seeds), *source.shape[1:]))
    together = max(1, min(memory, _CACHED) // _bytes_per_seed(chain, at))
    steps = _rectified_early(chain)
    for operation in chain:
        operation.refuse_if_changed()
    for first in range(0, len(seeds), together):
        some = seeds[first : first + together]
        windows = _planted(at.tensor, some)
        for operation in steps:
            windows = _step(operation, windows, some.rows)
        _place(result[first : first + together], windows)
    return result


#: Bytes of windows carried together: what lies in cache from one operation to the next is faster.
_CACHED = 64 * 2**20


def _rectified_early(chain: list[Operation]) -> list[Operation]:
    """Rectify before an unpooling in the place of after it: the same, on fewer values.

    It is the same where pools do not overlap, so that no two values meet in the unpooling.
    """
    steps = list(chain)
    for place, (pool, relu) in enumerate(pairwise(chain)):
        if (pool.kind, relu.kind) == ("max_pool", "relu") and not _overlaps(pool):
            steps[place : place + 2] = [relu, pool]
    return steps


def _overlaps(pool: Operation) -> bool:
    call = pool.parameters
    return any(
        (kernel - 1) * dilation >= stride
        for kernel, dilation, stride in zip(
            call["kernel_size"], call["dilation"], call["stride"], strict=True
        )
    )


def _planted(maps: Tensor, seeds: Seeds) -> Windows:
    axes = maps.dim() - 2
    content = maps.new_zeros((len(seeds), maps.shape[1]))
    content[torch.arange(len(seeds), device=maps.device), seeds.channels] = seeds.values
    return Windows(content.view(*content.shape, *[1] * axes), seeds.positions)


def _step(operation: Operation, windows: Windows, rows: Tensor) -> Windows:
    """Go down through one operation."""
    if operation.kind == "relu":
        return Windows(windows.content.clamp_(min=0), windows.start)
    below = _below(operation, windows)
    if operation.kind == "conv":
        content = _through_conv(operation, windows.content, below)
    else:
        content = _through_pool(operation, windows, below, rows)
    size = operation.inputs[0].tensor.shape[2:]
    return _moved_inside(Windows(content, below.start), size)


@dataclass(frozen=True)
class Below:
    """The windows that an operation's windows read: where they start, how far they reach.

    Along an axis where a window is the whole map, what it reads is the whole map below, and the
    operation's own padding stands; elsewhere windows reach into the padding.
    """

    start: Tensor  # (N, axes)
    size: Sequence[int]
    padding: Sequence[int]
    is_whole: bool  # along every axis


def _below(operation: Operation, windows: Windows) -> Below:
    call = operation.parameters
    above, below = operation.outputs[0].tensor.shape[2:], operation.inputs[0].tensor.shape[2:]
    window = windows.content.shape[2:]
    whole = [n == m for n, m in zip(window, above, strict=True)]
    padding = [p if full else 0 for p, full in zip(call["padding"], whole, strict=True)]
    grown = _grown(operation, window)
    size = [m if full else n for n, m, full in zip(grown, below, whole, strict=True)]
    start = windows.start * windows.start.new_tensor(call["stride"])
    reach = [0 if full else p for p, full in zip(call["padding"], whole, strict=True)]
    return Below(start - start.new_tensor(reach), size, padding, all(whole))


def _through_conv(operation: Operation, grad: Tensor, below: Below) -> Tensor:
    """Convolve transposed, without bias."""
    call = operation.parameters
    return carried_down(grad, call["weight"], below.size, call, below.padding)


def _through_pool(operation: Operation, windows: Windows, below: Below, rows: Tensor) -> Tensor:
    """Unpool with the switches of each window's own example and place; what meets is summed."""
    content, call = windows.content, operation.parameters
    channels, space = content.shape[1], content.shape[2:]
    place = _switches(operation, windows, below, rows)  # (N, *window, C)
    shape = (len(rows), channels, *below.size)
    if len(space) == 2:
        like = torch.empty(
            shape, dtype=content.dtype, device=content.device, memory_format=torch.channels_last
        )
        return aten.max_pool2d_with_indices_backward(
            *(content, like, call["kernel_size"], call["stride"], below.padding),
            *(call["dilation"], call["ceil_mode"], place.movedim(-1, 1)),
        )
    flat = content.new_zeros((len(rows), torch.Size(below.size).numel(), channels))
    flat.scatter_add_(1, place.flatten(1, -2), content.movedim(1, -1).flatten(1, -2))
    return flat.unflatten(1, below.size).movedim(-1, 1)


def _switches(operation: Operation, windows: Windows, below: Below, rows: Tensor) -> Tensor:
    """Return the switches as flat positions of the windows below."""
    space = windows.content.shape[2:]
    switches = operation.saved["switches"]
    if below.is_whole:
        return switches.movedim(1, -1)[rows]
    coordinate = _cut(switches, rows, windows.start, space)
    place = torch.zeros_like(coordinate)
    whole = operation.inputs[0].tensor.shape[2:]
    for axis in reversed(range(len(space))):
        here = below.start[:, axis].view(-1, *[1] * (len(space) + 1))
        step = torch.Size(below.size[axis + 1 :]).numel()
        place += (coordinate % whole[axis] - here) * step
        coordinate = coordinate // whole[axis]
    return place


def _cut(maps: Tensor, rows: Tensor, start: Tensor, size: Sequence[int]) -> Tensor:
    """Cut a window out of each row's map: `(N, *size, C)`."""
    maps = maps.movedim(1, -1)
    cut = maps.new_empty((len(rows), *size, maps.shape[-1]))
    for number, (row, place) in enumerate(zip(rows.tolist(), start.tolist(), strict=True)):
        cut[number] = _narrow(maps[row], place, size)
    return cut


def _narrow(tensor: Tensor, start: Sequence[int], size: Sequence[int]) -> Tensor:
    """Return the part of the leading axes that starts there and has that size."""
    for axis, (first, length) in enumerate(zip(start, size, strict=True)):
        tensor = tensor.narrow(axis, first, length)
    return tensor


def _moved_inside(windows: Windows, size: Sequence[int]) -> Windows:
    """Move and trim the windows so that they lie inside a map of that size; the rest is padding."""
    content = windows.content.movedim(1, -1)  # (N, *window, C)
    length = content.shape[1:-1]
    kept = [min(n, m) for n, m in zip(length, size, strict=True)]
    room = windows.start.new_tensor([m - n for m, n in zip(size, kept, strict=True)])
    inside = torch.minimum(windows.start.clamp(min=0), room)
    shifts = (inside - windows.start).tolist()
    if kept == list(length) and not any(any(shift) for shift in shifts):
        return windows
    moved = content.new_zeros((len(content), *kept, content.shape[-1]))
    for row, shift in enumerate(shifts):
        source = [max(0, by) for by in shift]
        target = [max(0, -by) for by in shift]
        known = [
            max(0, min(n - s, k - t))
            for n, s, k, t in zip(length, source, kept, target, strict=True)
        ]
        _narrow(moved[row], target, known).copy_(_narrow(content[row], source, known))
    return Windows(moved.movedim(-1, 1), inside)


def _place(result: Tensor, windows: Windows) -> None:
    """Write each window where it belongs in the input's own size."""
    space = windows.content.shape[2:]
    if space == result.shape[2:]:
        result.copy_(windows.content)
        return
    for row, start in enumerate(windows.start.tolist()):
        content = windows.content[row].movedim(0, -1)
        _narrow(result[row].movedim(0, -1), start, space).copy_(content)


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
