"""The trace: one recorded forward pass of a batch, from which every method reads."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from layerscope.errors import Refused
from layerscope.tape import (
    Operation,
    Receptive,
    Tape,
    Value,
    eager,
    moved_places,
    receptive_fields,
    record,
    sensor_plane,
)
from layerscope.views.aims import Aim, resolve_aim
from layerscope.views.layers import find_layers
from layerscope.views.outputs import over_classes, picked
from layerscope.views.passes import Passes
from layerscope.views.propagate import descend
from layerscope.views.registry import find_method
from layerscope.views.rules import COMPOSITES
from layerscope.views.targets import resolve_target
from layerscope.views.view import View

if TYPE_CHECKING:
    from layerscope.views.scope import Scope


class Trace:
    """Activations, switches and graph of one batch; asking it for a view costs no forward pass.

    Attributes:
        scope: the scope that made it.
        tape: what was recorded.
        examples: an identifier for each example.
        logits: `(B, K)`, before any final softmax.
        notes: what was found out about the model and is worth saying.

    """

    def __init__(self, scope: "Scope", tape: Tape, examples: tuple[str, ...], true: Any) -> None:
        self.scope = scope
        self.tape = tape
        self.examples = examples
        self.notes: tuple[str, ...] = ()
        self.output = self._logits_value()
        self._check_classes()
        self.true = None if true is None else self._labels(true)

    # -- what the model said -------------------------------------------------------------------

    @property
    def logits(self) -> Tensor:
        """The outputs before softmax, `(B, K)`."""
        if self.output.tensor.dim() != 2:
            raise Refused(
                f"the model's output has the shape {tuple(self.output.tensor.shape)}; classes "
                'need logits "batch class" (output= picks one of several)'
            )
        return self.output.tensor

    @property
    def probabilities(self) -> Tensor:
        """The softmax of the logits, `(B, K)`."""
        return self.logits.softmax(1)

    @property
    def predicted(self) -> Tensor:
        """The class of the largest logit, `(B,)`."""
        return self.logits.argmax(1)

    # -- views ---------------------------------------------------------------------------------

    def view(
        self, method: str, layers: str | Sequence[str] | None = None, **options: Any
    ) -> dict[str, View]:
        """Look with a method, and return a view for each layer, in forward order.

        Args:
            method: a registered name; `layerscope methods` lists them.
            layers: "conv" (the default), "all", another kind, a name, or a list.
            options: the method's own: `target=`, `unit=`, `raw=`, ...

        Raises:
            Refused: the method lacks something it needs, or cannot see through this network.

        """
        if layers is not None:
            options["layers"] = layers
        with torch.inference_mode(False), torch.no_grad():
            return find_method(method, options).function(self, **options)

    def aim(self, target: Any) -> Aim:
        """Return what is to be explained of each example.

        Args:
            target: a class ("predicted", "true", a name, an index, or one per example), "cat - dog"
                or a `Difference` of two classes, or a `Unit`, `Channel` or `Region` of a layer.

        """
        return resolve_aim(self, target)

    # -- other inputs ----------------------------------------------------------------------------

    def again(self, images: Tensor, rows: Tensor, *, exact: bool = True) -> "Trace":
        """Run the model on other inputs and return their trace.

        Args:
            images: `(N, channel, ...)`, any number of inputs of the traced size.
            rows: `(N,)`, the example from which each derives.
            exact: False computes in bfloat16 where torch's autocast does.

        """
        for operation in self.tape.operations:
            operation.refuse_if_changed()
        examples = tuple(self.examples[row] for row in rows.tolist())
        tape = record(self.scope.model, images, exact=exact)
        true = None if self.true is None else self.true[rows]
        return Trace(self.scope, tape, examples, true)

    def value_like(self, value: Value) -> Value:
        """Return the value that is here what `value` is in another trace of the same model."""
        if value.index < len(self.tape.values):
            here = self.tape.values[value.index]
            names = [v.producer.name if v.producer else "" for v in (here, value)]
            if names[0] == names[1] and here.tensor.shape[1:] == value.tensor.shape[1:]:
                return here
        raise Refused(
            "the network takes another way on these inputs than on those that were traced (its "
            "operations depend on the data), so that its layers cannot be compared"
        )

    def examples_at_once(self) -> int:
        """Return how many inputs may be traced together within the scope's memory, at least one.

        Counted are the recorded values of one input and what is saved beside them, twice: the way
        back holds as much again at most.
        """
        held = {}
        for operation in self.tape.operations:
            values = [value.tensor for value in operation.outputs]
            for tensor in (*values, *operation.saved.values()):
                held[tensor.data_ptr()] = tensor.numel() * tensor.element_size()
        one = max(1, sum(held.values()) // len(self.examples))
        return max(1, self.scope.memory // (2 * one))

    # -- layers --------------------------------------------------------------------------------

    def layer_names(self, wanted: str | Sequence[str]) -> list[str]:
        """Return the full names of the wanted layers, in forward order.

        A layer that runs several times has no one map; it is left out of "all" or a kind.
        """
        return find_layers(wanted, self.tape.layers, self._modules)

    def value(self, layer: str, *, raw: bool = False) -> Value:
        """Return what a layer answers: of a convolution, the map after its norm and rectifier.

        Args:
            layer: a full name.
            raw: stop before the norm and rectifier that directly follow a convolution.

        """
        calls = self.tape.layers[layer]
        if len(calls) > 1:
            raise Refused(
                f"layer {layer!r} runs {len(calls)} times in one forward pass, so that its map is "
                "not one; ask for the layers around it"
            )
        value = calls[0]
        if raw or not isinstance(self._modules[layer], _CONVOLUTIONS):
            return value
        return self._after(self._after(value, ("batch_norm", "norm")), ("relu",))

    def module(self, layer: str) -> torch.nn.Module:
        """Return the module of that full name."""
        return self._modules[layer]

    def maps(self, wanted: str | Sequence[str], *, raw: bool = False) -> dict[str, Value]:
        """Return the wanted layers' answers that have spatial axes.

        A layer without them is refused where it was named, and left out of "all" or a kind.
        """
        found = {layer: self.value(layer, raw=raw) for layer in self.layer_names(wanted)}
        flat = [layer for layer, value in found.items() if value.tensor.dim() < 3]
        if flat and (not isinstance(wanted, str) or wanted in flat or len(flat) == len(found)):
            raise Refused(
                f"layer {flat[0]!r} answers with the shape "
                f"{tuple(found[flat[0]].tensor.shape)}: it has no spatial axes to map"
            )
        return {layer: value for layer, value in found.items() if layer not in flat}

    def seeds_within_budget(self, at: Value) -> int:
        """Return how many seeds can be carried down from a value at once, at least one."""
        last = -1 if at.producer is None else at.producer.index
        passed = [v.tensor for op in self.tape.operations[: last + 1] for v in op.inputs]
        largest = max((t.numel() * t.element_size() for t in passed), default=1)
        return max(1, self.scope.memory // (4 * largest))

    def propagate(
        self,
        seed: Tensor,
        at: str | Value,
        to: "str | Value | Sequence[str | Value]" = "input",
        rule: str = "gradient",
    ) -> Tensor | list[Tensor]:
        """Carry a seed from a layer down to the input or other layers in one backward pass.

        Args:
            seed: `(*shape of the layer)`, or `(S, *shape)` for S seeds carried together.
            at: a layer, or "output" for the logits.
            to: "input", a layer, or several of these.
            rule: "gradient" or "deconvnet".

        Returns:
            A tensor for each of `to`, with the seed's leading axis if it had one.

        """
        if rule not in COMPOSITES:
            raise Refused(f"no rule {rule!r}; the rules are {', '.join(COMPOSITES)}")
        start = self._place(at)
        several = not isinstance(to, str | Value)
        ends = [self._place(one) for one in (to if not isinstance(to, str | Value) else [to])]
        alone = seed.shape == start.tensor.shape
        found = descend(self.tape, seed[None] if alone else seed, start, ends, COMPOSITES[rule])
        found = [x[0] for x in found] if alone else found
        return found if several else found[0]

    def gradients(self, aim: Aim, to: Sequence[Value], rule: str = "gradient") -> list[Tensor]:
        """Return the gradient of each example's score at each value, from one pass.

        The last aim's are kept and shared (see `Passes`): they are not to be written to.
        """
        return self._passes.down(aim, rule, to, self._descent)

    # -- making views ----------------------------------------------------------------------------

    def make_view(
        self,
        method: str,
        layer: str,
        value: Value,
        values: Tensor,
        axes: Sequence[str],
        aim: Aim | None = None,
        **more: Any,
    ) -> View:
        """Return a `View` with what the trace knows of its examples, aim and geometry.

        It may hold the memory of `values`, which are therefore to be nobody else's.
        """
        if aim is not None:
            more = {"target": aim.classes, "about": aim.about, **more}
        for name in ("target", "unit"):
            if isinstance(more.get(name), Tensor):
                more[name] = more[name].cpu().numpy()
        return View(
            values=np.ascontiguousarray(values.detach().float().cpu().numpy()),
            axes=tuple(axes),
            method=method,
            layer=layer,
            examples=self.examples if "batch" in axes else (),
            input_size=self._input_size(value),
            grid=self.grid(value),
            moved=self.moved(value),
            **more,
        )

    def grid(self, value: Value) -> tuple[tuple[float, float], ...] | None:
        """Return `(centre, stride)` of each spatial axis, as a `View` holds it; None: unknown."""
        field = self._fields.get(value)
        if not field or any(r.stride <= 0 or not np.isfinite(r.first) for r in field):
            return None
        return tuple((r.centre, float(r.stride)) for r in field)

    def moved(self, value: Value) -> str:
        """Name the operation that moved positions from where the input has them; empty: none."""
        return self._moved.get(value, "")

    def spatial(self, tensor: Tensor) -> tuple[str, ...]:
        """Name the axes after batch and channel."""
        if self.plane is not None and tensor.dim() == self.plane.tensor.dim():
            return self._plane_axes
        return self.scope.axis_words(tensor.dim() - 2) if tensor.dim() > 2 else ()

    @cached_property
    def plane(self) -> Value | None:
        """The input as one plane of sensors by time, where a network of recordings makes it one.

        Its maps then have an axis for the sensors; positions on it are those of the plane.
        """
        return sensor_plane(self.tape) if self.scope.kind == "recording" else None

    def seen_in_time(self, value: Value) -> Receptive | None:
        """Give what a position sees along the input's time axis; None where that is not known."""
        axes, field = self.spatial(value.tensor), self._fields.get(value)
        return field[axes.index("time")] if field and "time" in axes else None

    # -- inside ----------------------------------------------------------------------------------

    @cached_property
    def _passes(self) -> Passes:
        return Passes(self.scope.memory // 2)

    def _descent(self, aim: Aim, rule: str, to: Sequence[Value]) -> list[Tensor]:
        found = descend(self.tape, aim.seed[None], aim.at, to, COMPOSITES[rule])
        return [arrived[0] for arrived in found]

    @cached_property
    def _modules(self) -> dict[str, torch.nn.Module]:
        return dict(eager(self.scope.model).named_modules())

    @cached_property
    def _fields(self) -> dict[Value, Any]:
        fields = receptive_fields(self.tape)
        return fields if self.plane is None else fields | receptive_fields(self.tape, self.plane)

    @property
    def _plane_axes(self) -> tuple[str, ...]:
        """The words for a plane's axes, in the order in which the network has them."""
        sizes = self.plane.tensor.shape[2:] if self.plane is not None else ()
        straight = tuple(sizes) == tuple(self.tape.input.tensor.shape[1:])
        return ("sensor", "time") if straight else ("time", "sensor")

    def _input_size(self, value: Value) -> tuple[int, ...]:
        """The size of what a value is laid over: the input, or the plane that it was made."""
        if self.plane is not None and value.tensor.dim() == self.plane.tensor.dim():
            return tuple(self.plane.tensor.shape[2:])
        return tuple(self.tape.input.tensor.shape[2:])

    @cached_property
    def _moved(self) -> dict[Value, str]:
        return moved_places(self.tape)

    @cached_property
    def _leading(self) -> set[Operation]:
        """The operations that the output depends on."""
        needed, leading = {self.output}, set()
        for operation in reversed(self.tape.operations):
            if not needed.isdisjoint(operation.outputs):
                leading.add(operation)
                needed.update(operation.inputs)
        return leading

    def _after(self, value: Value, kinds: tuple[str, ...]) -> Value:
        """Return the result of the operation of a kind that directly follows; else the value."""
        followers = [operation for operation in value.consumers if operation in self._leading]
        if len(followers) == 1 and followers[0].kind in kinds:
            return followers[0].outputs[0]
        return value

    def _place(self, where: "str | Value") -> Value:
        if isinstance(where, Value):
            return where
        if where in ("input", "output"):
            return self.tape.input if where == "input" else self.output
        return self.value(self.layer_names([where])[0])

    def _labels(self, true: Any) -> Tensor:
        return resolve_target(true, self.logits, self.scope.classes, None, name="true")

    def _check_classes(self) -> None:
        names, shape = self.scope.classes, self.output.tensor.shape
        if names is not None and len(shape) == 2 and len(names) != shape[1]:
            raise Refused(
                f"the scope has {len(names)} class names and the model {shape[1]} logits; "
                "give one name for each, in their order"
            )

    def _logits_value(self) -> Value:
        value = picked(self.tape.output, self.scope.output)
        operation = value.producer
        if operation is not None and operation.kind == "softmax" and over_classes(operation):
            self.notes = (*self.notes, f"targets are read before the final {operation.name}")
            return operation.inputs[0]
        return value


_CONVOLUTIONS = (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d)
