"""TOML text beyond the standard library's reader: writing it, and the line a key stands on."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

_WIDTH = 100


def dumps(document: Mapping[str, Any]) -> str:
    """Write nested mappings of strings, numbers, truth values, paths and lists as TOML.

    A value of None is left out, as TOML has no word for it.

    >>> print(dumps({"name": "six", "data": {"size": 172, "classes": ["bed", "bird"]}}))
    name = "six"
    <BLANKLINE>
    [data]
    size = 172
    classes = ["bed", "bird"]
    <BLANKLINE>
    """
    return "\n".join(_table((), document)).lstrip("\n") + "\n"


def line_of(text: str, key: Sequence[str | int]) -> int | None:
    r"""Find the line (from 1) where a key, or the nearest table around it, stands.

    >>> line_of("[data]\nroot = 'photos'\n", ("data", "root"))
    2
    """
    wanted = tuple(str(part) for part in key)
    best: tuple[int, int] | None = None
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[\[?([^\[\]]+)\]\]?\s*(#.*)?$", line)
        assignment = re.match(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*'|\s*\.\s*)+?)\s*=""", line)
        if header:
            table = found = _parts(header[1])
        elif assignment:
            found = table + _parts(assignment[1])
        else:
            continue
        if wanted[: len(found)] == found and (best is None or len(found) > best[0]):
            best = (len(found), number)
    return best[1] if best else None


def _parts(dotted: str) -> tuple[str, ...]:
    """Split `a."b.c".d` into its parts."""
    found = re.findall(r"""([\w-]+)|"([^"]*)"|'([^']*)'""", dotted)
    return tuple(bare or double or single for bare, double, single in found)


def _table(path: tuple[str, ...], table: Mapping[str, Any]) -> list[str]:
    present = {name: value for name, value in table.items() if value is not None}
    plain = {name: value for name, value in present.items() if not isinstance(value, Mapping)}
    lines = [
        f"{_key(name)} = {_value(value, len(_key(name)) + 3)}" for name, value in plain.items()
    ]
    inner = {name: value for name, value in present.items() if name not in plain}
    if path and (lines or not inner):
        lines = ["", f"[{'.'.join(_key(part) for part in path)}]", *lines]
    for name, value in inner.items():
        lines += _table((*path, name), value)
    return lines


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _string(name)


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any, indent: int = 0) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return (
            repr(value)
            if math.isfinite(value)
            else {"inf": "inf", "-inf": "-inf"}.get(repr(value), "nan")
        )
    if isinstance(value, str | PurePath):
        return _string(str(value))
    if isinstance(value, Mapping):
        pairs = (f"{_key(k)} = {_value(v)}" for k, v in value.items() if v is not None)
        return "{ " + ", ".join(pairs) + " }"
    if isinstance(value, Sequence):
        items = [_value(item) for item in value]
        line = "[" + ", ".join(items) + "]"
        return line if indent + len(line) <= _WIDTH else _lines_of(items)
    raise TypeError(f"{value!r} cannot be written as TOML")


def _lines_of(items: list[str]) -> str:
    """Wrap a long array, several items a line."""
    lines = [""]
    for item in items:
        if lines[-1] and len(lines[-1]) + len(item) + 6 > _WIDTH:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + item + ","
    return "[\n" + "".join(f"    {line}\n" for line in lines) + "]"
