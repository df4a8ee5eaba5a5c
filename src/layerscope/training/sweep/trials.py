"""What a sweep tries: settings, and trials of them with a seed; each is a study of its own."""

import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from layerscope.errors import LayerscopeError
from layerscope.mistakes import allowed
from layerscope.training.sweep.settings import SweepSettings

if TYPE_CHECKING:
    from layerscope.data.inputs import InputSpec
    from layerscope.study import Study


@dataclass(frozen=True)
class Setting:
    """One combination of values, by dotted key, in the order in which the sweep names them."""

    number: int
    values: Mapping[str, Any]

    def told(self) -> str:
        """Say the values in words.

        >>> Setting(0, {"model.blocks": 6, "model.channels": 32}).told()
        'blocks 6, channels 32'
        """
        names = short_names(list(self.values))
        return ", ".join(f"{names[key]} {_text(value)}" for key, value in self.values.items())


@dataclass(frozen=True)
class Trial:
    """One training of a sweep; `name` is its folder's."""

    setting: Setting
    seed: int
    name: str
    study: "Study"


@dataclass(frozen=True)
class Cost:
    """What a network costs before it is trained: parameters, FLOPs of one example's forward."""

    parameters: int
    flops: int


def settings_of(sweep: SweepSettings) -> list[Setting]:
    """List all settings of a sweep, each once: the grid's, the last key first, then those listed.

    >>> sweep = SweepSettings(grid={"model.blocks": [1, 2], "model.channels": [32, 64]})
    >>> [tuple(setting.values.values()) for setting in settings_of(sweep)]
    [(1, 32), (1, 64), (2, 32), (2, 64)]
    """
    combined = itertools.product(*sweep.grid.values()) if sweep.grid else []
    every = [dict(zip(sweep.grid, values, strict=True)) for values in combined]
    every += [dict(listed) for listed in sweep.settings]
    once = {json.dumps(values, sort_keys=True): values for values in every}
    return [Setting(number, values) for number, values in enumerate(once.values())]


def trials_of(study: "Study") -> list[Trial]:
    """List the trials of a study's sweep, checked one by one.

    Raises:
        LayerscopeError: the study has no `[sweep]`, or a value that its key does not allow.

    """
    if study.sweep is None:
        raise LayerscopeError(
            f'the study "{study.name}" has no [sweep] section: say what is tried, as in\n'
            '[sweep.grid]\n"model.blocks" = [5, 6, 7]'
        )
    seeds = study.sweep.seeds if study.sweep.seeds is not None else (study.training.seed,)
    return [_trial(study, setting, seed) for setting in settings_of(study.sweep) for seed in seeds]


def costs_of(trials: Sequence[Trial]) -> dict[int, Cost]:
    """Measure, by the number of its setting, what each network costs; nothing is trained.

    The data are prepared for it, once for all trials that share them.

    Raises:
        LayerscopeError: a setting's network cannot be built, or does not take the input.

    """
    from layerscope import verbs

    inputs: dict[str, tuple[InputSpec, Sequence[str]]] = {}
    costs: dict[int, Cost] = {}
    for trial in trials:
        if trial.setting.number in costs:
            continue
        key = trial.study.data.model_dump_json()
        if key not in inputs:
            dataset = verbs.prepared(trial.study)
            inputs[key] = dataset.spec, dataset.classes
        try:
            costs[trial.setting.number] = _cost(trial.study, *inputs[key])
        except (LayerscopeError, RuntimeError) as error:
            raise LayerscopeError(f"[sweep] {trial.setting.told()}: {error}") from error
    return costs


def _cost(study: "Study", spec: "InputSpec", classes: Sequence[str]) -> Cost:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from layerscope import nets

    with torch.random.fork_rng(devices=[]), torch.device("meta"):  # shapes without numbers
        net = nets.build(study.model, spec.shape, classes).to("meta").eval()
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            net(torch.zeros(1, *spec.shape))
    size = sum(parameter.numel() for parameter in net.parameters())
    return Cost(size, counter.get_total_flops())


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """Give each key's last word, or all of it where two end alike.

    >>> short_names(["model.blocks", "data.seed", "training.seed"])
    {'model.blocks': 'blocks', 'data.seed': 'data.seed', 'training.seed': 'training.seed'}
    """
    last = [key.rsplit(".", 1)[-1] for key in keys]
    return {
        key: name if last.count(name) == 1 else key for key, name in zip(keys, last, strict=True)
    }


def _trial(study: "Study", setting: Setting, seed: int) -> Trial:
    document = study.model_dump(exclude={"sweep"})
    names = short_names(list(setting.values))
    label = "-".join(f"{names[key]}{_text(value)}" for key, value in setting.values.items())
    label = re.sub(r"[^A-Za-z0-9.+-]+", "_", label)[:80]
    name = f"{setting.number:03d}-{label}-seed{seed}"
    for key, value in {**setting.values, "training.seed": seed}.items():
        _put(document, key.split("."), value, key)
    document["name"] = f"{study.name}-{name}"
    try:
        return Trial(setting, seed, name, type(study).model_validate(document))
    except ValidationError as error:
        raise LayerscopeError(_told(setting, error)) from None


def _put(document: dict[str, Any], path: Sequence[str], value: Any, key: str) -> None:
    """Set a value in nested tables, where there is one to set."""
    for place, part in enumerate(path[:-1]):
        inner = document.get(part)
        if inner is None and part in document:
            inner = document[part] = {}
        if not isinstance(inner, dict):
            where = ".".join(path[:place]) or "a study"
            raise LayerscopeError(f"[sweep] {key}: {where} has no table {part}")
        document = inner
    document[path[-1]] = value


def _told(setting: Setting, error: ValidationError) -> str:
    """Say which value of a setting is not allowed, and what is."""
    reasons = []
    for detail in error.errors():
        key = ".".join(str(part) for part in detail["loc"])
        if detail["type"] == "extra_forbidden":
            reasons.append(f"{key}: a study has no such key")
        else:
            reasons.append(f"{key} = {detail['input']!r}: {allowed(dict(detail), detail['input'])}")
    return f"[sweep] {setting.told()}: {'; '.join(dict.fromkeys(reasons))}"


def _text(value: Any) -> str:
    """Write a value of a setting shortly.

    >>> _text(0.5), _text("muon"), _text(True), _text([[0, 132]])
    ('0.5', 'muon', 'true', '[[0, 132]]')
    """
    return value if isinstance(value, str) else json.dumps(value)
