"""What the recording cannot see by itself: compiled calls, and gradients written by hand."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import (
    TorchDispatchMode,
    _get_current_dispatch_mode,
    _pop_mode_temporarily,
)

from layerscope.errors import Refused
from layerscope.tape.operations import leaves_of


class Guard(TorchDispatchMode):
    """Refuses every operation that reads recorded memory outside a recorded call.

    TorchScript functions, `torch.vmap` and the like call torch below Python; what they compute
    from the input would otherwise be taken for a constant.
    """

    def __init__(self, is_recorded: Callable[[Tensor], bool]) -> None:
        super().__init__()
        self._is_recorded = is_recorded
        self._open = 0
        self.refusal: Refused | None = None  # kept, as TorchScript makes a RuntimeError of it

    @contextmanager
    def recorded_call(self) -> Iterator[None]:
        """Let through what a recorded call does.

        Where nobody else's mode lies above, this one steps aside: to be asked, and to say yes, for
        every operation would take longer than the small ones do.
        """
        if not self._open and _get_current_dispatch_mode() is self:
            with _pop_mode_temporarily():
                yield
            return
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1

    def __torch_dispatch__(
        self,
        function: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if not self._open:
            self._refuse_if_recorded(function, leaves_of((args, kwargs)))
        return function(*args, **kwargs)

    def _refuse_if_recorded(self, function: Any, leaves: list[Any]) -> None:
        with torch._C.DisableTorchFunction():
            if any(isinstance(leaf, Tensor) and self._is_recorded(leaf) for leaf in leaves):
                self.refusal = Refused(
                    f"{function} is called where it cannot be seen (a scripted function, "
                    "torch.vmap, or a call from outside Python); write it in plain torch calls"
                )
                raise self.refusal


@contextmanager
def gradients_by_hand_seen(record: Callable[..., Any]) -> Iterator[None]:
    """Send every `torch.autograd.Function` that is applied inside through `record`.

    `record(apply, args)` is called in the place of `apply(*args)`. torch's own class is given
    back its method at the end.
    """
    function = torch.autograd.Function
    own = function.__dict__["apply"]

    def apply(cls: type, *args: Any, **kwargs: Any) -> Any:
        return record(own.__get__(None, cls), args, kwargs)

    setattr(function, "apply", classmethod(apply))  # noqa: B010 (a method, mypy minds)
    try:
        yield
    finally:
        setattr(function, "apply", own)  # noqa: B010
