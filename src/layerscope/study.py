"""The study file: what data, network, training and views are wanted; each room declares a part."""

import difflib
import os
import re
import tomllib
from pathlib import Path
from typing import Any, Self, TypeVar, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from layerscope import storage, toml
from layerscope.brain.use_settings import UseSettings
from layerscope.data.settings import DataSettings
from layerscope.errors import LayerscopeError
from layerscope.mistakes import allowed, guess, joined
from layerscope.nets import sources
from layerscope.nets.settings import ModelSettings
from layerscope.seeing import ViewsSettings
from layerscope.training.recipes import suited
from layerscope.training.settings import TrainingSettings
from layerscope.training.sweep.settings import SweepSettings

_Model = TypeVar("_Model", bound=BaseModel)


class Study(BaseModel):
    """Say what is wanted: `name` and the sections data, model, training, views, brain and sweep.

    >>> from layerscope.data.settings import DataSettings
    >>> from layerscope.nets.settings import ModelSettings
    >>> study = Study(data=DataSettings(kind="digits"), model=ModelSettings(preset="study-mnist"))
    >>> study.name
    'study'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "study"
    data: DataSettings
    model: ModelSettings
    training: TrainingSettings = Field(default_factory=TrainingSettings, validate_default=True)
    views: ViewsSettings = Field(default_factory=ViewsSettings)
    brain: UseSettings = Field(default_factory=UseSettings)
    sweep: SweepSettings | None = None

    @model_validator(mode="before")
    @classmethod
    def _as_the_network_takes_it(cls, document: Any, info: ValidationInfo) -> Any:
        """Fill in size and units of photographs as a pretrained network takes them."""
        model, data = (
            (document.get(key) if isinstance(document, dict) else None) for key in ("model", "data")
        )
        if not isinstance(model, dict) or not isinstance(data, dict) or "pretrained" not in model:
            return document
        if {"size", "normalize"} <= data.keys():
            return document
        try:
            own = sources.own_input(ModelSettings.model_validate(model, context=info.context))
        except ValidationError:  # told where the section itself is checked
            return document
        except LayerscopeError as error:
            raise ValueError(str(error)) from None
        if own is None or own.kind != "photo":
            return document
        filled = {"size": own.shape[1], "normalize": "network", **data}
        return {**document, "data": filled}

    @field_validator("name")
    @classmethod
    def _names_a_folder(cls, name: str) -> str:
        if not name.strip() or name.startswith(".") or "/" in name or "\0" in name:
            raise ValueError("it names the run's folder: no empty name, no / in it, no . before it")
        return name

    @field_validator("data")
    @classmethod
    def _from_here(cls, data: DataSettings) -> DataSettings:
        """Take relative paths, which no study file has, from the working folder."""
        places = {"root": data.root, "decisions": data.decisions}
        absolute = {k: os.path.abspath(v) for k, v in places.items() if v and v[0] not in "~$"}
        return data.model_copy(update=absolute)

    @field_validator("training")
    @classmethod
    def _suits_the_data(cls, training: TrainingSettings, info: ValidationInfo) -> TrainingSettings:
        """Take what the study leaves open from the recipe for its kind of data."""
        return suited(training, info.data["data"].kind) if "data" in info.data else training

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read and check a study file; paths in it are relative to it.

        Raises:
            LayerscopeError: one message that names every mistake: its line, key, what was
                given and what is allowed.

        """
        return checked(cls, path)

    def save(self, path: str | Path) -> None:
        """Write the study as TOML that loads back equal, defaults written out."""
        storage.write_text(Path(path), toml.dumps(self.model_dump()))


def checked(model: type[_Model], path: str | Path) -> _Model:
    """Read a TOML file as one of our models; every mistake in it is told, with its line."""
    path = Path(path)
    text = _read(path)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise LayerscopeError(f"{path} is not valid TOML: {error}{_quoted(text, error)}") from None
    document.setdefault("name", path.stem)
    try:
        return model.model_validate(document, context={"folder": path.resolve().parent})
    except ValidationError as error:
        raise LayerscopeError(_told(path, text, document, error, model)) from None


def _read(path: Path) -> str:
    if path.is_dir():
        raise LayerscopeError(f"{path} is a folder: name the study file in it, a .toml file")
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise LayerscopeError(f"there is no study file {path}{_nearest_file(path)}") from None
    except UnicodeDecodeError as error:
        raise LayerscopeError(f"{path} is not UTF-8 text ({error.reason}): save it so") from None
    except OSError as error:
        raise LayerscopeError(f"cannot read {path}: {error.strerror or error}") from None


def _nearest_file(path: Path) -> str:
    siblings = sorted(file.name for file in path.parent.glob("*.toml"))
    close = difflib.get_close_matches(path.name, siblings, n=1)
    return f"; did you mean {path.parent / close[0]}?" if close else ""


def _quoted(text: str, error: tomllib.TOMLDecodeError) -> str:
    """Quote the line that a TOML error speaks of."""
    spoken = re.search(r"at line (\d+)", str(error))
    lines = text.splitlines()
    if not spoken or int(spoken[1]) > len(lines):
        return ""
    return f": {lines[int(spoken[1]) - 1].strip()}"


def _told(
    path: Path,
    text: str,
    document: dict[str, Any],
    error: ValidationError,
    model: type[BaseModel],
) -> str:
    """Tell all mistakes of a study file in one message, a line each."""
    mistakes: dict[tuple[str | int, ...], list[str]] = {}
    values: dict[tuple[str | int, ...], str] = {}
    for detail in error.errors():
        key, given = _place(document, detail["loc"], missing=detail["type"] == "missing")
        values[key] = _quote(detail["type"], given)
        mistakes.setdefault(key, []).append(_mistake(dict(detail), key, given, model))
    lines = []
    for key, reasons in mistakes.items():
        if any(other[: len(key)] == key and other != key for other in mistakes):
            continue  # of a key that may be one thing or another: told at the part that is wrong
        number = toml.line_of(text, key)
        dotted = ".".join(str(part) for part in key)
        where = f"line {number}, {dotted}" if number else dotted
        lines.append(f"{where}{values[key]}: {joined(reasons)}")
    if len(lines) == 1:
        return f"{path}, {lines[0]}"
    return f"{path} has {len(lines)} mistakes:\n" + "\n".join(f"  {line}" for line in lines)


def _place(
    document: Any, location: tuple[str | int, ...], *, missing: bool
) -> tuple[tuple[str | int, ...], Any]:
    """Keep the parts of pydantic's location that are keys of the document; give the value there.

    Pydantic adds parts of its own, such as the name of the type it tried.
    """
    key: list[str | int] = []
    value = document
    for part in location:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            continue
        key.append(part)
    if missing:
        key.append(location[-1])
    return tuple(key), value


def _quote(kind: str, given: Any) -> str:
    """Quote the value that a key has, if it has one that is short."""
    if kind in ("extra_forbidden", "missing") or isinstance(given, dict):
        return ""
    return f" = {toml.dumps({'x': given})[4:].strip()}"


def _mistake(
    detail: dict[str, Any], key: tuple[str | int, ...], given: Any, model: type[BaseModel]
) -> str:
    """Say what is wrong with one key and what is allowed, from pydantic's detail."""
    if detail["type"] == "extra_forbidden":
        known = _fields(key[:-1], model)
        meant = guess(str(key[-1]), known)
        return f"there is no such key; {meant}known here: {', '.join(known)}"
    if detail["type"] == "missing":
        short = "the list is too short" if isinstance(key[-1], int) else "it has no default"
        return f"missing, and {short}"
    return allowed(detail, given, key)


def _fields(key: tuple[str | int, ...], model: type[BaseModel]) -> list[str]:
    """List the keys that a section of the file knows."""
    section = model
    for part in key:
        field = section.model_fields.get(str(part))
        annotation = field.annotation if field else None
        for kind in (annotation, *get_args(annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                section = kind
    return list(section.model_fields)
