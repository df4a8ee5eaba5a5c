"""The `[sweep]` section of a study: which settings are tried, with which seeds, and how chosen."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from layerscope.paths import beside

Seed = Annotated[int, Field(ge=0, lt=2**32)]

FIXED = ("name", "sweep", "views", "training.seed", "training.checkpoint_seconds")
"""Keys that are no part of what is compared."""


class HalvingSettings(BaseModel):
    """The `[sweep.halving]` table: most settings are stopped early, the best go on; none if absent.

    After `first` epochs, then after `factor` times as many, and so on, the best one in `factor` of
    the settings go on, by the sweep's metric on val. What goes on to the end has trained exactly as
    it would have without halving; what was stopped is marked so and never compared.

    >>> HalvingSettings(first=2, factor=3).rungs(30)
    [2, 6, 18]
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["successive", "asha"] = "successive"
    """Successive halving (Jamieson 2016) waits for all settings of a rung; ASHA (Li 2020) waits
    for none, and so depends on which trial ends first."""
    first: int = Field(default=1, ge=1)
    """Epochs until the first rung."""
    factor: int = Field(default=3, ge=2, le=100)
    """One in so many goes on."""

    def rungs(self, epochs: int) -> list[int]:
        """List the epochs, below the full number, after which settings are stopped."""
        found, rung = [], self.first
        while rung < epochs:
            found.append(rung)
            rung *= self.factor
        return found


class SweepSettings(BaseModel):
    """Say what is tried: a grid over settings of the study, a list of settings, seeds.

    Settings are named by their dotted keys, as `"model.blocks"`. Every combination of the grid's
    values is tried, then what `settings` lists; each with every seed.

    >>> sweep = SweepSettings(grid={"model": {"blocks": [5, 6]}}, seeds=2)
    >>> sweep.grid, sweep.seeds
    ({'model.blocks': (5, 6)}, (0, 1))
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    grid: dict[str, tuple[Any, ...]] = Field(default_factory=dict)
    """Each key's values, as in `"model.blocks" = [5, 6, 7]`."""
    settings: tuple[dict[str, Any], ...] = ()
    """More settings, as in `[{ "model.blocks" = 8, "model.channels" = 16 }]`."""
    seeds: tuple[Seed, ...] | None = None
    """Values of training.seed; a whole number n is 0 to n - 1; none: the study's own."""
    metric: Literal["balanced_accuracy", "accuracy"] = "balanced_accuracy"
    """By which settings are compared, on val."""
    rule: Literal["one_standard_error", "best"] = "one_standard_error"
    """What is chosen: the smallest network within one standard error of the best, or the best."""
    size: Literal["parameters", "flops"] = "parameters"
    """What makes a network small."""
    halving: HalvingSettings | None = None

    @field_validator("grid", mode="before")
    @classmethod
    def _flat_grid(cls, grid: Any, info: ValidationInfo) -> Any:
        if not isinstance(grid, Mapping):
            return grid
        flat = flatten(grid)
        for key, values in flat.items():
            _swept(key)
            if not isinstance(values, list | tuple) or not values:
                raise ValueError(f"{key}: a list of values to try, as in [5, 6, 7]")
        return {key: tuple(_beside(key, x, info) for x in xs) for key, xs in flat.items()}

    @field_validator("settings", mode="before")
    @classmethod
    def _flat_settings(cls, settings: Any, info: ValidationInfo) -> Any:
        if not isinstance(settings, list | tuple):
            return settings
        flat = [flatten(each) if isinstance(each, Mapping) else each for each in settings]
        for each in flat:
            for key in each if isinstance(each, Mapping) else ():
                _swept(key)
        return tuple(
            {key: _beside(key, x, info) for key, x in each.items()}
            if isinstance(each, Mapping)
            else each
            for each in flat
        )

    @field_validator("seeds", mode="before")
    @classmethod
    def _count_of_seeds(cls, seeds: Any) -> Any:
        if isinstance(seeds, int) and not isinstance(seeds, bool):
            if not 1 <= seeds <= 1000:
                raise ValueError("so many seeds: from 1 to 1,000, or a list of them")
            return tuple(range(seeds))
        return seeds

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.grid and not self.settings:
            raise ValueError('nothing is tried: give grid, as in "model.blocks" = [5, 6, 7]')
        if self.seeds is not None and (not self.seeds or len(set(self.seeds)) < len(self.seeds)):
            raise ValueError("seeds: at least one, each once")
        return self


def flatten(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Write nested tables as one with dotted keys; tuples become lists, as TOML has them.

    >>> flatten({"model": {"blocks": (5, 6)}, "data.size": [96]})
    {'model.blocks': [5, 6], 'data.size': [96]}
    """
    flat: dict[str, Any] = {}
    for key, value in document.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = _plain(value)
    return flat


def _plain(value: Any) -> Any:
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _swept(key: str) -> None:
    """Refuse a key that is no part of what is compared."""
    if key == "training.seed":
        raise ValueError("training.seed: seeds are given as seeds = [0, 1, 2], beside the grid")
    if any(key == fixed or key.startswith(f"{fixed}.") for fixed in FIXED):
        raise ValueError(f"{key} changes nothing that is compared: leave it out")


def _beside(key: str, value: Any, info: ValidationInfo) -> Any:
    """Make a relative data.root relative to the study file, as outside of a sweep."""
    return beside(value, (info.context or {}).get("folder")) if key == "data.root" else value
