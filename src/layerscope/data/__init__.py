"""What the network is shown: found, decoded once, split, balanced and put into its units."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from layerscope.data.assemble import prepare
    from layerscope.data.dataset import Dataset, Example, Split
    from layerscope.data.inputs import InputSpec
    from layerscope.data.new import from_folder
    from layerscope.data.settings import DataSettings

__all__ = ["DataSettings", "Dataset", "Example", "InputSpec", "Split", "from_folder", "prepare"]

_HOME = {
    "DataSettings": "settings",
    "Dataset": "dataset",
    "Example": "dataset",
    "InputSpec": "inputs",
    "Split": "dataset",
    "from_folder": "new",
    "prepare": "assemble",
}


def __getattr__(name: str) -> Any:
    """Import a name on first use: the workers that decode photographs do without torch."""
    if name not in _HOME:
        raise AttributeError(f"module 'layerscope.data' has no attribute {name!r}")
    home = importlib.import_module(f"layerscope.data.{_HOME[name]}")
    value = globals()[name] = getattr(home, name)
    return value
