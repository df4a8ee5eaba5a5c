"""What a sweep found, as one document: trials, settings, the study's table, fronts, the choice."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from layerscope import storage
from layerscope.training.sweep.choose import Candidate, Choice, Quality, choose, pareto, quality
from layerscope.training.sweep.folder import State, SweepFolder, by_setting
from layerscope.training.sweep.sentences import sentence
from layerscope.training.sweep.trials import Cost, Setting, short_names

if TYPE_CHECKING:
    from layerscope.evaluation import Predictions

COSTS = ("parameters", "flops", "seconds", "memory_mb")
"""Costs beside which quality is set; `seconds` of training, `memory_mb` the process's peak."""

MEASURED = ("state", "epochs", "images", "val_accuracy", "val_balanced_accuracy", *COSTS)


def write_results(
    folder: SweepFolder, costs: Mapping[int, Cost], stopped: frozenset[int]
) -> dict[str, Any]:
    """Write sweep.csv, settings.csv and sweep.json from what lies in the folder; give the last."""
    states = [folder.state(trial) for trial in folder.trials]
    found = document(folder, states, costs, stopped)
    keys = swept_keys(states)
    names = list(short_names(keys).values())
    columns = ["trial", *names, "seed", *MEASURED, "reason", "run"]
    storage.write_csv(folder.table_file, columns, [_flat(row) for row in found["trials"]])
    columns = list(_flat(found["settings"][0]))
    storage.write_csv(folder.settings_file, columns, [_flat(row) for row in found["settings"]])
    storage.write_json(folder.document_file, found)
    return found


def document(
    folder: SweepFolder,
    states: Sequence[State],
    costs: Mapping[int, Cost],
    stopped: frozenset[int],
) -> dict[str, Any]:
    """Gather all that a sweep found; figures that settings are compared by are of a full budget."""
    sweep = folder.study.sweep
    assert sweep is not None
    grouped = by_setting(states)
    complete = {n: g for n, g in grouped.items() if all(s.name == "finished" for s in g)}
    said = {number: [_val(folder, state) for state in group] for number, group in complete.items()}
    comparable = len({_examples(each) for group in said.values() for each in group}) <= 1
    qualities = {
        number: quality(group[0].true, _correct(group), sweep.metric)
        for number, group in said.items()
        if len({_examples(each) for each in group}) == 1
    }
    choice = _choice(qualities, costs, sweep.size, sweep.rule) if comparable else None
    rows = [
        _setting_row(group, costs[number], qualities.get(number), number in stopped)
        for number, group in grouped.items()
    ]
    _mark_fronts(rows)
    found = {
        "name": folder.study.name,
        "metric": sweep.metric,
        "rule": sweep.rule,
        "size": sweep.size,
        "split": "val",
        "keys": swept_keys(states),
        "trials": [_trial_row(folder, state, costs, stopped) for state in states],
        "settings": rows,
        "choice": None if choice is None else _choice_row(choice, rows, folder, grouped),
        "comparable": comparable,
        "curves": {str(number): _curve(group) for number, group in grouped.items()},
    }
    found["sentence"] = sentence(found)
    return found


def _curve(states: Sequence[State]) -> list[list[float]]:
    """Give [epoch, mean, lowest, highest] of the seeds, where all of them were validated."""
    epochs = set.intersection(*(set(state.scores) for state in states))
    points = [(epoch, [state.scores[epoch] for state in states]) for epoch in sorted(epochs)]
    return [[epoch, float(np.mean(all_)), min(all_), max(all_)] for epoch, all_ in points]


def swept_keys(states: Sequence[State]) -> list[str]:
    """List the dotted keys that some setting names."""
    return list(dict.fromkeys(key for s in states for key in s.trial.setting.values))


def _val(folder: SweepFolder, state: State) -> "Predictions":
    return folder.run(state.trial).predictions("val")


def _correct(group: Sequence["Predictions"]) -> np.ndarray:
    """Tell for each seed and example whether it was right: bool (seeds, N)."""
    return np.stack([said.predicted == said.true for said in group])


def _examples(said: "Predictions") -> tuple[Any, ...]:
    """Say on which examples, and of which classes, a figure is."""
    return said.classes, said.ids


def _choice(
    qualities: Mapping[int, Quality], costs: Mapping[int, Cost], size: str, rule: str
) -> Choice | None:
    candidates = [
        Candidate(number, found, float(getattr(costs[number], size)), float(costs[number].flops))
        for number, found in qualities.items()
    ]
    return choose(candidates, rule) if candidates else None


def _trial_row(
    folder: SweepFolder, state: State, costs: Mapping[int, Cost], stopped: frozenset[int]
) -> dict[str, Any]:
    """Describe a trial; one without its full budget has no figures."""
    number = state.trial.setting.number
    full = state.name == "finished"
    return {
        "trial": state.trial.name,
        "values": _named(state.trial.setting),
        "seed": state.trial.seed,
        "state": "stopped" if number in stopped and not full else state.name,
        "epochs": state.epochs,
        "images": state.images,
        "val_accuracy": state.figures.get("accuracy") if full else None,
        "val_balanced_accuracy": state.figures.get("balanced_accuracy") if full else None,
        **asdict(costs[number]),
        "seconds": state.seconds or None,
        "memory_mb": _megabytes([state.memory]),
        "reason": state.reason,
        "run": str(folder.run_folder(state.trial).relative_to(folder.path)),
    }


def _setting_row(
    states: Sequence[State], cost: Cost, found: Quality | None, stopped: bool
) -> dict[str, Any]:
    """Describe a setting: the mean and range of its seeds, or why it has none."""
    finished = [state for state in states if state.name == "finished"]
    failed = [state for state in states if state.name == "failed"]
    state = "finished" if len(finished) == len(states) else "failed" if failed else "unfinished"
    return {
        "setting": states[0].trial.setting.number,
        "values": _named(states[0].trial.setting),
        "state": "stopped" if stopped and state == "unfinished" else state,
        "seeds": len(states),
        "mean": None if found is None else found.mean,
        "low": None if found is None else found.low,
        "high": None if found is None else found.high,
        "standard_error": None if found is None else found.error,
        "seeds_error": None if found is None else found.seeds_error,
        "examples_error": None if found is None else found.examples_error,
        **asdict(cost),
        "seconds": float(np.mean([s.seconds for s in finished])) if finished else None,
        "memory_mb": _megabytes([s.memory for s in finished]),
        "fronts": [],
        "reason": "; ".join(dict.fromkeys(s.reason for s in failed)),
    }


def _mark_fronts(rows: Sequence[dict[str, Any]]) -> None:
    """Note for each setting beside which costs no other is better and as cheap."""
    for cost in COSTS:
        full = [row for row in rows if row["mean"] is not None and row[cost] is not None]
        kept = pareto([row[cost] for row in full], [row["mean"] for row in full])
        for row, on_front in zip(full, kept, strict=True):
            if on_front:
                row["fronts"].append(cost)


def _choice_row(
    choice: Choice,
    rows: Sequence[Mapping[str, Any]],
    folder: SweepFolder,
    grouped: Mapping[int, Sequence[State]],
) -> dict[str, Any]:
    """Describe the choice; its figure on test, which had no part in it, where there is one."""
    row = next(row for row in rows if row["setting"] == choice.chosen)
    runs = [folder.run(state.trial) for state in grouped[choice.chosen]]
    tested = [
        run.evaluation("test").balanced_accuracy.value for run in runs if "test" in run.splits()
    ]
    return {
        **asdict(choice),
        "values": row["values"],
        "mean": row["mean"],
        "test_balanced_accuracy": float(np.mean(tested)) if tested else None,  # type: ignore[arg-type]
        "runs": [str(run.path.relative_to(folder.path)) for run in runs],
    }


def _named(setting: Setting) -> dict[str, Any]:
    names = short_names(list(setting.values))
    return {names[key]: value for key, value in setting.values.items()}


def _megabytes(memory: Sequence[int | None]) -> float | None:
    known = [each for each in memory if each is not None]
    return round(max(known) / 1e6, 1) if known else None


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Put the values of a setting beside its figures, lists as text."""
    flat: dict[str, Any] = {}
    for key, value in row.items():
        if key == "values":
            flat |= {name: _cell(each) for name, each in value.items()}
        else:
            flat[key] = _cell(value)
    return flat


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        plain = all(isinstance(item, str) for item in value)
        return " ".join(value) if plain else json.dumps(value)
    return value
