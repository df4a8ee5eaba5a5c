"""The verdict on the methods of a run: examples from its split, parts and tables in `trust/`."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from layerscope.errors import LayerscopeError
from layerscope.seeing.data import batches
from layerscope.storage import write_csv, write_json, write_whole
from layerscope.trust.judge import QUICK, Amount, Case, gather
from layerscope.trust.maps import DEFAULTS, OPTIONS, Examples, refuse_unjudged
from layerscope.trust.parts import Parts
from layerscope.trust.tables import curves_of, document, table
from layerscope.views import Scope

if TYPE_CHECKING:
    from layerscope.run import Run


def trust_run(
    run: "Run",
    *,
    methods: Sequence[str] | None = None,
    examples: int | None = None,
    quick: bool = False,
    beside: Sequence["Run"] = (),
) -> dict[str, Any]:
    """Judge methods on a run's network and its held-out examples, and write the verdict.

    What was finished before an interruption is kept, as long as weights and settings are the same.

    Args:
        run: a trained run.
        methods: names; `DEFAULTS` where none are given.
        examples: how many are hidden parts of, at most; spread over the classes.
        quick: fewer of everything.
        beside: other trainings of the same study, whose maps are compared.

    Returns:
        What `trust/verdict.json` holds.

    Raises:
        LayerscopeError: an unknown method, a run without weights, runs of other classes.

    """
    names = tuple(methods or DEFAULTS)
    refuse_unjudged(names)
    amount = QUICK if quick else Amount()
    if examples is not None:
        if examples < 3:
            raise LayerscopeError(f"examples = {examples}: at least 3, or no interval can be told")
        amount = replace(amount, examples=examples)
    scope, given = run.scope(), examples_of(run, amount.examples)
    others = {other.path.name: _beside(run, other) for other in beside}
    key = {
        "weights_sha256": run.weights_digest(),
        "methods": list(names),
        "options": OPTIONS,
        "amount": asdict(amount),
        "examples": list(given.ids),
        "beside": {other.path.name: other.weights_digest() for other in beside},
    }
    folder = run.path / "trust"
    parts = Parts.open(folder / "parts", key)
    case = Case(scope, given, names, amount, middle_layer(scope, given), others)
    return judge(case, parts, folder)


def judge(case: Case, parts: Parts, folder: Path) -> dict[str, Any]:
    """Gather what is missing, read it, and write verdict.json, verdict.csv and curves.npz."""
    found = gather(case, parts)
    result = {
        "examples": len(case.given.ids),
        "inner_layer": case.inner_layer,
        **document(found, case.ways),
    }
    rows = table(result["rows"])
    columns = list(dict.fromkeys(key for row in rows for key in row))
    write_csv(folder / "verdict.csv", columns, rows)
    drawn: dict[str, Any] = curves_of(found, case.ways)
    write_whole(folder / "curves.npz", lambda file: np.savez_compressed(file, **drawn))
    write_json(folder / "verdict.json", result)
    return result


def examples_of(run: "Run", count: int) -> Examples:
    """Take held-out examples, spread over the classes, one class after the other in turn."""
    per_class = -(-count // len(run.classes))
    every = list(batches(run, per_class=per_class))
    images = torch.cat([part[0] for part in every])
    labels = np.concatenate([part[1].numpy() for part in every])
    ids = [name for part in every for name in part[2]]
    turn = np.array([np.sum(labels[:k] == labels[k]) for k in range(len(labels))])
    order = np.lexsort((labels, turn))[:count]
    return Examples(images[torch.from_numpy(order)], tuple(ids[k] for k in order), labels[order])


def middle_layer(scope: Scope, given: Examples) -> str:
    """Name the convolution in the middle: of its units and of all of it the inner questions ask."""
    names = scope.layers("conv", given.images.shape[1:])
    return names[len(names) // 2] if names else ""


def _beside(run: "Run", other: "Run") -> Scope:
    if other.classes != run.classes or other.spec.shape != run.spec.shape:
        raise LayerscopeError(
            f"{other.path} has other classes or inputs than {run.path}: name another training of "
            "the same study"
        )
    return other.scope()
