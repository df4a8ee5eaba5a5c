"""The training loop: epochs of steps over the pack, validation, the best weights, checkpoints.

Order, augmentation and dropout of a step are functions of (seed, epoch, step), so all that a resume
needs beside the weights is how far the training has come.
"""

import logging
import math
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from layerscope import progress, storage
from layerscope.data.balance import epoch_order
from layerscope.errors import LayerscopeError
from layerscope.training import checkpoint
from layerscope.training.augment import augment, generator
from layerscope.training.augment_sound import augment_sound
from layerscope.training.checkpoint import State
from layerscope.training.interrupt import Interrupted
from layerscope.training.loss import Mixed, Objective, mix
from layerscope.training.optimizer import average, descend
from layerscope.training.precision import Precision
from layerscope.training.schedule import learning_rate, train_size
from layerscope.training.settings import TrainingSettings
from layerscope.training.validation import validate

if TYPE_CHECKING:
    from layerscope.data.dataset import Dataset

log = logging.getLogger(__name__)

HISTORY = (
    "epoch",
    "images",
    "seconds",
    "learning_rate",
    "size",
    "train_loss",
    "train_accuracy",
    "val_loss",
    "val_accuracy",
    "val_balanced_accuracy",
)
"""The columns of history.csv; those of val are empty where an epoch was not validated."""


@dataclass
class Session:
    """One training under way: what it was asked, what it holds, and who asked it to end."""

    dataset: "Dataset"
    settings: TrainingSettings
    folder: Path
    study: dict[str, Any]
    precision: Precision
    state: State
    objective: Objective
    signals: list[signal.Signals]
    background: np.ndarray | None = None
    enter: Callable[[nn.Module, int], object] = lambda net, epoch: net.train()
    ticked: float = field(default_factory=time.monotonic)
    saved: float = field(default_factory=time.monotonic)

    def order(self, epoch: int) -> np.ndarray:
        """Give the positions that an epoch shows, in their order."""
        train, data = self.dataset["train"], self.dataset.settings
        return epoch_order(train.labels, data.balance, self.settings.seed, epoch)


class _Stop(Exception):
    """A signal has asked to end."""


def run(session: Session, until: int | None = None) -> None:
    """Train to the last epoch, or `until` so many are done, or until patience ends it.

    Raises:
        Interrupted: a signal asked to end; everything is saved.
        LayerscopeError: the loss is not finite, or the disk is full.

    """
    settings, at = session.settings, session.state.progress
    last = settings.epochs if until is None else min(until, settings.epochs)
    total = last * len(session.order(0)) - at.images
    with progress.bar("training", total=max(total, 0), unit="examples") as show:
        try:
            while at.epoch < last and not at.stopped:
                _epoch(session, show)
        except _Stop:
            save(session)
            raise Interrupted(
                f"training was stopped by {session.signals[0].name} in epoch {at.epoch + 1} of "
                f"{settings.epochs}, after step {at.step}; all is saved in {session.folder}: "
                "resume the training to go on"
            ) from None


def save(session: Session) -> None:
    """Write the checkpoint, unless the weights are spoilt."""
    weights = session.state.net.parameters()
    if not all(bool(torch.isfinite(weight).all()) for weight in weights):
        raise _diverged(session, "a weight is not finite")
    _tick(session)
    checkpoint.save(session.folder, session.state, session.precision, session.study)
    session.saved = time.monotonic()


def write_history(session: Session) -> None:
    """Write history.csv from the rows that the checkpoint holds."""
    storage.write_csv(session.folder / "history.csv", HISTORY, session.state.progress.rows)


def _epoch(session: Session, show: progress.Step) -> None:
    """Do what is left of an epoch, then close it."""
    settings, at = session.settings, session.state.progress
    order = session.order(at.epoch)
    steps = math.ceil(len(order) / settings.batch_size)
    session.enter(session.state.net, at.epoch)
    while at.step < steps:
        begin = at.step * settings.batch_size
        positions = order[begin : begin + settings.batch_size]
        loss = step(session, positions, (at.epoch + (at.step + 0.5) / steps) / settings.epochs)
        show(len(positions), f"epoch {at.epoch + 1} of {settings.epochs}, loss {loss:.3f}")
        if time.monotonic() - session.saved >= settings.checkpoint_seconds:
            save(session)
        _stop_if_asked(session)
    _close_epoch(session, steps)


def step(session: Session, positions: np.ndarray, done: float) -> float:
    """Train on one batch, when a fraction `done` of the training is done; give its loss."""
    settings, state, at = session.settings, session.state, session.state.progress
    draw = generator(settings.seed, at.epoch, at.step)
    torch.manual_seed(int(draw.integers(2**63)))  # dropout
    rate = learning_rate(settings, done)
    images, labels = _batch(session, positions, draw)
    logits = session.precision.forward(state.net, images)
    loss = session.objective(logits, labels)
    value = float(loss.detach())
    if not math.isfinite(value):
        raise _diverged(session, f"the training loss is {value} at learning rate {rate:.3g}")
    descend(state.net, state.optimizers, loss, rate, settings.clip_gradient)
    at.steps += 1
    if state.average is not None:
        average(state.average, state.net, settings.ema, at.steps)
    at.step += 1
    at.images += len(positions)
    at.shown += len(positions)
    at.loss += value * len(positions)
    at.correct += int((logits.detach().argmax(1) == labels.first).sum())
    return value


def _batch(
    session: Session, positions: np.ndarray, draw: np.random.Generator
) -> tuple[Tensor, Mixed]:
    """Read a batch and vary it, as the network takes it: images and labels."""
    settings, spec, train = session.settings, session.dataset.spec, session.dataset["train"]
    weight = next(session.state.net.parameters())
    stored = train.batch(positions)
    if spec.kind == "photo":
        size = train_size(settings, session.state.progress.epoch, spec.shape[1:])
        fill = [round(255 * mean) for mean in spec.mean]
        stored = augment(stored, settings.augment, draw, size=size, fill=fill)
    elif settings.augment.sound is not None:
        rate = spec.sfreq or 1.0
        stored = augment_sound(
            stored, settings.augment.sound, draw, sfreq=rate, background=session.background
        )
    images = spec.to_model(stored).to(weight.device, weight.dtype)
    labels = torch.from_numpy(train.labels[positions]).to(weight.device)
    return mix(images, labels, settings.augment, draw)


def _close_epoch(session: Session, steps: int) -> None:
    """Validate where there is val, keep the weights if they are the best, and commit the epoch."""
    settings, state, at = session.settings, session.state, session.state.progress
    epoch = at.epoch + 1
    last_step = (at.epoch + (steps - 0.5) / steps) / settings.epochs
    row: dict[str, Any] = {
        "epoch": epoch,
        "images": at.images,
        "learning_rate": float(f"{learning_rate(settings, last_step):.6g}"),
        "train_loss": round(at.loss / at.shown, 6),
        "train_accuracy": round(at.correct / at.shown, 6),
    }
    if session.dataset.spec.kind == "photo":
        row["size"] = train_size(settings, at.epoch, session.dataset.spec.shape[1:])[0]
    due = epoch % settings.validate_every == 0 or epoch == settings.epochs
    if due and "val" in session.dataset.splits:
        row |= _validate(session)
        if _better(row[settings.metric], at.best, settings.metric):
            at.best, at.best_epoch = row[settings.metric], epoch
            if settings.keep == "best":
                # Before the commit: a kill in between is mended as the epoch is done again.
                weights = state.evaluated.state_dict()
                checkpoint.write_tensors(session.folder / "model.safetensors", weights)
        at.stopped = bool(settings.patience) and epoch - at.best_epoch >= settings.patience
    _tick(session)
    row["seconds"] = round(at.seconds, 2)
    at.rows.append(row)
    at.epoch, at.step, at.loss, at.correct, at.shown = epoch, 0, 0.0, 0, 0
    save(session)
    write_history(session)
    log.info("%s", _told(session, row))


def _validate(session: Session) -> dict[str, float]:
    """Measure the evaluated weights on the val split at full size."""
    found = validate(
        session.state.evaluated,
        session.dataset["val"],
        session.dataset.spec,
        session.precision,
        batch_size=session.settings.batch_size,
        between=lambda: _stop_if_asked(session),
    )
    if not math.isfinite(found["val_loss"]):
        raise _diverged(session, f"the validation loss is {found['val_loss']}")
    return {name: round(value, 6) for name, value in found.items()}


def _better(value: float, best: float | None, metric: str) -> bool:
    if best is None:
        return True
    return value < best if metric == "val_loss" else value > best


def _told(session: Session, row: dict[str, Any]) -> str:
    """Say an epoch in one line."""
    at, settings = session.state.progress, session.settings
    line = f"epoch {row['epoch']} of {settings.epochs}: train loss {row['train_loss']:.4f}"
    if settings.metric in row:
        line += (
            f", val loss {row['val_loss']:.4f}, accuracy {row['val_accuracy']:.4f}, "
            f"balanced accuracy {row['val_balanced_accuracy']:.4f} (best: epoch {at.best_epoch})"
        )
    if at.stopped:
        line += f"; stopped, as {settings.patience} epochs brought no better {settings.metric}"
    return line


def _tick(session: Session) -> None:
    """Add the time since the last tick to the training's seconds."""
    now = time.monotonic()
    session.state.progress.seconds += now - session.ticked
    session.ticked = now


def _stop_if_asked(session: Session) -> None:
    if session.signals:
        raise _Stop


def _diverged(session: Session, what: str) -> LayerscopeError:
    """Make the error of a training whose numbers have left the finite."""
    at, settings = session.state.progress, session.settings
    remedies = [f"a learning_rate below {settings.learning_rate:g}", "a longer warmup"]
    if not settings.clip_gradient:
        remedies.append("clip_gradient = 1")
    if session.precision.autocast:
        remedies.append('precision = "float32"')
    return LayerscopeError(
        f"training has diverged: {what}, in epoch {at.epoch + 1} of {settings.epochs}, step "
        f"{at.step + 1}. Try {', '.join(remedies)}. The last checkpoint in {session.folder} is "
        "whole"
    )
