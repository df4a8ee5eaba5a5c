"""What `[model] pretrained` names: a known network, a run, a file of weights or a function."""

from pathlib import Path

KNOWN = ("squeezenet1_0", "efficientnet_lite0")
FILES = (".safetensors", ".npz", ".pth")


def kind_of(source: str) -> str:
    """Tell what `pretrained` names: "known", "file", "function" or "run".

    >>> kind_of("squeezenet1_0"), kind_of("old.safetensors"), kind_of("nets.py:build")
    ('known', 'file', 'function')
    """
    if source in KNOWN:
        return "known"
    if Path(source).suffix in FILES:
        return "file"
    if ".py:" in source:
        return "function"
    return "run"
