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
from layerscope.tape.operations import (
    Operation,
    Value,
    base_name,
    is_in_place,
    kind_of,
    leaves_of,
    map_leaves,
    name_of,
)
from layerscope.tape.parameters import parameters_of
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


def record(model: nn.Module, images: Tensor) -> Tape:
    """Run `model` on one batch in evaluation mode and record it; the model is left untouched.

    Functional, in-place and reused operations are seen like modules, because the recording
    stands between Python and torch and not on the modules. Four-axis inputs are computed in
    channels_last memory, which gives the same numbers sooner.

    Args:
        model: any eager module of one input.
        images: `"batch channel ..."`; it is neither written to nor kept.

    Raises:
        Refused: scripted modules, active dropout, batch statistics in evaluation mode.

    """
    model = getattr(model, "_orig_mod", model)
    _refuse_scripted(model)
    with untouched(model):
        images = _own_copy(images)
        recorder = _Recorder(images, {id(m): name for name, m in model.named_modules()})
        with recorder.modules_watched(), recorder:
            result = model(images)
        recorder.tape.output = map_leaves(result, recorder.value_or_self)
    return recorder.tape


def _refuse_scripted(model: nn.Module) -> None:
    for name, module in model.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            where = f"layer {name!r}" if name else "the model"
            raise Refused(
                f"{where} is a TorchScript module, whose operations cannot be seen; "
                "give the eager module that it was made from"
            )


def _own_copy(images: Tensor) -> Tensor:
    layout = torch.channels_last if images.dim() == 4 else torch.contiguous_format
    return images.detach().clone(memory_format=layout)


class _Recorder(TorchFunctionMode):
    """Sees every torch call made while it is active, and records those that touch the input."""

    def __init__(self, images: Tensor, names: dict[int, str]) -> None:
        super().__init__()
        self._names = names
        self._running: list[str] = []
        self._objects: dict[int, tuple[Tensor, Value]] = {}  # id -> (kept alive, its value now)
        self._aliases: dict[int, set[int]] = {}  # storage -> ids of the objects that share it
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
        if not any(id(x) in self._objects for x in leaves_of((args, kwargs))):
            return function(*args, **kwargs)
        if kwargs.get("out") is not None:
            raise Refused(f"{name_of(function)} writes into out=; give it a result of its own")
        args, kwargs = self._same_padding(function, args, kwargs)
        in_place = is_in_place(function, args, kwargs)
        if in_place:
            self._keep_before_writing(args[0] if args else kwargs["input"])
        operation = self._operation(function, args, kwargs, in_place)
        result = self._run(operation, args, kwargs)
        if in_place or _holds_tensors(result):
            self._write_down(operation, result, args, kwargs)
        return result

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
        inputs = tuple(dict.fromkeys(x for x in leaves_of((args, kwargs)) if isinstance(x, Value)))
        kind = kind_of(function, args, kwargs, len(inputs))
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
        )
        operation.parameters = parameters_of(operation)
        _refuse_what_mixes_or_draws(operation)
        return operation

    def _run(self, operation: Operation, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if operation.kind == "max_pool" and "return_indices" in operation.parameters:
            pooled, switches = _pool_with_switches(operation, args, kwargs)
            operation.saved["switches"] = switches
            return (pooled, switches) if operation.parameters["return_indices"] else pooled
        if base_name(operation.function) == "view" and not isinstance(args[1], torch.dtype):
            return args[0].reshape(*args[1:], **kwargs)  # channels_last memory may need a copy
        return operation.function(*args, **kwargs)

    def _write_down(
        self, operation: Operation, result: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        tensors = [x for x in leaves_of(result) if isinstance(x, Tensor)]
        if operation.in_place:
            target = args[0] if args else kwargs["input"]
            if target is not result:
                tensors = [target]
        elif all(id(x) in self._objects for x in tensors):
            return  # dropout in evaluation mode, .contiguous() of what is so: nothing happened
        outputs = []
        for tensor in tensors:
            value = Value(len(self.tape.values), tensor, operation)
            self.tape.values.append(value)
            outputs.append(value)
            self._remember(tensor, value)
        operation.outputs = tuple(outputs)
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
        """Treat a copy made in the place of a view as the view that the caller meant."""
        if base_name(operation.function) != "view":
            return
        base, copy = _storage(operation.inputs[0].tensor), _storage(tensors[0])
        together = self._aliases.get(base, set()) | self._aliases.get(copy, set())
        self._aliases[base] = self._aliases[copy] = together

    def _keep_before_writing(self, target: Tensor) -> None:
        """Copy what the tape holds in memory that is about to be overwritten."""
        storage = _storage(target)
        if id(target) not in self._objects:  # a constant until now, filled from recorded values
            constant = Value(len(self.tape.values), target, None)
            self.tape.values.append(constant)
            self._remember(target, constant)
        for identity in self._aliases.get(storage, ()):
            value = self._objects[identity][1]
            if value.tensor is self._objects[identity][0]:
                value.tensor = value.tensor.clone()

    def _mark_overwritten(self, target: Tensor, operation: Operation) -> None:
        """Give every other tensor in that memory a new value, whose way back is unknown."""
        for identity in self._aliases.get(_storage(target), set()) - {id(target)}:
            tensor, before = self._objects[identity]
            unknown = Operation(
                index=len(self.tape.operations),
                kind="overwritten",
                name=f"{operation.name} into a view",
                function=operation.function,
                args=(),
                kwargs={},
                inputs=(before, operation.outputs[0]),
                module=operation.module,
            )
            value = Value(len(self.tape.values), tensor, unknown)
            unknown.outputs = (value,)
            self.tape.operations.append(unknown)
            self.tape.values.append(value)
            self._objects[identity] = (tensor, value)

    def _same_padding(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Write padding="same" of an even kernel as a pad and a convolution without padding."""
        if base_name(function) not in ("conv1d", "conv2d", "conv3d"):
            return args, kwargs
        names = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
        call = dict(zip(names, args, strict=False)) | kwargs
        if call.get("padding") != "same":
            return args, kwargs
        kernel = call["weight"].shape[2:]
        dilation = call.get("dilation", 1)
        dilation = [dilation] * len(kernel) if isinstance(dilation, int) else list(dilation)
        total = [d * (k - 1) for d, k in zip(dilation, kernel * len(dilation), strict=False)]
        if any(n % 2 for n in total):
            sides = [side for n in reversed(total) for side in (n // 2, n - n // 2)]
            call["input"] = self.__torch_function__(F.pad, (), (call["input"], sides))
            call["padding"] = 0
        else:
            call["padding"] = tuple(n // 2 for n in total)
        return (), call


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _holds_tensors(result: Any) -> bool:
    return any(isinstance(leaf, Tensor) for leaf in leaves_of(result))


def _pool_with_switches(
    operation: Operation, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Tensor, Tensor]:
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


def _refuse_what_mixes_or_draws(operation: Operation) -> None:
    """Refuse what would make an example's answer depend on chance or on its neighbours."""
    kind, call = operation.kind, operation.parameters
    if kind == "dropout" and call.get("training", True) and call.get("p", 0.5) > 0:
        raise Refused(
            f"{operation.label} is active in evaluation mode, so that every answer is random; "
            "call it with training=self.training"
        )
    if kind == "batch_norm" and call.get("training") and operation.inputs[0].tensor.shape[0] > 1:
        raise Refused(
            f"{operation.label} uses the statistics of the batch in evaluation mode, so that an "
            "example's answer depends on its neighbours; use track_running_stats=True, or trace "
            "one example at a time"
        )
