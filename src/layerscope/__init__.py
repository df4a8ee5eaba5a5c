"""See what every layer of your network sees: the public names, loaded when they are first used."""

import importlib
from typing import TYPE_CHECKING, Any

from layerscope.errors import LayerscopeError, Refused

if TYPE_CHECKING:
    from layerscope import nets, report
    from layerscope.run import Run
    from layerscope.study import Study
    from layerscope.verbs import evaluate, load, see, sweep, train
    from layerscope.views import Scope, Trace, View

__version__ = "0.1.0"

__all__ = [
    "LayerscopeError",
    "Refused",
    "Run",
    "Scope",
    "Study",
    "Trace",
    "View",
    "__version__",
    "evaluate",
    "load",
    "nets",
    "report",
    "see",
    "sweep",
    "train",
]

_HOME = {
    "Run": "layerscope.run",
    "Scope": "layerscope.views",
    "Study": "layerscope.study",
    "Trace": "layerscope.views",
    "View": "layerscope.views",
    "evaluate": "layerscope.verbs",
    "load": "layerscope.verbs",
    "see": "layerscope.verbs",
    "sweep": "layerscope.verbs",
    "train": "layerscope.verbs",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that `import layerscope` is quick (PEP 562)."""
    if name in ("nets", "report"):
        return importlib.import_module(f"layerscope.{name}")
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'layerscope' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
