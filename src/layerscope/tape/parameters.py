"""The parameters of a call under their canonical names, as tuples over the spatial axes."""

import inspect
from collections.abc import Callable
from typing import Any

from torch import Tensor

from layerscope.tape.operations import Operation, Value, base_name, rectifier_bounds

_CONV = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
_AVG_POOL = (
    *("input", "kernel_size", "stride", "padding"),
    *("ceil_mode", "count_include_pad", "divisor_override"),
)
_DEFAULTS: dict[str, dict[str, Any]] = {
    "conv": {"bias": None, "stride": 1, "padding": 0, "dilation": 1, "groups": 1},
    "linear": {"bias": None},
    "avg_pool": {
        "stride": None,
        "padding": 0,
        "ceil_mode": False,
        "count_include_pad": True,
        "divisor_override": None,
    },
}


def parameters_of(operation: Operation) -> dict[str, Any]:
    """Name the arguments of a call of a known kind; an empty dict where there is nothing to say."""
    kind, name = operation.kind, base_name(operation.function)
    if kind == "conv":
        return _conv(_bound(operation, _CONV, _DEFAULTS["conv"]))
    if kind == "linear":
        return _bound(operation, ("input", "weight", "bias"), _DEFAULTS["linear"])
    if kind == "relu":
        bounds = rectifier_bounds(operation.function, operation.args, operation.kwargs)
        return {"upper": bounds[1] if bounds else float("inf")}
    if kind == "max_pool":
        return _max_pool(operation, name)
    if kind == "avg_pool" and name.startswith("avg_pool"):
        call = _bound(operation, _AVG_POOL, _DEFAULTS["avg_pool"])
        return _spread(call, int(name[-2]), ("kernel_size", "stride", "padding"))
    if kind == "dropout":
        call = _bound(operation, ("input", "p", "training", "inplace"), {"p": 0.5})
        call.setdefault("training", call.get("train", True))
        return call
    if kind in ("batch_norm", "resample"):
        return _by_signature(operation, operation.function)
    return {}


def _bound(
    operation: Operation, names: tuple[str, ...], defaults: dict[str, Any]
) -> dict[str, Any]:
    given = dict(zip(names, operation.args, strict=False)) | operation.kwargs
    return defaults | given


def _by_signature(operation: Operation, function: Callable[..., Any]) -> dict[str, Any]:
    try:
        bound = inspect.signature(function).bind(*operation.args, **operation.kwargs)
    except (TypeError, ValueError):
        return dict(operation.kwargs)
    bound.apply_defaults()
    return dict(bound.arguments)


def _conv(call: dict[str, Any]) -> dict[str, Any]:
    weight = call["weight"]
    axes = (weight.tensor if isinstance(weight, Value) else weight).dim() - 2
    if call["padding"] == "valid":
        call["padding"] = 0
    return _spread(call, axes, ("stride", "padding", "dilation"))


def _max_pool(operation: Operation, name: str) -> dict[str, Any]:
    axes = int(name.removesuffix("_with_indices")[-2])
    names = ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode")
    if name.startswith("adaptive"):
        call = _bound(operation, ("input", "output_size", "return_indices"), {})
    else:
        defaults = {"stride": None, "padding": 0, "dilation": 1, "ceil_mode": False}
        call = _bound(operation, (*names, "return_indices"), defaults)
        call = _spread(call, axes, ("kernel_size", "stride", "padding", "dilation"))
    call.setdefault("return_indices", name.endswith("_with_indices"))
    return call


def _spread(call: dict[str, Any], axes: int, names: tuple[str, ...]) -> dict[str, Any]:
    """Write a number as one per axis; a pool's missing stride is its kernel."""
    for name in names:
        value = call[name]
        if name == "stride" and (value is None or value == [] or value == ()):
            value = call["kernel_size"]
        if isinstance(value, Tensor):
            value = value.tolist()
        value = (value,) if isinstance(value, int) else tuple(value)
        call[name] = value * axes if len(value) == 1 else value
    return call
