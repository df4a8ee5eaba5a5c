"""What a tape holds: values, the operations between them, and what kind each operation is."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.overrides import resolve_name

from layerscope.errors import Refused

KINDS = {
    "conv": ("conv1d", "conv2d", "conv3d"),
    "linear": ("linear",),
    "relu": ("relu", "relu6"),
    "max_pool": (
        *(f"max_pool{n}d" for n in (1, 2, 3)),
        *(f"max_pool{n}d_with_indices" for n in (1, 2, 3)),
        *(f"adaptive_max_pool{n}d" for n in (1, 2, 3)),
        *(f"adaptive_max_pool{n}d_with_indices" for n in (1, 2, 3)),
    ),
    "avg_pool": (
        *(f"avg_pool{n}d" for n in (1, 2, 3)),
        *(f"adaptive_avg_pool{n}d" for n in (1, 2, 3)),
        "mean",
        "sum",
    ),
    "batch_norm": ("batch_norm",),
    "norm": ("group_norm", "layer_norm", "instance_norm", "local_response_norm", "rms_norm"),
    "add": ("add", "radd", "iadd", "sub", "isub", "subtract"),
    "scale": ("mul", "rmul", "imul", "multiply", "div", "truediv", "divide", "neg"),
    "cat": ("cat", "concat", "concatenate", "stack"),
    "softmax": ("softmax", "log_softmax"),
    "resample": ("interpolate", "upsample", "upsample_nearest", "upsample_bilinear"),
    "dropout": (
        *("dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout"),
        *("dropout1d", "dropout2d", "dropout3d"),
    ),
    "shape": (
        *("view", "reshape", "view_as", "reshape_as", "flatten", "unflatten", "ravel"),
        *("permute", "transpose", "swapaxes", "swapdims", "movedim", "T", "mT"),
        *("squeeze", "unsqueeze", "expand", "expand_as", "repeat", "tile"),
        *("getitem", "narrow", "select", "index_select", "chunk", "split", "tensor_split"),
        *("unbind", "unfold", "contiguous", "clone", "flip", "roll", "pad", "to", "float"),
        *("double", "half", "bfloat16", "type", "type_as", "cpu", "cuda"),
        *("pixel_shuffle", "pixel_unshuffle", "channel_shuffle"),
    ),
    "detach": ("detach", "data"),
}
_KIND_OF = {name: kind for kind, names in KINDS.items() for name in names}
#: Functions of each number alone, or of numbers at the same place: no position reads another.
POINTWISE = frozenset(
    {
        *("silu", "gelu", "sigmoid", "tanh", "elu", "selu", "celu", "leaky_relu", "mish"),
        *("hardswish", "hardsigmoid", "hardtanh", "softplus", "softsign", "logsigmoid"),
        *("exp", "abs", "square", "sqrt", "pow", "log", "log1p", "clone", "contiguous", "detach"),
        *("clamp", "clip", "mul", "rmul", "imul", "multiply", "div", "divide", "truediv"),
        *("maximum", "minimum"),
    }
)
#: Kinds that are linear in the recorded input (their constant part aside).
LINEAR_KINDS = frozenset(
    {"conv", "linear", "avg_pool", "batch_norm", "add", "scale", "cat", "resample", "shape"}
)


@dataclass(eq=False, slots=True)
class Value:
    """A tensor of the forward pass at one moment: before or after an in-place change, not both."""

    index: int
    tensor: Tensor = field(repr=False)
    producer: "Operation | None" = field(repr=False)  # whose inputs have producers, and so on
    consumers: list["Operation"] = field(default_factory=list, repr=False)


@dataclass(eq=False, slots=True)
class Operation:
    """One call that read at least one recorded value.

    `args` and `kwargs` are those of the call, with a `Value` in the place of each recorded
    tensor; `parameters` are the same under their canonical names, where the kind has them;
    `saved` is what the forward pass left for the way back (a pool's switches).
    """

    index: int
    kind: str
    name: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    inputs: tuple[Value, ...]
    module: str
    in_place: bool = False
    parameters: dict[str, Any] = field(default_factory=dict)
    saved: dict[str, Tensor] = field(default_factory=dict)
    outputs: tuple[Value, ...] = ()
    constants: tuple[tuple[Tensor, int], ...] = ()
    reduced: bool = False  # recorded under autocast to bfloat16

    def refuse_if_changed(self) -> None:
        """Refuse to go back through a call whose weights or constants were written to since."""
        if any(tensor._version != version for tensor, version in self.constants):
            raise Refused(
                f"{self.label}: its weights or constants were changed after the forward pass, so "
                "that the way back would not be its own; trace again after the change"
            )

    @property
    def label(self) -> str:
        """How messages call it: `torch.nn.functional.gelu in layer 'blocks.0.act'`."""
        return f"{self.name} in layer {self.module!r}" if self.module else self.name

    def call(self, tensors: Sequence[Tensor]) -> Any:
        """Run the operation again on other tensors in the place of its inputs."""
        replacement = {id(v): t for v, t in zip(self.inputs, tensors, strict=True)}
        lent = self.kind == "batch_norm"  # which writes to its running statistics in training

        def swap(leaf: Any) -> Any:
            if isinstance(leaf, Value):
                return replacement[id(leaf)]
            if isinstance(leaf, Tensor):
                return leaf.detach().clone() if lent else leaf.detach()
            return leaf

        with reduced(tensors[0], enabled=self.reduced):
            return self.function(*map_leaves(self.args, swap), **map_leaves(self.kwargs, swap))


@contextmanager
def reduced(tensor: Tensor, *, enabled: bool) -> Iterator[None]:
    """Compute in bfloat16 where torch's autocast does, on the device of a tensor."""
    if not enabled:
        yield
        return
    with torch.autocast(tensor.device.type, torch.bfloat16, cache_enabled=False):
        yield


def map_leaves(tree: Any, change: Callable[[Any], Any]) -> Any:
    """Apply `change` to every leaf of nested tuples, lists, dicts and slices."""
    if isinstance(tree, tuple | list):
        leaves = [map_leaves(leaf, change) for leaf in tree]
        if hasattr(tree, "_fields"):
            return type(tree)(*leaves)
        return leaves if isinstance(tree, list) else tuple(leaves)
    if isinstance(tree, dict):
        return {key: map_leaves(leaf, change) for key, leaf in tree.items()}
    if isinstance(tree, slice):
        return slice(*(map_leaves(x, change) for x in (tree.start, tree.stop, tree.step)))
    return change(tree)


def leaves_of(tree: Any) -> list[Any]:
    """List the leaves in order."""
    if isinstance(tree, slice):
        tree = (tree.start, tree.stop, tree.step)
    elif isinstance(tree, dict):
        tree = tree.values()
    elif not isinstance(tree, _BRANCHES):
        return [tree]
    found: list[Any] = []
    for part in tree:  # most are leaves: those are not worth a call
        if isinstance(part, _BRANCHES):
            found += leaves_of(part)
        else:
            found.append(part)
    return found


_BRANCHES = (tuple, list, dict, slice)


@cache
def name_of(function: Callable[..., Any]) -> str:
    """Return a function's full name: `torch.nn.functional.relu`, `torch.Tensor.add_`."""
    return resolve_name(function) or getattr(function, "__qualname__", repr(function))


@cache
def base_name(function: Callable[..., Any]) -> str:
    """Return the bare name: `relu` for `F.relu` and `relu_`, `T` for the property `Tensor.T`."""
    name = name_of(function)
    if name.endswith(".__get__"):
        return name.split(".")[-2]
    return getattr(function, "__name__", name).split(".")[0].strip("_")


@cache
def _signature(function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (ValueError, TypeError):
        return None


def is_in_place(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> bool:
    """Tell whether the call writes into its first argument."""
    name = getattr(function, "__name__", "").split(".")[0]
    if name == "__setitem__" or (name.endswith("_") and not name.endswith("__")):
        return True
    if name.startswith("__i") and name not in ("__invert__", "__int__", "__index__"):
        return True
    if kwargs.get("inplace"):
        return True
    signature = _signature(function)
    if signature is None or "inplace" not in signature.parameters:
        return False
    position = list(signature.parameters).index("inplace")
    return len(args) > position and bool(args[position])


def kind_of(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], tracked: int
) -> str:
    """Name the kind of a call that reads `tracked` recorded tensors; "other" where unknown."""
    name = base_name(function)
    if name in ("clamp", "clip", "clamp_min", "hardtanh", "threshold"):
        return "relu" if rectifier_bounds(function, args, kwargs) is not None else "other"
    kind = _KIND_OF.get(name, "other")
    if kind == "scale" and (tracked > 1 or _tracked_divisor(name, args)):
        return "other"
    if (
        kind == "shape"
        and name == "pad"
        and _argument(args, kwargs, 2, "mode", "constant")
        not in (
            "constant",
            "replicate",
            "reflect",
            "circular",
        )
    ):
        return "other"
    return kind


def rectifier_bounds(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[float, float] | None:
    """Return (0, upper) where the call is a rectifier, clipped above or not; else None."""
    name = base_name(function)
    if name == "relu":
        return 0.0, float("inf")
    if name == "relu6":
        return 0.0, 6.0
    if name == "threshold":
        low, fill = _argument(args, kwargs, 1, "threshold"), _argument(args, kwargs, 2, "value")
        return (0.0, float("inf")) if low == 0 and fill == 0 else None
    low_name, high_name, low, high = "min", "max", None, None
    if name == "hardtanh":
        low_name, high_name, low, high = "min_val", "max_val", -1.0, 1.0
    low = _argument(args, kwargs, 1, low_name, low)
    high = None if name == "clamp_min" else _argument(args, kwargs, 2, high_name, high)
    if isinstance(low, Tensor) or isinstance(high, Tensor) or low != 0:
        return None
    return 0.0, float("inf") if high is None else float(high)


def _argument(
    args: tuple[Any, ...], kwargs: Mapping[str, Any], position: int, name: str, default: Any = None
) -> Any:
    return args[position] if len(args) > position else kwargs.get(name, default)


def _tracked_divisor(name: str, args: tuple[Any, ...]) -> bool:
    """`1 / x` is not linear in x."""
    return name == "rtruediv" or (
        name in ("div", "divide", "truediv") and bool(args) and not isinstance(args[0], Value)
    )
