"""The verbs of the command line, for Python: train, sweep, load, evaluate, see."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from layerscope import provenance
from layerscope.errors import LayerscopeError
from layerscope.recording_runs import figures_of, write_linear
from layerscope.run import Run
from layerscope.study import Study

if TYPE_CHECKING:
    from torch import nn

    from layerscope.data import Dataset
    from layerscope.evaluation import Evaluation
    from layerscope.seeing.of_run import Seen
    from layerscope.training.sweep.local import Watch
    from layerscope.training.sweep.sweeping import Swept


def train(study: Study | str | Path, out: str | Path | None = None, *, resume: bool = False) -> Run:
    """Prepare the data, train the network and store its predictions; give the run.

    `out` is the run's folder (default: runs/NAME). A finished run of the same study is given as it
    is; an unfinished one is continued only with `resume`, and ends as if never interrupted.

    Raises:
        LayerscopeError: bad data, views of a layer or class that is not there, a folder that is
            taken, or training that cannot go on.

    """
    given = study if isinstance(study, Study) else Study.load(study)
    path = Path(out) if out is not None else Path("runs") / given.name
    if (path / "study.toml").exists():
        run = Run.create(path, given)
        if run.folds_file.exists():
            raise LayerscopeError(
                f"{path} holds a cross-validation of this study: name another folder"
            )
        if run.finished():
            return run
        if _checkpointed(run) and not resume:
            raise LayerscopeError(
                f"{path} holds a training of this study that has not ended: continue it with "
                "--resume (resume=True), or name another folder"
            )
    dataset = prepared(given)
    _check_views(given, dataset, weights=not Run(path).start_file.is_file())
    run = Run.create(path, given)
    with run.locked():
        fit(run, dataset, resume=resume)
    return run


def sweep(
    study: Study | str | Path,
    out: str | Path | None = None,
    *,
    engine: str = "local",
    jobs: int | None = None,
    retry_failed: bool = False,
    watch: "Watch" = lambda snapshot: None,
) -> "Swept":
    """Train what the study's `[sweep]` asks for, and choose by its rule; give what was found.

    `out` is the sweep's folder (default: runs/NAME). What is there already is not trained again;
    `watch` is called now and then with how the sweep stands.

    Raises:
        LayerscopeError: the folder holds another sweep, bad data, or a setting that cannot be.

    """
    from layerscope.training.sweep.sweeping import run_sweep

    given = study if isinstance(study, Study) else Study.load(study)
    path = Path(out) if out is not None else Path("runs") / given.name
    return run_sweep(given, path, engine=engine, jobs=jobs, retry_failed=retry_failed, watch=watch)


def load(path: str | Path) -> Run:
    """Open a run's folder."""
    return Run.open(path)


def evaluate(
    run: Run | str | Path, *, data: str | Path | None = None, split: str | None = None
) -> "Evaluation":
    """Compute the tables of a run's stored predictions, or of new data.

    `split` is "test" or "val" (default: test where there is one). `data` is a folder with a folder
    for each class, named as the run's classes; nothing is written there, nor into the run. What is
    refused of it is listed in the evaluation's `refused`. A run of waveforms is measured in noise
    and under time shift too, once: robustness.csv.
    """
    run = run if isinstance(run, Run) else Run.open(run)
    if data is None:
        _measure_robustness(run)
        return run.evaluation(split)
    if split is not None:
        raise LayerscopeError("split names a part of the run's own data: leave it out with data")
    from layerscope import evaluation
    from layerscope.data import from_folder

    examples, refused = from_folder(Path(data), run.classes, run.spec, run.study.data)
    predictions = evaluation.predict(run.net(), examples, run.spec, run.classes)
    files = [evaluation.RefusedFile(each.id, each.label, each.reason) for each in refused]
    files.sort(key=lambda file: (file.label == "", file.id))
    return evaluation.evaluate(
        predictions, refused=files, recordings=figures_of(run, predictions, examples.groups)
    )


def see(
    run: Run | str | Path,
    *,
    methods: Sequence[str] | None = None,
    layers: str | Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
    target: int | str | None = None,
) -> "Seen":
    """Make the views that the run's study asks for, or these arguments; give the index of them.

    `target` is "predicted", "true", a class, its index, or two classes: "cat - dog". What is there
    already and still valid is not made again.
    """
    from layerscope.seeing.of_run import see_run

    run = run if isinstance(run, Run) else Run.open(run)
    with run.locked():
        return see_run(run, methods=methods, layers=layers, classes=classes, target=target)


def in_own_units(dataset: "Dataset", study: Study) -> "Dataset":
    """Put a data set into the units of the pretrained network, where the study asks for them."""
    from layerscope import nets

    if study.data.normalize != "network":
        return dataset
    own = nets.sources.own_input(study.model)
    if own is None:
        raise LayerscopeError(
            'data.normalize = "network": only a pretrained network that is known, or a run, says '
            'how its input is normalised; set it to "channel", "imagenet" or "none"'
        )
    if len(own.mean) != len(dataset.spec.mean):
        raise LayerscopeError(
            f"the pretrained network takes {len(own.mean)} channels, the data have "
            f"{len(dataset.spec.mean)}"
        )
    return replace(dataset, spec=replace(dataset.spec, mean=own.mean, std=own.std))


def prepared(study: Study) -> "Dataset":
    """Prepare the data and make sure that there is something to measure on."""
    from layerscope.data import prepare

    dataset = in_own_units(prepare(study.data), study)
    chosen = study.training.keep == "best" or study.training.patience > 0
    if "val" not in dataset.splits and (chosen or "test" not in dataset.splits):
        raise LayerscopeError(
            "the data have no val split, by which weights are kept and figures told: "
            "set data.val_fraction, or name a folder as data.val"
        )
    return dataset


def _check_views(study: Study, dataset: "Dataset", *, weights: bool) -> None:
    """Make sure, before a long training, that what is to be seen after it is there.

    And, with `weights`, that those of a pretrained network are.
    """
    import torch

    from layerscope import nets
    from layerscope.seeing.of_run import check_views

    with torch.random.fork_rng(devices=[]):
        net = nets.build(study.model, dataset.spec.shape, dataset.classes, weights=weights)
    check_views(study.views, net, dataset.spec, dataset.classes)


def fit(run: Run, dataset: "Dataset", *, resume: bool, until: int | None = None) -> None:
    """Train a run's network, or `until` so many epochs are done, and store its predictions."""
    from layerscope import training

    run.check_data(dataset)
    dataset.write_table(run.data_file)
    run.describe_model(dataset)
    seeds = {"data": run.study.data.seed, "training": run.study.training.seed}
    run.note(**provenance.describe(dataset.fingerprint, seeds, Path.cwd()) | run.provenance())
    if run.study.data.decisions is not None:  # data.csv says of each example what was decided
        path = run.study.data.decided_in()
        run.note(decisions={"file": str(path), "sha256": provenance.digest(path)})
    run.forget("failed")
    try:
        training.fit(
            _start(run),
            dataset,
            run.study.training,
            run.path,
            resume=resume and _checkpointed(run),
            until=until,
        )
    except (training.Interrupted, training.Paused):
        raise
    except Exception as error:
        run.note(failed=(str(error) or type(error).__name__).splitlines()[0])
        raise
    _predict(run, dataset)
    _measure_moved(run, dataset)
    run.robustness_file.unlink(missing_ok=True)  # of other weights, if this is a second training
    _measure_robustness(run, dataset)
    write_linear(run, dataset)
    run.note(finished=provenance.now(), weights_sha256=run.weights_digest())


def _measure_moved(run: Run, dataset: "Dataset") -> None:
    """Store how far each layer of a fine-tuned network is from where it began."""
    import numpy as np

    from layerscope.evaluation import moved, write_moved
    from layerscope.evaluation.moved import EXAMPLES

    if not run.start_file.is_file():
        return
    shown = dataset["val" if "val" in dataset.splits else "test"]
    places = np.unique(np.linspace(0, len(shown) - 1, EXAMPLES).astype(np.int64))
    images = run.spec.to_model(shown.batch(places))
    write_moved(run.moved_file, moved(run.untrained_net(), run.net(), images))


def _start(run: Run) -> "nn.Module":
    """Give the network that training starts from; a pretrained one is kept beside the run's."""
    from layerscope.training import checkpoint

    net = run.untrained_net()
    if run.study.model.pretrained is not None and not run.start_file.is_file():
        checkpoint.write_tensors(run.start_file, net.state_dict())
    return net


def _checkpointed(run: Run) -> bool:
    """Tell whether a training got as far as its first checkpoint; before, it just starts again."""
    from layerscope.training import checkpoint

    return checkpoint.path_in(run.path).exists()


def _predict(run: Run, dataset: "Dataset") -> None:
    """Store the predictions of every split that figures are told of."""
    from layerscope.evaluation import Predictions, predict

    net, classes = run.net(), run.classes
    parts = [
        predict(net, dataset[name], run.spec, classes)
        for name in ("val", "test")
        if name in dataset.splits
    ]
    Predictions.joined(parts).save(run.predictions_file)


def _measure_robustness(run: Run, dataset: "Dataset | None" = None) -> None:
    """Store how a network of waveforms does in noise and under time shift, where it is not yet."""
    from layerscope.data import prepare
    from layerscope.evaluation import robustness, write_robustness

    if run.spec.kind != "waveform" or run.robustness_file.is_file():
        return
    if dataset is None:
        dataset = prepare(run.study.data)
        run.check_data(dataset)
    found = robustness(run.net(), dataset[run.evaluated_split()], run.spec)
    write_robustness(run.robustness_file, found)
