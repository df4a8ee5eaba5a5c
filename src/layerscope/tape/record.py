"""Recording: run a module once and write down every operation that depends on its input."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules import module as torch_module
from torch.overrides import TorchFunctionMode

from layerscope.errors import Refused
from layerscope.tape.hidden import Guard, gradients_by_hand_seen
from layerscope.tape.operations import (
    Operation,
    Value,
    base_name,
    is_in_place,
    kind_of,
    leaves_of,
    map_leaves,
    name_of,
    reduced,
)
from layerscope.tape.parameters import parameters_of
from layerscope.tape.refusals import (
    is_inactive_dropout,
    refuse_unseen_modules,
    refuse_what_mixes_or_draws,
)
from layerscope.tape.rewrites import explicit_padding, pool_with_switches
from layerscope.tape.untouched import untouched


@dataclass(eq=False)
class Tape:
    """One recorded forward pass: values and operations in forward order.

    `layers` holds, for every module that ran, the values that its calls returned (the first
    tensor of a tuple or dict), in the order in which the modules first returned.
    """

    input: Value
    output: Any = None
    operations: list[Operation] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)
    layers: dict[str, list[Value]] = field(default_factory=dict)

    def release(self) -> None:
        """Let go of every tensor now, not at the next collection of cycles; read no more of it."""
        for operation in self.operations:
            operation.saved.clear()
        for value in self.values:
            value.tensor = value.tensor.new_empty(0)


def record(model: nn.Module, images: Tensor, *, exact: bool = True) -> Tape:
    """Run `model` on one batch in evaluation mode and record it; the model is left untouched.

    Functional, in-place and reused operations are seen like modules, because the recording
    stands between Python and torch and not on the modules. Four-axis inputs are computed in
    channels_last memory, which gives the same numbers sooner; a network to which the layout of
    memory matters is run again in the layout of `images`.

    Args:
        model: any eager module of one input.
        images: `"batch channel ..."`; it is neither written to nor kept.
        exact: False computes in bfloat16 where torch's autocast does.

    Raises:
        Refused: scripted or lazy modules, active dropout, batch statistics and random numbers in
            evaluation mode, and calls that cannot be seen.

    """
    model = eager(model)
    refuse_unseen_modules(model)
    with untouched(model), torch.inference_mode(False):
        if images.dim() == 4:
            try:
                flat = images.detach().clone(memory_format=torch.channels_last)
                return _recorded(model, flat, exact=exact)
            except _LayoutMatters:
                pass
        return _recorded(model, images.detach().clone(), layout_is_given=True, exact=exact)


def eager(model: nn.Module) -> nn.Module:
    """Return the module that `torch.compile` was given; any other module as it is."""
    return getattr(model, "_orig_mod", model)


def _recorded(
    model: nn.Module, images: Tensor, *, layout_is_given: bool = False, exact: bool
) -> Tape:
    names = {id(module): name for name, module in model.named_modules()}
    recorder = _Recorder(images, names, layout_is_given, reduced=not exact)
    with (
        reduced(images, enabled=not exact),
        torch.enable_grad(),  # so that a network's own no_grad can be told; each call has none
        gradients_by_hand_seen(recorder.by_hand),
        recorder.modules_watched(),
        recorder.guard,
        recorder,
    ):
        try:
            result = model(images)
        except RuntimeError as error:
            raise recorder.guard.refusal or error from error
    recorder.tape.output = map_leaves(result, recorder.value_or_self)
    recorder._objects.clear()  # the tape alone holds the tensors from here on
    return recorder.tape


class _LayoutMatters(Exception):
    """The network's answer depends on how its tensors lie in memory."""


_ASKS_FOR_LAYOUT = frozenset(
    {"as_strided", "is_contiguous", "stride", "storage_offset", "untyped_storage", "data_ptr"}
)


class _Recorder(TorchFunctionMode):
    """Sees every torch call made while it is active, and records those that touch the input."""

    def __init__(
        self, images: Tensor, names: dict[int, str], layout_is_given: bool, *, reduced: bool
    ) -> None:
        super().__init__()
        self._reduced = reduced
        self._names = names
        self._layout_is_given = layout_is_given
        self._running: list[str] = []
        self._objects: dict[int, tuple[Tensor, Value]] = {}  # id -> (kept alive, its value now)
        self._aliases: dict[int, set[int]] = {}  # storage -> ids of the objects that share it
        self._copied: set[int] = set()  # storages of copies that would be views, and of their bases
        self._by_hand = False
        self._wants_gradients = True
        self.guard = Guard(lambda tensor: _storage(tensor) in self._aliases)
        self.tape = Tape(input=Value(0, images, None))
        self.tape.values.append(self.tape.input)
        self._remember(images, self.tape.input)

    # -- which module is running ------------------------------------------------------------

    @contextmanager
    def modules_watched(self) -> Iterator[None]:
        """Follow the modules as they run; the hooks are torch's global ones, on no module."""

        def enter(module: nn.Module, _inputs: Any) -> None:
            self._running.append(self._names.get(id(module), ""))

        def leave(module: nn.Module, _inputs: Any, result: Any) -> None:
            self._running.pop()
            name = self._names.get(id(module))
            tensors = [x for x in leaves_of(result) if id(x) in self._objects]
            if name is not None and tensors:
                self.tape.layers.setdefault(name, []).append(self._objects[id(tensors[0])][1])

        handles = (
            torch_module.register_module_forward_pre_hook(enter),
            torch_module.register_module_forward_hook(leave),
        )
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    # -- one call ---------------------------------------------------------------------------

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if function is torch._C._set_grad_enabled:
            self._wants_gradients = bool(args[0])
            return function(*args)
        self._adopt(args, kwargs)
        if not any(id(x) in self._objects for x in leaves_of((args, kwargs))):
            with torch.no_grad():
                return function(*args, **kwargs)
        if kwargs.get("out") is not None:
            raise Refused(f"{name_of(function)} writes into out=; give it a result of its own")
        if base_name(function) in _ASKS_FOR_LAYOUT and not self._layout_is_given:
            raise _LayoutMatters
        args, kwargs = explicit_padding(function, args, kwargs, self._pad)
        return self._record(function, args, kwargs)

    def by_hand(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Record an autograd function as one operation, whose gradient is its own."""
        if self._by_hand or not any(id(x) in self._objects for x in leaves_of((args, kwargs))):
            return function(*args, **kwargs)
        self._by_hand = True
        try:
            with torch._C.DisableTorchFunction():
                return self._record(function, args, kwargs)
        finally:
            self._by_hand = False

    def _record(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Run a call that reads recorded tensors, and write it down."""
        in_place = is_in_place(function, args, kwargs)
        if in_place:
            self._keep_before_writing(_first(args, kwargs))
        operation = self._operation(function, args, kwargs, in_place)
        before = torch.default_generator.get_state()
        result = self._run(operation, args, kwargs)
        if not torch.equal(before, torch.default_generator.get_state()):
            raise Refused(
                f"{operation.label} draws random numbers in evaluation mode, so that every answer "
                "is another; draw them only where self.training is set"
            )
        if in_place or _holds_tensors(result):
            self._write_down(operation, result, args, kwargs)
        return result

    def _called(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Call a function without gradients."""
        with self.guard.recorded_call(), torch.no_grad():
            return function(*args, **kwargs)

    def _pad(self, tensor: Tensor, sides: list[int]) -> Tensor:
        """Pad, as an operation of its own."""
        return self.__torch_function__(F.pad, (), (tensor, sides))

    def value_or_self(self, leaf: Any) -> Any:
        """Return the value that a recorded tensor has now; anything else as it is."""
        entry = self._objects.get(id(leaf))
        return leaf if entry is None else entry[1]

    def _operation(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        in_place: bool,
    ) -> Operation:
        args, kwargs = (map_leaves(tree, self.value_or_self) for tree in (args, kwargs))
        read = [x for x in leaves_of((args, kwargs)) if isinstance(x, Value)]
        inputs = tuple(dict.fromkeys(read))
        kind = kind_of(function, args, kwargs, len(read))
        if not self._wants_gradients:  # under the network's own no_grad
            kind = "detach"
        elif not torch.is_grad_enabled():  # in an autograd function that went past `by_hand`
            kind = "by hand"
        module = self._running[-1] if self._running else ""
        operation = Operation(
            index=len(self.tape.operations),
            kind=kind,
            name=name_of(function),
            function=function,
            args=args,
            kwargs=kwargs,
            inputs=inputs,
            module=module,
            in_place=in_place,
            reduced=self._reduced,
        )
        operation.parameters = parameters_of(operation)
        refuse_what_mixes_or_draws(operation)
        return operation

    def _run(self, operation: Operation, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if operation.kind == "max_pool" and "return_indices" in operation.parameters:
            pooled, switches = self._called(pool_with_switches, (operation, args, kwargs), {})
            operation.saved["switches"] = switches
            return (pooled, switches) if operation.parameters["return_indices"] else pooled
        views = base_name(operation.function) == "view" and not isinstance(args[1], torch.dtype)
        if views and not self._layout_is_given:  # channels_last memory may need a copy
            return self._called(torch.Tensor.reshape, args, kwargs)
        return self._called(operation.function, args, kwargs)

    def _write_down(
        self, operation: Operation, result: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        tensors = [x for x in leaves_of(result) if isinstance(x, Tensor)]
        if is_inactive_dropout(operation) and tensors[0] is _first(args, kwargs):
            return
        if operation.in_place:
            tensors = [_first(args, kwargs)]
        elif all(id(x) in self._objects for x in tensors):
            return  # .contiguous() of what is so: nothing happened
        outputs = []
        for tensor in tensors:
            value = Value(len(self.tape.values), tensor, operation)
            self.tape.values.append(value)
            outputs.append(value)
            self._remember(tensor, value)
        operation.outputs = tuple(outputs)
        operation.constants = _constants(operation)
        for value in operation.inputs:
            value.consumers.append(operation)
        self.tape.operations.append(operation)
        if operation.in_place:
            self._mark_overwritten(tensors[0], operation)
        elif operation.kind == "shape":
            self._share(operation, tensors)

    # -- tensors that are written to, and their views ------------------------------------------

    def _remember(self, tensor: Tensor, value: Value) -> None:
        self._objects[id(tensor)] = (tensor, value)
        self._aliases.setdefault(_storage(tensor), set()).add(id(tensor))

    def _share(self, operation: Operation, tensors: list[Tensor]) -> None:
        """Remember a copy that would be a view in another layout of memory."""
        base, copy = _storage(operation.inputs[0].tensor), _storage(tensors[0])
        if base != copy and base_name(operation.function) in _MAY_COPY:
            self._copied |= {base, copy}

    def _adopt(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Give a value to tensors that are not recorded but lie in memory that is."""
        for tensor in leaves_of((args, kwargs)):
            if not isinstance(tensor, Tensor) or id(tensor) in self._objects:
                continue
            for identity in tuple(self._aliases.get(_storage(tensor), ()))[:1]:
                self._overwrite(tensor, "a write into memory that it shares", identity)

    def _keep_before_writing(self, target: Tensor) -> None:
        """Copy what the tape holds in memory that is about to be overwritten."""
        storage = _storage(target)
        if storage in self._copied and not self._layout_is_given:
            raise _LayoutMatters
        if id(target) not in self._objects:  # a constant until now, filled from recorded values
            constant = Value(len(self.tape.values), target, None)
            self.tape.values.append(constant)
            self._remember(target, constant)
        for identity in self._aliases.get(storage, ()):
            value = self._objects[identity][1]
            if value.tensor is self._objects[identity][0]:
                with self.guard.recorded_call():
                    value.tensor = value.tensor.clone()

    def _mark_overwritten(self, target: Tensor, operation: Operation) -> None:
        """Give every other tensor in that memory a new value, whose way back is unknown."""
        for identity in self._aliases.get(_storage(target), set()) - {id(target)}:
            self._overwrite(self._objects[identity][0], f"{operation.name} into a view", id(target))

    def _overwrite(self, tensor: Tensor, name: str, other: int) -> None:
        """Record that a tensor's content depends on another's in a way that is not known."""
        before = [self._objects[i][1] for i in (id(tensor), other) if i in self._objects]
        unknown = Operation(
            index=len(self.tape.operations),
            kind="overwritten",
            name=name,
            function=torch.Tensor.copy_,
            args=(),
            kwargs={},
            inputs=tuple(before),
            module=self._running[-1] if self._running else "",
        )
        value = Value(len(self.tape.values), tensor, unknown)
        unknown.outputs = (value,)
        self.tape.operations.append(unknown)
        self.tape.values.append(value)
        self._remember(tensor, value)


_MAY_COPY = frozenset(
    {"view", "reshape", "flatten", "contiguous", "ravel", "unflatten", "view_as", "reshape_as"}
)


def _first(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return a call's first argument, which an in-place call writes to."""
    return args[0] if args else kwargs["input"]


def _storage(tensor: Tensor) -> int:
    """Give the address of a tensor's memory; of one that has none (nested, batched) its own id."""
    try:
        return tensor.untyped_storage().data_ptr() or id(tensor)
    except (RuntimeError, NotImplementedError):
        return id(tensor)


def _constants(operation: Operation) -> tuple[tuple[Tensor, int], ...]:
    """List the tensors that a call read beside the recorded ones, with their versions."""
    if operation.kind == "batch_norm" and operation.parameters.get("training"):
        return ()  # its running statistics are written to by the call itself
    leaves = leaves_of((operation.args, operation.kwargs))
    return tuple((x, x._version) for x in leaves if isinstance(x, Tensor))


def _holds_tensors(result: Any) -> bool:
    return any(isinstance(leaf, Tensor) for leaf in leaves_of(result))
