"""Training as one call: check, begin or resume, run, and hand over the kept weights."""

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors.torch
from torch import nn

from layerscope.data.balance import class_weights, epoch_order
from layerscope.errors import LayerscopeError
from layerscope.training import checkpoint, loop
from layerscope.training.augment_sound import noise_of
from layerscope.training.checkpoint import Progress, State
from layerscope.training.finetune import Stages, rates
from layerscope.training.interrupt import Paused, noted_signals
from layerscope.training.loop import Session
from layerscope.training.loss import Objective, objective
from layerscope.training.optimizer import averaged_twin, make_optimizers
from layerscope.training.precision import Precision, choose, surroundings
from layerscope.training.schedule import check_sizes
from layerscope.training.settings import AugmentSettings, TrainingSettings

if TYPE_CHECKING:
    from layerscope.data.dataset import Dataset

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fitted:
    """What a training gave: the network with its kept weights, in evaluation mode.

    Epochs count from 1; `metrics` is the row of `history` of `kept_epoch`.
    """

    net: nn.Module
    best_epoch: int
    kept_epoch: int
    metrics: dict[str, Any]
    history: list[dict[str, Any]]
    precision: Precision


def fit(
    net: nn.Module,
    dataset: "Dataset",
    settings: TrainingSettings,
    folder: str | Path,
    *,
    resume: bool = False,
    until: int | None = None,
) -> Fitted:
    """Train a network; its weights, history and checkpoint go into a run's folder.

    Writes `model.safetensors` (the kept weights), `last.safetensors`, `history.csv` and
    `checkpoint/`. With `resume` it goes on from the checkpoint and ends, on the same machine, in
    the weights of an uninterrupted training, bit for bit.

    Raises:
        Interrupted: Ctrl-C or SIGTERM; everything is saved.
        Paused: `until` so many epochs are done, fewer than all; everything is saved.
        LayerscopeError: the loss is not finite, nothing to resume, another study, disk full.

    """
    folder = Path(folder)
    _check(net, dataset, settings)
    background = noise_of(dataset, settings)
    study = _study_of(net, dataset, settings, background)
    saved = checkpoint.read(folder) if resume else None
    if saved:
        checkpoint.same_study(saved.study, study)
    elif checkpoint.path_in(folder).exists():
        raise LayerscopeError(
            f"{folder} holds a training already: resume it, or train into another folder"
        )
    precision = saved.precision if saved else choose(net, dataset.spec.shape, settings)
    log.info("training in %s", precision.told())
    device = next(net.parameters()).device
    with surroundings(precision, device), noted_signals() as signals:
        stages = Stages(net, settings.finetune, dataset.spec.shape)
        state, loss = begin(net, dataset, settings, precision)
        held = (dataset, settings, folder, study, precision, state, loss, signals)
        session = Session(*held, background=background, enter=stages.enter)
        if saved:
            checkpoint.restore(saved, state)
            loop.write_history(session)
        else:
            loop.save(session)
        loop.run(session, until)
        if state.progress.epoch < settings.epochs and not state.progress.stopped:
            raise Paused(f"{state.progress.epoch} of {settings.epochs} epochs are done")
        return _finish(session)


def _check(net: nn.Module, dataset: "Dataset", settings: TrainingSettings) -> None:
    """Refuse what cannot be trained, before anything is written."""
    chosen = settings.keep == "best" or settings.patience > 0
    for name in ("train", "val") if chosen else ("train",):
        if name not in dataset.splits or not len(dataset[name]):
            raise LayerscopeError(
                f"the data have no {name} examples: training needs a train split, and a val split "
                "by which the best weights are told (data.val or data.val_fraction)"
            )
    if not any(parameter.requires_grad for parameter in net.parameters()):
        raise LayerscopeError("the network has no weights to train: none requires a gradient")
    kind, augment = dataset.spec.kind, settings.augment
    if kind == "photo":
        if augment.sound is not None:
            raise LayerscopeError(
                "training.augment.sound is for sounds and recordings: leave it out"
            )
        check_sizes(net, settings, dataset.spec.shape)
        return
    kept = augment.model_copy(update={"sound": None, "mixup": 0.0, "mixup_alpha": 0.2})
    if settings.train_sizes or kept != AugmentSettings():
        raise LayerscopeError(
            "training.train_sizes and, but for mixup and the table sound, training.augment are for "
            f"pictures, and this data set's examples are of kind {kind}: leave them out"
        )


def _study_of(
    net: nn.Module,
    dataset: "Dataset",
    settings: TrainingSettings,
    background: np.ndarray | None = None,
) -> dict[str, Any]:
    """Say, flat, all on which the course of a training depends."""
    asked = settings.model_dump(mode="json", exclude={"checkpoint_seconds"})
    augment, finetune = asked.pop("augment"), asked.pop("finetune")
    sound = augment.pop("sound") or {}
    if background is not None:
        sound["background"] = hashlib.sha256(background.tobytes()).hexdigest()
    return {
        **{f"training.{key}": value for key, value in asked.items()},
        **{f"training.augment.{key}": value for key, value in augment.items()},
        **{f"training.augment.sound.{key}": value for key, value in sound.items()},
        **{f"training.finetune.{key}": value for key, value in finetune.items()},
        "data.balance": dataset.settings.balance,
        "data.classes": list(dataset.classes),
        "data.fingerprint": dataset.fingerprint,
        **{f"input.{key}": value for key, value in dataset.spec.as_dict().items() if key != "peak"},
        **{f"network.{name}": list(value.shape) for name, value in net.state_dict().items()},
    }


def begin(
    net: nn.Module, dataset: "Dataset", settings: TrainingSettings, precision: Precision
) -> tuple[State, Objective]:
    """Make what a training holds before its first step."""
    net.to(memory_format=precision.memory_format)  # type: ignore[call-overload]
    state = State(
        net,
        make_optimizers(net, settings, rates(net, settings.finetune, dataset.spec.shape)),
        averaged_twin(net) if settings.ema else None,
        Progress(),
    )
    labels, balance = dataset["train"].labels, dataset.settings.balance
    classes = len(dataset.classes)
    order = epoch_order(labels, balance, settings.seed, 0)
    loss = objective(
        settings,
        class_weights(labels, balance, classes),
        np.bincount(labels[order], minlength=classes),
        next(net.parameters()).device,
    )
    return state, loss


def _finish(session: Session) -> Fitted:
    """Write the last weights, and load the kept ones into the network."""
    settings, folder, state = session.settings, session.folder, session.state
    at = state.progress
    last = state.evaluated.state_dict()
    checkpoint.write_tensors(folder / "last.safetensors", last)
    if settings.keep == "last":
        checkpoint.write_tensors(folder / "model.safetensors", last)
    kept = at.best_epoch if settings.keep == "best" else at.epoch
    path = folder / "model.safetensors"
    if not path.is_file():
        raise LayerscopeError(
            f"{path} is missing: it held the weights of epoch {kept}, the best, which nothing else "
            "holds. Train again, into another folder"
        )
    state.net.load_state_dict(safetensors.torch.load_file(path))
    return Fitted(
        state.net.eval(), at.best_epoch, kept, at.rows[kept - 1], at.rows, session.precision
    )
