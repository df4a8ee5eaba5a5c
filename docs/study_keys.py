"""Write docs/study.md: every key of a study file with its default, what is allowed, its meaning."""

import ast
import inspect
import itertools
import re
import sys
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel

from layerscope import toml
from layerscope.study import Study
from layerscope.training.recipes import RECIPES

PAGE = Path(__file__).with_name("study.md")
HEAD = """\
# The study file

A study says in TOML what data, network, training and views are wanted. Every key below `data` and
`model` has a default, except `root` where photographs or idx files are read. A mistake is answered
with the line, the key, what was given and what is allowed. Relative paths are relative to the
study file. This page is written by `python docs/study_keys.py`.

`name` (default: the file's name) names the run's folder, `runs/NAME`.
"""


def page() -> str:
    """Give the page as text."""
    return HEAD + "".join(_sections((), Study)) + "".join(map(_recipe, RECIPES))


def _recipe(kind: str) -> str:
    """Write what training takes for a kind of data wherever the study is silent."""
    text = toml.dumps({"training": RECIPES[kind]}).strip()
    return (
        f'\n## What training takes for `kind = "{kind}"`\n\nWherever the study is silent; a given '
        f"table `[training.augment]` counts as a whole.\n\n```toml\n{text}\n```\n"
    )


def _sections(path: tuple[str, ...], model: type[BaseModel]) -> list[str]:
    inner = {name: _model_of(field.annotation) for name, field in model.model_fields.items()}
    rows = [_row(name, model) for name in inner if not inner[name]]
    parts = []
    if path:
        text = inspect.cleandoc(model.__doc__ or "").split("\n>>>")[0].strip()
        head = ["key", "default", "allowed", "meaning"]
        lines = [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * 4, *rows)]
        parts.append(f"\n## `[{'.'.join(path)}]`\n\n{text}\n\n" + "\n".join(lines) + "\n")
    for name, section in inner.items():
        if section:
            parts += _sections((*path, name), section)
    return parts


def _row(name: str, model: type[BaseModel]) -> list[str]:
    field = model.model_fields[name]
    default = field.get_default(call_default_factory=True)
    if field.is_required():
        told = "none: it must be given"
    else:
        text = toml.dumps({"x": default})[4:].strip()
        told = "none" if default is None or default == {} else f"`{text}`"
    allowed = ", ".join([_type(field.annotation), *map(_bound, field.metadata)])
    return [f"`{name}`", told, allowed.strip(", "), _meaning(name, model)]


def _type(annotation: Any) -> str:
    """Say a type in a reader's words."""
    if get_origin(annotation) is Literal:
        return " or ".join(f'`"{word}"`' for word in get_args(annotation))
    if get_origin(annotation) in (tuple, dict):
        kind = "list" if get_origin(annotation) is tuple else "table"
        inner = {_type(part) for part in get_args(annotation) if part is not Ellipsis}
        return f"{kind} of {' and '.join(sorted(inner))}"
    if annotation is Any:
        return "any value"
    words = {int: "whole number", float: "number", str: "text", bool: "true or false"}
    if annotation in words:
        return words[annotation]
    if hasattr(annotation, "__metadata__"):
        base, *more = get_args(annotation)
        bounds = [bound for part in more for bound in getattr(part, "metadata", [part])]
        return ", ".join([_type(base), *filter(None, map(_bound, bounds))])
    parts = [part for part in get_args(annotation) if part is not type(None)]
    return " or ".join(map(_type, parts))


def _bound(bound: Any) -> str:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    return " ".join(f"{signs[key]} {getattr(bound, key):,}" for key in signs if hasattr(bound, key))


def _meaning(name: str, model: type[BaseModel]) -> str:
    """Find the sentence that stands below a setting in its class."""
    body = ast.parse(inspect.cleandoc("\n" + inspect.getsource(model))).body[0].body
    for setting, after in itertools.pairwise(body):
        target = getattr(getattr(setting, "target", None), "id", None)
        if target == name and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            return re.sub(r"\s+", " ", str(after.value.value)).strip()
    return ""


def _model_of(annotation: Any) -> type[BaseModel] | None:
    for part in (annotation, *get_args(annotation)):  # a section, or a section that may be absent
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part
    return None


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.exit(0)
