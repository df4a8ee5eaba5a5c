"""Calls that are recorded in another, equal form: pools with switches, explicit padding."""

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from layerscope.tape.operations import Operation, base_name


def explicit_padding(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    pad: Callable[[Tensor, list[int]], Tensor],
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Write a convolution's padding="same" in numbers.

    An even kernel needs more on one side than on the other: its input goes through `pad` first,
    and the convolution is left without padding.
    """
    if base_name(function) not in ("conv1d", "conv2d", "conv3d"):
        return args, kwargs
    names = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
    call = dict(zip(names, args, strict=False)) | kwargs
    if call.get("padding") != "same":
        return args, kwargs
    kernel = call["weight"].shape[2:]
    dilation = call.get("dilation", 1)
    dilation = (dilation,) if isinstance(dilation, int) else tuple(dilation)
    dilation = dilation * len(kernel) if len(dilation) == 1 else dilation
    total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    if any(n % 2 for n in total):
        sides = [side for n in reversed(total) for side in (n // 2, n - n // 2)]
        call["input"] = pad(call["input"], sides)
        call["padding"] = 0
    else:
        call["padding"] = tuple(n // 2 for n in total)
    return (), call


def pool_with_switches(
    operation: Operation, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Tensor, Tensor]:
    """Run a max pool so that it tells where each maximum was, as flat spatial positions."""
    call = operation.parameters
    tensor = args[0] if args else kwargs["input"]
    pool = getattr(F, base_name(operation.function).removesuffix("_with_indices"))
    if "output_size" in call:
        return pool(tensor, call["output_size"], return_indices=True)
    return pool(
        tensor,
        call["kernel_size"],
        call["stride"],
        call["padding"],
        call["dilation"],
        ceil_mode=call["ceil_mode"],
        return_indices=True,
    )
