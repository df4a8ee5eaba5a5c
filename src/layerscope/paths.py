"""Paths as a person writes them: relative to the file they stand in, with ~ and $VARIABLES."""

import os
import re
from typing import Any

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


def beside(place: Any, folder: str | os.PathLike[str] | None) -> Any:
    """Make a relative path relative to a folder; what begins with ~ or $ waits to be expanded.

    Without a folder, and where it is no path at all, it stays as it is.

    >>> beside("photos/../pets", "studies"), beside("$DATA/pets", "studies")
    ('studies/pets', '$DATA/pets')
    """
    if isinstance(place, os.PathLike):
        place = os.fspath(place)
    if folder is None or not isinstance(place, str) or place == "" or place[0] in "~$":
        return place
    return os.path.normpath(os.path.join(folder, place))


def expanded(place: str) -> str:
    """Expand ~ and $VARIABLES.

    Raises:
        ValueError: a variable is not set.

    >>> expanded("$SURELY_NOT_SET/photos")
    Traceback (most recent call last):
    ValueError: the environment variable SURELY_NOT_SET is not set; set it to a folder, ...

    """
    for braced, bare in _VARIABLE.findall(place):
        if not os.environ.get(braced or bare):
            raise ValueError(
                f"the environment variable {braced or bare} is not set; set it to a folder, or "
                "write the path itself"
            )
    return os.path.expanduser(os.path.expandvars(place))
