"""Other packages' views, imported beside a CPU build of torch: for comparisons only.

PyPI's torchvision does not load beside a CPU build of torch, and zennit, zennit-crp, grad-cam and
lucent import it; none of them calls the two operators that it misses, so declaring those is enough.
"""

import importlib
import sys
import warnings
from functools import cache
from types import ModuleType

import torch

_ON_TORCHVISION = ("zennit", "crp", "pytorch_grad_cam", "lucent", "quantus", "torchvision")


def peer(module: str) -> ModuleType:
    """Import a module of a peer: "torchcam.methods", "zennit.composites", "lucent.optvis.render".

    Raises:
        ModuleNotFoundError: the peer, or what its import needs, is not installed.

    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of torch.jit.script, in kornia
        if module.partition(".")[0] in _ON_TORCHVISION:
            _torchvision()
        if module.startswith("lucent"):
            return _without_notebook(module)
        return importlib.import_module(module)


@cache
def _torchvision() -> torch.library.Library | None:
    """Import torchvision; missing operators are declared for as long as the answer is kept."""
    try:
        importlib.import_module("torchvision")
    except RuntimeError:  # operator torchvision::nms does not exist
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        importlib.import_module("torchvision")
        return library
    return None


def _without_notebook(module: str) -> ModuleType:
    """Import a module of lucent, which asks for IPython only to show pictures in a notebook."""
    names = [name for name in ("IPython", "IPython.display") if name not in sys.modules]
    sys.modules.update({name: ModuleType(name) for name in names})
    try:
        return importlib.import_module(module)
    finally:
        for name in names:
            del sys.modules[name]
