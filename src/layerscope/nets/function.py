"""A network of the user's own: the module that a function in one of their files returns."""

import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

from torch import nn

from layerscope.errors import LayerscopeError
from layerscope.mistakes import guess


def load_module(place: str, option: str = "--model") -> nn.Module:
    """Call the function that FILE:FUNCTION names and give the torch.nn.Module it returns.

    The file is run, with its folder importable, as `python FILE` would. `option` is how the user
    gave the place.

    Raises:
        LayerscopeError: no such file or function, code of the user's that fails, or a result
            that is no torch.nn.Module.

    """
    file, separator, function = place.rpartition(":")
    if not separator or not file or not function.isidentifier():
        raise LayerscopeError(
            f"{option} {place}: name a Python file and a function in it, as in nets.py:build"
        )
    module = _run_file(Path(file), option)
    build = getattr(module, function, None)
    if not callable(build):
        names = sorted(name for name, value in vars(module).items() if callable(value))
        raise LayerscopeError(
            f"{file} has no function {function}; {guess(function, names)}it has "
            f"{', '.join(names) or 'none'}"
        )
    try:
        net = build()
    except Exception as error:
        raise LayerscopeError(f"{place} failed: {_last_line(error, Path(file))}") from error
    if not isinstance(net, nn.Module):
        raise LayerscopeError(f"{place} gives {type(net).__name__}; it must give a torch.nn.Module")
    return net


def _run_file(file: Path, option: str) -> ModuleType:
    if not file.is_file():
        raise LayerscopeError(f"there is no file {file}: {option} takes FILE:FUNCTION")
    spec = importlib.util.spec_from_file_location(f"_user_{file.stem}", file.resolve())
    if spec is None or spec.loader is None:
        raise LayerscopeError(f"{file} is no Python file: {option} takes FILE.py:FUNCTION")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(file.resolve().parent))
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise LayerscopeError(f"{file} cannot be run: {_last_line(error, file)}") from error
    finally:
        sys.path.pop(0)
    return module


def _last_line(error: Exception, file: Path) -> str:
    """Tell an error in the user's code by its type, message and the line of their file."""
    told = f"{type(error).__name__}: {error}"
    if isinstance(error, SyntaxError):
        return told
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename) == file.resolve()]
    return f"{told} (line {lines[-1]} of {file.name})" if lines else told
