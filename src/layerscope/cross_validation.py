"""Cross-validation over recordings, sessions or subjects: each is held out once."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from layerscope import provenance, storage, verbs
from layerscope.errors import LayerscopeError
from layerscope.run import Run
from layerscope.study import Study

if TYPE_CHECKING:
    from layerscope.data import Dataset

COLUMNS = ("fold", "group", "epochs")


def cross_validate(
    study: Study | str | Path, out: str | Path | None = None, *, resume: bool = False
) -> Run:
    """Train a network for each fold of groups, without them, and store what it says of them.

    The run's predictions are those of each epoch by the one network that has not seen its group;
    every table reads them. `folds/1`, `folds/2`, ... in it are the runs of the networks. `out` is
    its folder (default: runs/NAME-folds); what is finished is not done again.

    A study that keeps the last weights trains on all other groups. One that keeps the best takes
    the next fold's groups as val.

    Raises:
        LayerscopeError: the data are no recordings, are split by epoch, or have too few groups; a
            folder that is taken; a training that cannot go on.

    """
    from layerscope.data import prepare
    from layerscope.data.recordings.groups import folds_of

    given = study if isinstance(study, Study) else Study.load(study)
    own = given.data.recordings
    if given.data.kind != "recordings" or own is None or own.split_by == "epoch":
        raise LayerscopeError(
            'a cross-validation needs kind = "recordings" with split_by = "recording", "session" '
            'or "subject": what is held out is one of these'
        )
    path = Path(out) if out is not None else Path("runs") / f"{given.name}-folds"
    dataset = prepare(_held_out(given, [[""]], 0).data)
    groups = [group for split in dataset.splits.values() for group in split.groups]
    folds = folds_of(sorted(groups), own.folds)
    run = Run.create(path, given)
    if run.provenance() and not run.folds_file.is_file():
        raise LayerscopeError(f"{path} holds a training of this study: name another folder")
    rows = [
        {"fold": str(number), "group": group, "epochs": str(groups.count(group))}
        for number, fold in enumerate(folds, start=1)
        for group in fold
    ]
    storage.write_csv(run.folds_file, COLUMNS, rows)
    run.check_data(dataset)
    parts = []
    for number in range(len(folds)):
        asked = _held_out(given, folds, number)
        parts.append(verbs.train(asked, path / "folds" / str(number + 1), resume=True))
    _join(run, dataset, parts)
    return run


def _held_out(study: Study, folds: Sequence[Sequence[str]], number: int) -> Study:
    """Make the study of one fold: its groups are the test split; "" stands for none."""
    own = study.data.recordings
    assert own is not None  # cross_validate has made sure
    chosen = study.training.keep == "best" or study.training.patience > 0
    test = tuple(name for name in folds[number] if name)
    val = tuple(folds[(number + 1) % len(folds)]) if chosen and test else ()
    recordings = own.model_copy(update={"test_groups": test, "val_groups": val})
    changed = {"recordings": recordings, "val_fraction": 0.0, "test_fraction": 0.0}
    data = study.data.model_copy(update=changed)
    return study.model_copy(update={"data": data, "name": f"{study.name}-{number + 1}"})


def _join(run: Run, dataset: "Dataset", parts: Sequence[Run]) -> None:
    """Store the table of the data, where all is tested, and the predictions of all folds."""
    from layerscope.evaluation import Predictions
    from layerscope.recording_runs import read_linear

    dataset.write_table(run.data_file)
    rows = [{**row, "split": "test"} for row in storage.read_csv(run.data_file)]
    storage.write_csv(run.data_file, list(rows[0]), rows)
    run.describe_model(dataset)
    Predictions.joined([part.predictions("test") for part in parts]).save(run.predictions_file)
    linear = [read_linear(part) for part in parts]
    for method in [name for name in linear[0] if all(name in each for each in linear)]:
        Predictions.joined([each[method] for each in linear]).save(run.linear_file(method))
    seeds = {"data": run.study.data.seed, "training": run.study.training.seed}
    facts = provenance.describe(dataset.fingerprint, seeds, Path.cwd())
    run.note(**facts, finished=provenance.now(), folds=len(parts))
