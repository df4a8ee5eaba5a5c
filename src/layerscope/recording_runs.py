"""What a run of recordings holds beside the usual: chance, groups and a linear classifier."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from layerscope.errors import LayerscopeError

if TYPE_CHECKING:
    from layerscope.data import Dataset
    from layerscope.evaluation import Predictions
    from layerscope.evaluation.recordings import RecordingFigures
    from layerscope.run import Run

LARGEST = 10_000_000
"""Numbers (epochs times features) above which the logistic regression is left out: it is slow."""


def figures_of(
    run: "Run", predictions: "Predictions", groups: Sequence[str] | None = None
) -> "RecordingFigures | None":
    """Compute the figures of recordings from predictions; None for other kinds of data.

    `groups` are of new data; None: of the run's own, as data.csv says, with the linear classifiers
    that were trained on the same splits.
    """
    from layerscope.evaluation.recordings import recording_figures

    if run.spec.kind != "recording" or not len(predictions):
        return None
    asked, linear = run.study.data.recordings, {}
    if groups is None:
        group_of = {row["id"]: row["group"] for row in run.data()}
        groups = [group_of.get(name, "") for name in predictions.ids]
        linear = read_linear(run)
    word = "recording" if asked is None or asked.split_by == "epoch" else asked.split_by
    return recording_figures(
        predictions,
        groups,
        training_share(run),
        group_word=word,
        linear={name: said for name, said in linear.items() if set(predictions.ids) <= {*said.ids}},
    )


def training_share(run: "Run") -> float:
    """Give the share of the largest class among what is trained on; the largest of all folds."""
    rows = [row for row in run.data() if not row["reason"]]
    if not run.folds_file.is_file():
        return _largest([row["label"] for row in rows if row["split"] == "train"])
    folds = run.fold_groups()
    return max(_largest([r["label"] for r in rows if r["group"] not in held]) for held in folds)


def _largest(labels: Sequence[str]) -> float:
    return max(Counter(labels).values(), default=0) / max(1, len(labels))


def write_linear(run: "Run", dataset: "Dataset") -> None:
    """Train linear classifiers on the same splits; store what they say of each split.

    Of test they are trained on train and val together, as the network was chosen by val; of val on
    train alone.
    """
    from layerscope.evaluation import Predictions
    from layerscope.evaluation.linear import linear_baseline

    spec = dataset.spec
    if spec.kind != "recording" or spec.sfreq is None:
        return
    size = len(dataset["train"]) * spec.shape[0] * spec.shape[1]
    for method in ("logistic", "lda") if size <= LARGEST else ("lda",):
        parts = []
        for name in [each for each in ("val", "test") if each in dataset.splits]:
            shown = ["train"] if name == "val" or "val" not in dataset.splits else ["train", "val"]
            trained = [dataset[each] for each in shown]
            parts.append(
                linear_baseline(trained, dataset[name], dataset.classes, spec.sfreq, method)
            )
        Predictions.joined(parts).save(run.linear_file(method))


def read_linear(run: "Run") -> "dict[str, Predictions]":
    """Read what the linear classifiers said, by method."""
    from layerscope.evaluation import Predictions
    from layerscope.evaluation.linear import METHODS

    files = {method: run.linear_file(method) for method in METHODS}
    return {method: Predictions.load(file) for method, file in files.items() if file.is_file()}


def refuse_crossed(run: "Run") -> None:
    """Refuse a cross-validation where one network is needed.

    Raises:
        LayerscopeError: the run is one.

    """
    if run.folds_file.is_file():
        raise LayerscopeError(
            f"{run.path} is a cross-validation, which has a network for each fold: name one of "
            f"them, as {run.path / 'folds' / '1'}"
        )
