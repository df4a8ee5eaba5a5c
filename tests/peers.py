"""Other packages' views as oracles; a test that asks for one that is not installed is skipped."""

from types import ModuleType

import pytest
from benchmarks import peers


def peer(module: str) -> ModuleType:
    """Import a module of a peer, "torchcam.methods", or skip the test (or its file) by name."""
    try:
        return peers.peer(module)
    except ModuleNotFoundError as error:
        pytest.skip(f"{module}: {error} (peers.txt)", allow_module_level=True)
