"""Where the weights that a training begins with come from: `[model] pretrained`, resolved."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn

from layerscope.data.inputs import InputSpec
from layerscope.errors import LayerscopeError
from layerscope.nets.function import load_module
from layerscope.nets.head import head_of, layers_in_order, replace_head
from layerscope.nets.origin import FILES, KNOWN, kind_of
from layerscope.nets.pretrained import (
    check_weights,
    pretrained,
    pretrained_input,
    read_weights,
    untrained,
)
from layerscope.nets.settings import ModelSettings, build
from layerscope.paths import expanded

_WHERE = "the weights of a network of [model]'s preset, by their names in it"


def architecture(settings: ModelSettings) -> ModelSettings:
    """Give settings that build the same network without a run's or a file's weights.

    Raises:
        LayerscopeError: the run that `pretrained` names is not there, or has no model.json.

    """
    if settings.pretrained is None or kind_of(settings.pretrained) in ("known", "function"):
        return settings.model_copy(update={"weights": None})
    if kind_of(settings.pretrained) == "file":
        return settings.model_copy(update={"pretrained": None, "head": "new"})
    kept = type(settings).model_validate(_model(settings.pretrained)["architecture"])
    if settings.dropout is None:
        return kept
    return kept.model_copy(update={"dropout": settings.dropout})


def own_input(settings: ModelSettings) -> InputSpec | None:
    """Tell what the pretrained network takes; None where only the user knows."""
    if settings.pretrained is None:
        return None
    kind = kind_of(settings.pretrained)
    if kind == "known":
        return pretrained_input(settings.pretrained)
    if kind == "run":
        return InputSpec.from_dict(_model(settings.pretrained)["input"])
    return None


def without_weights(
    settings: ModelSettings, input_shape: tuple[int, ...], classes: Sequence[str]
) -> nn.Module:
    """Build a "known" network, or a function's, with a head for these classes; no file is read."""
    assert settings.pretrained is not None
    if kind_of(settings.pretrained) == "known":
        net = untrained(settings.pretrained)
    else:
        net = load_module(_expanded(settings.pretrained), option="model.pretrained")
    return _with_head(net, settings, input_shape, classes)


def with_weights(
    settings: ModelSettings, input_shape: tuple[int, ...], classes: Sequence[str]
) -> nn.Module:
    """Build the network with the weights that a training begins with, and its head.

    Raises:
        LayerscopeError: weights that are missing or another network's; a head that cannot be kept.

    """
    assert settings.pretrained is not None
    source, kind = settings.pretrained, kind_of(settings.pretrained)
    if kind == "known":
        weights = None if settings.weights is None else _expanded(settings.weights)
        return _with_head(pretrained(source, weights=weights), settings, input_shape, classes)
    if kind == "function":
        return without_weights(settings, input_shape, classes)
    path = Path(_expanded(source))
    if kind == "file":
        return _loaded(settings, path, _WHERE, input_shape, classes, None)
    known = list(_model(source)["classes"])
    file, where = path / "model.safetensors", f"the run {path} holds none"
    return _loaded(settings, file, where, input_shape, classes, known)


def _loaded(
    settings: ModelSettings,
    path: Path,
    where: str,
    input_shape: tuple[int, ...],
    classes: Sequence[str],
    known: Sequence[str] | None,
) -> nn.Module:
    """Build the architecture and load a file into it, all but the head unless that is kept."""
    if settings.head == "keep" and known is not None and list(known) != list(classes):
        raise LayerscopeError(
            f'head = "keep": {path.parent} tells {", ".join(known)}, the data have '
            f"{', '.join(classes)}: leave head out for a new one"
        )
    net = build(architecture(settings), input_shape, classes, weights=False)
    given = read_weights(path, where)
    state = net.state_dict()
    if settings.head == "new":
        name = head_of(net, input_shape)
        own = {key: value for key, value in state.items() if key.rpartition(".")[0] == name}
        given = {key: value for key, value in given.items() if key not in own} | own
    check_weights("the network of [model]", path, given, state)
    net.load_state_dict(given)
    return net


def _with_head(
    net: nn.Module, settings: ModelSettings, input_shape: tuple[int, ...], classes: Sequence[str]
) -> nn.Module:
    """Give a network a head for these classes, and the dropout that is asked for."""
    if settings.head == "new":
        replace_head(net, input_shape, len(classes))
    elif (units := _outputs(net, input_shape)) != len(classes):
        raise LayerscopeError(
            f'head = "keep": the network has {units} outputs and the data {len(classes)} classes: '
            "leave head out for a new one"
        )
    if settings.dropout is not None:
        for module in net.modules():
            if isinstance(module, nn.Dropout):
                module.p = settings.dropout
    return net


def _outputs(net: nn.Module, input_shape: tuple[int, ...]) -> int:
    return layers_in_order(net, input_shape)[1].shape[-1]


def _model(source: str) -> dict[str, Any]:
    """Read the model.json of a run."""
    path = Path(_expanded(source))
    if not (path / "model.json").is_file():
        what = "no run: it has no model.json" if path.is_dir() else "not there"
        raise LayerscopeError(
            f'model.pretrained = "{source}": {path} is {what}; name {", ".join(KNOWN)}, a run\'s '
            f"folder, a file ({', '.join(FILES)}) or FILE.py:FUNCTION"
        )
    return json.loads((path / "model.json").read_text(encoding="utf-8"))


def _expanded(place: str) -> str:
    """Expand ~ and $VARIABLES; one that is not set is named."""
    try:
        return expanded(place)
    except ValueError as error:
        raise LayerscopeError(f'model.pretrained or weights = "{place}": {error}') from None
