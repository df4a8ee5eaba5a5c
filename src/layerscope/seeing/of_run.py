"""The views of a run: examples of each class, right and wrong, through every method and layer."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import torch

from layerscope.data import Dataset, prepare
from layerscope.data.inputs import InputSpec
from layerscope.errors import LayerscopeError
from layerscope.progress import bar
from layerscope.seeing.ask import Ask, Beside, aimed, asks, missing
from layerscope.seeing.data import batches
from layerscope.seeing.examples import Chosen, choose
from layerscope.seeing.index import Index
from layerscope.seeing.look import Group, batch_within_budget, look
from layerscope.seeing.outcome import Outcome, layers_of_words, outcome
from layerscope.seeing.settings import ViewsSettings, asked
from layerscope.views import Scope

if TYPE_CHECKING:
    from torch import nn

    from layerscope.run import Run


OTHERS = 48
"""Examples, about, that a view of one of them may be compared with."""


@dataclass(frozen=True)
class Seen:
    """The index of a folder of views, how many were made now, and what came of those asked for."""

    index: Index
    made: int
    outcome: Outcome


def see_run(
    run: "Run",
    *,
    methods: Sequence[str] | None = None,
    layers: str | Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
    target: int | str | None = None,
) -> Seen:
    """Make the views that the run's study, or the arguments, ask for and that are not there yet.

    Views made of other weights, or of other examples, are removed first.

    Raises:
        LayerscopeError: an unknown method, layer, class or target; the run has no predictions.

    """
    settings = asked(
        run.study.views, methods=methods, layers=layers, classes=classes, target=target
    )
    _refuse_classes(settings, run.classes)
    scope, spec = run.scope(), run.spec
    settings = aimed(settings, scope, spec.shape)
    together = batch_within_budget(scope, spec.shape, settings.batch)
    names = scope.layers(settings.layers, spec.shape)
    index = Index.open(run.views_folder, _key(run, settings, together))
    groups = _groups(run, settings, together)
    made, before = index.made(), len(index.document["views"])
    wanted = asks(settings, names)
    if any(missing(made, group, wanted) for group in groups):
        _make(run, scope, groups, settings, wanted, index)
    came = outcome(index, groups, settings, layers_of_words(scope, settings.layers, spec.shape))
    return Seen(index, len(index.document["views"]) - before, came)


def _make(
    run: "Run",
    scope: Scope,
    groups: dict[str, list[Chosen]],
    settings: ViewsSettings,
    wanted: list[Ask],
    index: Index,
) -> None:
    """Make what is missing of each group, one batch a group."""
    split_name = run.evaluated_split()
    dataset = prepare(run.study.data)
    run.check_data(dataset)
    split = dataset[split_name]
    beside = _beside(run, dataset, settings)
    place_of = {name: place for place, name in enumerate(split.ids)}
    total = sum(len(examples) for examples in groups.values())
    with bar("seeing", total=total, unit="examples") as step:
        for group, examples in groups.items():
            stored = split.batch([place_of[example.id] for example in examples])
            places = tuple(
                index.add_example(
                    {**asdict(example), "split": split_name}, each.numpy(), sfreq=run.spec.sfreq
                )
                for example, each in zip(examples, stored, strict=True)
            )
            if todo := missing(index.made(), group, wanted):
                trace = scope.trace(
                    run.spec.to_model(stored),
                    examples=[example.id for example in examples],
                    true=[example.true for example in examples],
                )
                look(trace, Group(group, places), todo, settings, index, beside)
            step(len(examples))


def _beside(run: "Run", dataset: Dataset, settings: ViewsSettings) -> Beside:
    """Give the run's evaluated split as batches, and some of its examples, spread over classes."""
    some = batches(run, per_class=-(-OTHERS // len(run.classes)), dataset=dataset)
    few = batches(run, per_class=settings.examples, dataset=dataset)
    return Beside(batches(run, dataset=dataset), few, torch.cat([images for images, _, _ in some]))


def check_views(
    settings: ViewsSettings, net: "nn.Module", spec: InputSpec, classes: Sequence[str]
) -> None:
    """Refuse layers that the network does not have and classes that are none, before training.

    Raises:
        LayerscopeError: an unknown layer or class, with the nearest ones.

    """
    try:
        Scope(net, kind=spec.kind).layers(settings.layers, spec.shape)  # type: ignore[arg-type]
        _refuse_classes(settings, classes)
    except LayerscopeError as refusal:
        raise LayerscopeError(f"[views] in the study: {refusal}") from None


def _refuse_classes(settings: ViewsSettings, known: Sequence[str]) -> None:
    unknown = [name for name in settings.classes or () if name not in known]
    if unknown:
        raise LayerscopeError(
            f"classes: {', '.join(unknown)} is none of this run's: {', '.join(known)}"
        )


def _key(run: "Run", settings: ViewsSettings, together: int) -> dict[str, object]:
    """Say what all views of the folder share; they are valid as long as it holds."""
    same = {"correct", "wrong", "units", "channels", "pictured", "examples"}
    return {
        "weights_sha256": run.weights_digest(),
        "split": run.evaluated_split(),
        "examples_together": together,
        **settings.model_dump(include=same),
    }


def _groups(run: "Run", settings: ViewsSettings, together: int) -> dict[str, list[Chosen]]:
    """Choose the examples of each class, cut into parts that fit into memory."""
    predictions = run.predictions()
    groups = {}
    for number, name in enumerate(run.classes):
        if settings.classes is not None and name not in settings.classes:
            continue
        chosen = choose(predictions, name, correct=settings.correct, wrong=settings.wrong)
        for start in range(0, len(chosen), together):
            groups[f"class{number}-{start}"] = chosen[start : start + together]
    return groups
