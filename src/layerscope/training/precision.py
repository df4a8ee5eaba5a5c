"""How a training computes: bfloat16 or float32, memory format, threads; chosen once, then kept."""

import contextlib
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from layerscope.allocator import kept_memory
from layerscope.errors import LayerscopeError
from layerscope.nets.geometry import flops
from layerscope.training.layout import HeightOne, forward
from layerscope.training.settings import TrainingSettings

SMALLEST_BATCH = 1e8
"""FLOPs of a forward pass of one batch below which casting to bfloat16 costs more than it gains."""


@dataclass(frozen=True)
class Precision:
    """What was chosen, and why.

    >>> Precision("float32", True, 2, "").autocast
    False
    """

    name: str
    channels_last: bool
    threads: int
    reason: str
    height_one: bool = False
    """Whether convolutions and pools along time are computed as of pictures one pixel high."""

    @property
    def autocast(self) -> bool:
        """Whether the network runs under autocast."""
        return self.name == "bfloat16"

    @property
    def memory_format(self) -> torch.memory_format:
        """The layout of pictures and of convolutions' weights."""
        return torch.channels_last if self.channels_last else torch.contiguous_format

    def forward(self, net: nn.Module, images: Tensor) -> Tensor:
        """Run the network on a batch as chosen, where its weights are and in their dtype."""
        weight = next(net.parameters())
        images = images.to(weight.device, weight.dtype, memory_format=self.memory_format)
        flat = HeightOne() if self.height_one else contextlib.nullcontext()
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self.autocast), flat:
            return forward(net, images)

    def told(self) -> str:
        """Say the choice in one line."""
        layout = "channels last" if self.channels_last or self.height_one else "contiguous"
        return f"{self.name}, {layout}, {self.threads} threads ({self.reason})"


def choose(net: nn.Module, input_shape: tuple[int, ...], settings: TrainingSettings) -> Precision:
    """Choose bfloat16 where the machine has it and the network is large enough to gain.

    `input_shape` is one example's. The choice depends on the machine, the network, the batch size
    and the settings alone, never on a clock.

    Raises:
        LayerscopeError: bfloat16 is demanded of a network whose weights are not float32, or that
            has a convolution whose gradient torch gets wrong in it.

    """
    threads = settings.threads or torch.get_num_threads()
    channels_last = len(input_shape) == 3
    parameter = next(net.parameters())
    device, dtype = parameter.device, parameter.dtype
    if settings.precision == "bfloat16" and dtype != torch.float32:
        raise LayerscopeError(
            f'precision = "bfloat16" is for networks with float32 weights, these are {dtype}: '
            'convert them with net.float(), or set precision = "float32"'
        )
    name, reason = "float32", "as the study asks"
    wrong = wrong_in_bfloat16(net, input_shape, settings) if settings.precision != "float32" else ""
    if settings.precision == "bfloat16" and wrong:
        raise LayerscopeError(
            f'precision = "bfloat16": {wrong}; set precision = "float32", or take fewer blocks or '
            "larger pictures"
        )
    if settings.precision == "bfloat16":
        name = "bfloat16"
    elif settings.precision == "auto" and dtype != torch.float32:
        reason = f"the network's weights are {dtype}"
    elif settings.precision == "auto" and not _has_bfloat16(device):
        reason = f"the {device.type} has no fast bfloat16"
    elif settings.precision == "auto" and wrong:
        reason = wrong
    elif settings.precision == "auto":
        work = settings.batch_size * flops(net, input_shape)
        if work >= SMALLEST_BATCH:
            name, reason = "bfloat16", f"the {device.type} has it and the network gains"
        else:
            reason = "the network is too small to gain from bfloat16"
    height_one = device.type == "cpu" and any(isinstance(m, nn.Conv1d) for m in net.modules())
    return Precision(name, channels_last, threads, reason, height_one)


def wrong_in_bfloat16(
    net: nn.Module, input_shape: tuple[int, ...], settings: TrainingSettings
) -> str:
    """Name a convolution whose weight gradient torch's CPU gets wrong in bfloat16; "" for none.

    A kernel of several positions on a map of one, all the rest padding: what comes back is not
    finite or far off (torch 2.13), whatever the channels.
    """
    parameter = next(net.parameters())
    if parameter.device.type != "cpu":
        return ""
    twin, found = copy.deepcopy(net).eval(), []

    def look(module: nn.Module, inputs: tuple[Tensor, ...], name: str) -> None:
        weight: Any = module.weight
        map_size, kernel = inputs[0].shape[2:], weight.shape[2:]
        if map_size.numel() == 1 < kernel.numel():
            found.append(name)

    for name, module in twin.named_modules():
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d):
            module.register_forward_pre_hook(lambda m, x, name=name: look(m, x, name))
    sides = {side for _, side in settings.train_sizes}
    shapes = {input_shape, *((input_shape[0], *[side] * len(input_shape[1:])) for side in sides)}
    for shape in shapes:
        with torch.no_grad(), contextlib.suppress(RuntimeError):  # sizes are checked elsewhere
            twin(torch.zeros(1, *shape, dtype=parameter.dtype))
    return f"gradients of {found[0]} on a 1 x 1 map are wrong in bfloat16" if found else ""


@contextlib.contextmanager
def surroundings(precision: Precision, device: torch.device) -> Iterator[None]:
    """Train with the chosen number of threads; put it and torch's generators back afterwards."""
    threads = torch.get_num_threads()
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices), kept_memory():
        torch.set_num_threads(precision.threads)
        try:
            yield
        finally:
            torch.set_num_threads(threads)


def _has_bfloat16(device: torch.device) -> bool:
    """Tell whether the device multiplies bfloat16 faster than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu":
        return False
    if hasattr(torch.cpu, "get_capabilities"):
        known = torch.cpu.get_capabilities()
        return bool(known.get("avx512_bf16") or known.get("amx_bf16"))
    return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", bool)())
