"""What a kind of data gives: every example, refused ones too, and how a network is shown them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from layerscope.data.inputs import InputSpec


@dataclass(eq=False)
class Found:
    """One entry an example in each list, the refused ones too.

    `splits`: a name, or "" where it is to be drawn. `rows`: whose values lie where in `values`, -1
    for a refused one. `values`, whose first axis is the row, may be mapped from disk: photographs
    uint8 (rows, y, x, channel), waveforms int16 (rows, time), recordings float32 (rows, channel,
    time). `spec` makes the input's description from the rows that are trained on.

    `fractions` of the splits that are drawn; None: those of the settings.

    `groups`: the speaker, subject or recording of each, "" where it is not known; empty: of none.
    `together`: what may not be torn apart by a drawn split where it is not the group, "" for an
    example on its own; empty: the groups. `leak` says what is done where one group is in two
    splits: "warn" or "refuse"; `group_word` is its name. `notes`: what was done to a usable
    example, or "". `warnings` are of the whole, `log` what was done to it. `background` reads
    sounds to mix in, int16 (time,).
    """

    classes: tuple[str, ...]
    ids: list[str]
    labels: np.ndarray
    splits: list[str]
    sha256: list[bytes]
    sources: list[str]
    reasons: list[str]
    rows: np.ndarray
    values: np.ndarray
    spec: Callable[[np.ndarray], InputSpec]
    groups: list[str] = field(default_factory=list)
    together: list[str] = field(default_factory=list)
    leak: Literal["warn", "refuse"] = "warn"
    group_word: str = "group"
    notes: list[str] = field(default_factory=list)
    warnings: tuple[str, ...] = ()
    log: tuple[str, ...] = ()
    background: Callable[[], np.ndarray] | None = None
    fractions: dict[str, float] | None = None

    def __post_init__(self) -> None:
        for name in ("groups", "notes"):
            if not getattr(self, name):
                setattr(self, name, [""] * len(self.ids))
        self.together = self.together or self.groups
