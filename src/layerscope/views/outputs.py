"""Which of a model's outputs holds the logits."""

from collections.abc import Mapping, Sequence
from typing import Any

from layerscope.errors import Refused
from layerscope.tape import Operation, Value


def over_classes(operation: Operation) -> bool:
    """Tell whether a softmax of `"batch class"` runs over the classes."""
    call = operation.kwargs
    dim = operation.args[1] if len(operation.args) > 1 else call.get("dim", call.get("axis"))
    return operation.inputs[0].tensor.dim() == 2 and dim in (1, -1, None)


def picked(output: Any, which: int | str | None) -> Value:
    """Return the value of the logits from the model's output."""
    if isinstance(output, Value):
        if which is not None:
            raise Refused(f"output={which!r}, but the model returns one tensor")
        return output
    if which is not None and not isinstance(output, Mapping | Sequence):
        raise Refused(
            f"output={which!r}: the model returns a {type(output).__name__}; only the entries of "
            "a tuple, list or dict can be picked"
        )
    if isinstance(output, Sequence) and which == -1:
        which = len(output) - 1
    if isinstance(output, Mapping | Sequence) and which is not None:
        known = list(output) if isinstance(output, Mapping) else list(range(len(output)))
        if which not in known:
            raise Refused(f"output={which!r}: the model's outputs are {known}")
        return picked(output[which], None)  # type: ignore[index]
    if isinstance(output, Mapping):
        raise Refused(f"the model returns a dict; pick one with output=: {list(output)}")
    if isinstance(output, Sequence) and not isinstance(output, str):
        if len(output) == 1:
            return picked(output[0], None)
        raise Refused(f"the model returns {len(output)} things; pick one with output=0, 1, ...")
    raise Refused(
        f"the model returns a {type(output).__name__} that does not come from its input; "
        "expected a tensor"
    )
