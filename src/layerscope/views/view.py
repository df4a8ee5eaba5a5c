"""A view: what a method saw at one layer, as an array with named axes."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
import torch

from layerscope.errors import LayerscopeError, Refused
from layerscope.storage import write_whole
from layerscope.views.resize import refuse_if_moved, resize

if TYPE_CHECKING:
    from layerscope.views.sound import Sound

SPATIAL = frozenset({"x", "y", "z", "time", "sensor", "frequency"})


@dataclass(frozen=True, eq=False)
class View:
    """Values of one method at one layer.

    Attributes:
        values: float32, one axis for each word of `axes`.
        axes: words such as `("batch", "y", "x")`.
        method: the method's registered name.
        layer: the layer's name, as in `named_modules()`; "input" of a method without layers.
        unit: the channel looked at: one number, one per example, or None.
        target: the class looked at, one index per example, or None.
        about: what is explained, in words, one for each example; empty where nothing is.
        examples: an identifier for each position of the axis "batch".
        signed: whether values below zero mean something.
        input_size: size of the input along its spatial axes.
        grid: for each spatial axis `(centre, stride)` in input samples: where position 0 looks
            and how far apart neighbours look; None where the geometry is not known.
        moved: the operation that moved positions away from where the input has them (a flip, a
            roll, swapped axes); empty where they lie as in the input, resampled or not.
        quality: what is known of the view: positions, activations, gaps; arrays by name.

    """

    values: np.ndarray
    axes: tuple[str, ...]
    method: str
    layer: str
    unit: int | np.ndarray | None = None
    target: np.ndarray | None = None
    about: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    signed: bool = False
    input_size: tuple[int, ...] = ()
    grid: tuple[tuple[float, float], ...] | None = None
    moved: str = ""
    quality: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.values.ndim != len(self.axes):
            raise LayerscopeError(
                f"a view of shape {self.values.shape} does not have the axes {self.axes}"
            )

    def __repr__(self) -> str:
        axes = " ".join(f"{word}={n}" for word, n in zip(self.axes, self.values.shape, strict=True))
        return f"View({self.method} at {self.layer}: {axes})"

    def over_input(self) -> "View":
        """Resize the spatial axes to the input's size, so that the view lies over its input.

        Linear interpolation between the points at which the layer's positions look; beyond the
        outermost of them their value holds. Where the geometry is not known the map is
        stretched over the input.

        Raises:
            Refused: the view has no spatial axes to lay over the input, or its positions were
                moved, so that they do not lie over what they saw.

        """
        spatial = [axis for axis in self.axes if axis in SPATIAL]
        if not spatial or len(spatial) != len(self.input_size) or self.axes[0] == "unit":
            raise Refused(
                f"{self!r} cannot be laid over an input of size {self.input_size}: "
                "it has not the input's spatial axes"
            )
        refuse_if_moved(repr(self), self.moved)
        lead, size = self.values.shape[: -len(spatial)], self.values.shape[-len(spatial) :]
        maps = torch.from_numpy(self.values).reshape(-1, *size)
        resized = resize(maps, self.grid, self.input_size)
        return replace(
            self,
            values=resized.reshape(*lead, *self.input_size).numpy(),
            grid=tuple((0.0, 1.0) for _ in spatial),
        )

    def sound(self, sfreq: float, *, row: int | tuple[int, ...] = 0) -> "Sound":
        """Make one row of a view along time audible: see `views.sound.sonify`.

        Args:
            sfreq: samples per second of the input, in Hz; what is coarser is laid over it first.
            row: which of the axes before time; the channels that are left are summed.

        Raises:
            Refused: time is not the last axis, or the view does not lie over its input.

        >>> tone = np.sin(np.arange(4000)).astype(np.float32)
        >>> View(tone[None], ("batch", "time"), "saliency", "input").sound(8000).seconds
        0.5

        """
        from layerscope.views.sound import sonify

        coarse = bool(self.input_size) and self.values.shape[-1:] != self.input_size[-1:]
        return sonify(
            self.over_input() if coarse and "batch" in self.axes else self, sfreq, row=row
        )

    def save(self, path: str | Path) -> None:
        """Write the view as one `.npz` file, whole."""
        facts = {
            "axes": self.axes,
            "method": self.method,
            "layer": self.layer,
            "about": self.about,
            "examples": self.examples,
            "signed": self.signed,
            "input_size": self.input_size,
            "grid": self.grid,
            "moved": self.moved,
        }
        arrays: dict[str, Any] = {f"quality.{name}": x for name, x in self.quality.items()}
        arrays["values"] = self.values
        for name in ("unit", "target"):
            if getattr(self, name) is not None:
                arrays[name] = np.asarray(getattr(self, name))
        arrays["facts"] = np.array(json.dumps(facts, ensure_ascii=False))
        write_whole(Path(path), lambda file: np.savez_compressed(file, **arrays))

    @staticmethod
    def load(path: str | Path) -> "View":
        """Read a view that `save` wrote."""
        try:
            with np.load(path, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            facts: dict[str, Any] = json.loads(str(arrays["facts"]))
        except (OSError, ValueError, EOFError, KeyError, TypeError, BadZipFile) as error:
            raise LayerscopeError(
                f"cannot read the view {path}: it is no whole file that View.save wrote"
            ) from error
        unit = arrays.get("unit")
        grid = facts["grid"]
        return View(
            values=arrays["values"],
            axes=tuple(facts["axes"]),
            method=facts["method"],
            layer=facts["layer"],
            unit=int(unit) if unit is not None and unit.ndim == 0 else unit,
            target=arrays.get("target"),
            about=tuple(facts.get("about", ())),
            examples=tuple(facts["examples"]),
            signed=facts["signed"],
            input_size=tuple(facts["input_size"]),
            grid=None if grid is None else tuple((float(c), float(s)) for c, s in grid),
            moved=facts.get("moved", ""),
            quality={
                name.removeprefix("quality."): array
                for name, array in arrays.items()
                if name.startswith("quality.")
            },
        )
