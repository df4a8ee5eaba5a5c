"""The last way down, kept by a trace so that methods that ask for the same one share it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from layerscope.tape import Value
from layerscope.views.aims import Aim

#: Carries an aim down under a rule to each of some values.
Descent = Callable[[Aim, str, Sequence[Value]], list[Tensor]]


class Passes:
    """What came down of the last aim, by rule and value.

    A family of methods that is asked one after the other for the same aim costs one backward
    pass. Two aims are the same if they read the same recorded value with equal weights; another
    aim forgets the last. Held are at most `memory` bytes, for as long as the trace lives: what
    is larger is handed out and not kept. The tensors are shared, so nobody writes to them.
    """

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._last: _Kept | None = None

    def down(self, aim: Aim, rule: str, to: Sequence[Value], descent: Descent) -> list[Tensor]:
        """Return what comes down to each of `to`; only what is not held yet is computed."""
        last = self._last
        if last is None or not last.is_of(aim):
            last = self._last = _Kept.of(aim)
        found = {value: last.held[rule, value] for value in to if (rule, value) in last.held}
        missing = [value for value in dict.fromkeys(to) if value not in found]
        if missing:
            new = dict(zip(missing, descent(aim, rule, missing), strict=True))
            found |= new
            if _bytes(last.held.values()) + _bytes(new.values()) <= self._memory:
                last.held.update({(rule, value): tensor for value, tensor in new.items()})
        return [found[value] for value in to]


@dataclass(frozen=True, eq=False)
class _Kept:
    """What came down of an aim whose weights have not been written to since."""

    aim: Aim
    version: int | None  # None: a copy, which nobody writes to
    held: dict[tuple[str, Value], Tensor] = field(default_factory=dict)

    @staticmethod
    def of(aim: Aim) -> "_Kept":
        """Keep an aim; of weights made in inference mode, which count no writes, a copy."""
        if aim.seed.is_inference():
            return _Kept(replace(aim, seed=aim.seed.clone()), None)
        return _Kept(aim, aim.seed._version)

    def is_of(self, aim: Aim) -> bool:
        if self.aim.at is not aim.at:
            return False
        if self.version is not None and self.aim.seed._version != self.version:
            return False
        return torch.equal(self.aim.seed, aim.seed)


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
