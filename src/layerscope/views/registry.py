"""The registry of methods: one decorator carries all that is known of a method."""

import difflib
import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

import numpy as np

from layerscope.errors import Refused


@dataclass(frozen=True)
class Method:
    """A way of looking, as the command line, the documents, the tests and the page know it.

    Attributes:
        name: what it is called by.
        paper: where it comes from.
        needs: what must be given or is chosen: "layer", "target", "unit", "data".
        axes: the axes of its values; "space" stands for the layer's or input's spatial axes.
        signed: whether values below zero mean something.
        axioms: what its values must satisfy, tested for it.
        tolerance: of a method that computes in bfloat16 unless `exact=True`: its largest error, as
            a share of the largest absolute value; None where it always computes exactly.
        function: `(trace, **options) -> {layer: View}`.

    """

    name: str
    paper: str
    needs: tuple[str, ...]
    axes: tuple[str, ...]
    signed: bool
    axioms: tuple[str, ...]
    function: Callable[..., Any]
    tolerance: float | None = None

    @property
    def options(self) -> dict[str, Any]:
        """The options of the method and their defaults."""
        parameters = list(inspect.signature(self.function).parameters.values())[1:]
        return {p.name: p.default for p in parameters}

    def as_dict(self) -> dict[str, Any]:
        """Return what `layerscope methods --json` prints."""
        return {
            "name": self.name,
            "paper": self.paper,
            "needs": list(self.needs),
            "axes": list(self.axes),
            "signed": self.signed,
            "axioms": list(self.axioms),
        }


_METHODS: dict[str, Method] = {}


def method(
    name: str,
    *,
    paper: str,
    needs: tuple[str, ...],
    axes: tuple[str, ...],
    signed: bool,
    axioms: tuple[str, ...],
    tolerance: float | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function as a method; see `Method` for what is asked."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        if name in _METHODS:
            raise ValueError(f"the method {name!r} is registered twice")
        _METHODS[name] = Method(name, paper, needs, axes, signed, axioms, function, tolerance)
        return function

    return register


def methods() -> list[Method]:
    """List the registered methods by name."""
    return [_METHODS[name] for name in sorted(_METHODS)]


def find_method(name: str, options: Mapping[str, Any]) -> Method:
    """Return the method of that name, having checked that it takes options of these kinds."""
    if not isinstance(name, str) or name not in _METHODS:
        name = str(name)
        near = difflib.get_close_matches(name, _METHODS, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise Refused(f"no method {name!r}: {hint}the methods are {', '.join(_METHODS)}")
    found = _METHODS[name]
    kinds = inspect.signature(found.function).parameters
    for option, value in options.items():
        if option not in found.options:
            raise Refused(
                f"{name} takes no option {option!r}; its options are "
                f"{', '.join(found.options) or 'none'}"
            )
        annotation = kinds[option].annotation
        allowed = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
        allowed = tuple(get_origin(kind) or kind for kind in allowed)
        if not any(_is_of(value, kind) for kind in allowed):
            words = " or ".join(_WORDS.get(kind, kind.__name__) for kind in allowed)
            raise Refused(f"{name}: {option}={value!r:.60}: give {words}")
    return found


_WORDS = {
    bool: "True or False",
    int: "a whole number",
    float: "a finite number",
    str: "a name",
    Sequence: "a list",
    Mapping: "a dict of options",
    NoneType: "None",
}


def _is_of(value: Any, kind: Any) -> bool:
    """Tell whether a value is of the kind that a method's signature says, as far as it is told."""
    if kind is bool:
        return isinstance(value, bool | np.bool_)
    if kind is int:
        return isinstance(value, Integral) and not isinstance(value, bool)
    if kind is float:
        return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    return kind in (Any, Iterable) or isinstance(value, kind)
