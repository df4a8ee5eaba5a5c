"""All that an exact resume needs, in one file that is replaced whole: tensors and a JSON header."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from layerscope import storage
from layerscope.errors import LayerscopeError
from layerscope.training.precision import Precision


@dataclass
class Progress:
    """How far a training has come; what an epoch adds up is of the epoch under way."""

    epoch: int = 0
    """Epochs completed."""
    step: int = 0
    """Steps of the epoch under way that are done."""
    steps: int = 0
    """Steps done since the start."""
    images: int = 0
    seconds: float = 0.0
    loss: float = 0.0
    correct: int = 0
    shown: int = 0
    best_epoch: int = 0
    best: float | None = None
    stopped: bool = False
    rows: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class State:
    """Everything that changes while training: weights, optimizers, average, progress."""

    net: nn.Module
    optimizers: list[torch.optim.Optimizer]
    average: nn.Module | None
    progress: Progress

    @property
    def evaluated(self) -> nn.Module:
        """The network that is validated and kept."""
        return self.net if self.average is None else self.average


@dataclass(frozen=True)
class Saved:
    """A checkpoint as read: `study` says of what, flat, key by key."""

    tensors: dict[str, Tensor]
    progress: Progress
    precision: Precision
    study: dict[str, Any]


def path_in(folder: Path) -> Path:
    """Name the checkpoint's file of a run's folder."""
    return folder / "checkpoint" / "state.safetensors"


def save(folder: Path, state: State, precision: Precision, study: Mapping[str, Any]) -> None:
    """Write the checkpoint whole; the one before stays until this one is complete.

    Raises:
        LayerscopeError: it cannot be written (disk full); says from where the run can go on.

    """
    header = {
        "progress": json.dumps(asdict(state.progress)),
        "precision": json.dumps(asdict(precision)),
        "study": json.dumps(study),
    }
    try:
        write_tensors(path_in(folder), _tensors(state), header)
    except LayerscopeError as error:
        raise LayerscopeError(
            f"{error}; the last checkpoint is whole: then resume the training"
        ) from error


def write_tensors(
    path: Path, tensors: Mapping[str, Tensor], header: dict[str, str] | None = None
) -> None:
    """Write tensors as safetensors, whole."""
    plain = {
        name: tensor.detach().to("cpu", memory_format=torch.contiguous_format, copy=True)
        for name, tensor in tensors.items()  # copies, as tied weights may not share memory there
    }
    content = safetensors.torch.save(plain, header)
    storage.write_whole(path, lambda file: file.write(content))


def read(folder: Path) -> Saved:
    """Read the checkpoint of a run's folder.

    Raises:
        LayerscopeError: there is none, or it is damaged.

    """
    path = path_in(folder)
    if not path.is_file():
        raise LayerscopeError(
            f"{folder} has no checkpoint to resume from ({path} is missing): "
            "start the training without resume"
        )
    try:
        with safetensors.safe_open(path, "pt") as file:
            header = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return Saved(
            tensors,
            Progress(**json.loads(header["progress"])),
            Precision(**json.loads(header["precision"])),
            json.loads(header["study"]),
        )
    except (safetensors.SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise LayerscopeError(
            f"{path} is no checkpoint of this version, or it is damaged ({error}): "
            "start the training again in another folder"
        ) from error


def restore(saved: Saved, state: State) -> None:
    """Put a checkpoint back into a freshly made state, bit for bit."""
    state.net.load_state_dict(_part(saved.tensors, "net."))
    if state.average is not None:
        state.average.load_state_dict(_part(saved.tensors, "average."))
    for name, optimizer, parameter in _trained(state):
        kept = _part(saved.tensors, f"{name}.")
        optimizer.state[parameter] = {
            key: _laid_out_as(value, parameter) for key, value in kept.items()
        }
    state.progress = saved.progress


def same_study(saved: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """Refuse to resume another study.

    Raises:
        LayerscopeError: names each key that differs, with both values.

    """
    asked = json.loads(json.dumps(asked))
    keys = [key for key in {**saved, **asked} if saved.get(key) != asked.get(key)]
    if keys:
        told = "; ".join(f"{key}: was {saved.get(key)!r}, now {asked.get(key)!r}" for key in keys)
        raise LayerscopeError(
            f"the study has changed since this training began, so it cannot be resumed ({told}): "
            "change it back, or train into another folder"
        )


def _tensors(state: State) -> dict[str, Tensor]:
    tensors = {f"net.{name}": value for name, value in state.net.state_dict().items()}
    if state.average is not None:
        averaged = state.average.state_dict()
        tensors |= {f"average.{name}": value for name, value in averaged.items()}
    for name, optimizer, parameter in _trained(state):
        for key, value in optimizer.state.get(parameter, {}).items():
            if isinstance(value, Tensor):
                tensors[f"{name}.{key}"] = value
    return tensors


def _trained(state: State) -> Iterator[tuple[str, torch.optim.Optimizer, Tensor]]:
    """Name each parameter by its place in its optimizer: optimizer.0.0, optimizer.0.1, ..."""
    for number, optimizer in enumerate(state.optimizers):
        held = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        for place, parameter in enumerate(held):
            yield f"optimizer.{number}.{place}", optimizer, parameter


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def _laid_out_as(value: Tensor, parameter: Tensor) -> Tensor:
    """Give an optimizer's moment the strides of its parameter; scalars (steps) stay as they are."""
    if value.shape != parameter.shape:
        return value
    return torch.empty_like(parameter, dtype=value.dtype).copy_(value)
