"""Finding layers: by name, by kind, by number of a kind, in forward order."""

import difflib
from collections.abc import Mapping, Sequence, Sized

from torch import nn

from layerscope.errors import Refused
from layerscope.tape import is_leaf

KINDS: dict[str, tuple[type[nn.Module], ...]] = {
    "conv": (nn.Conv1d, nn.Conv2d, nn.Conv3d),
    "linear": (nn.Linear,),
    "pool": (
        *(nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d),
        *(nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d),
        *(nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d),
    ),
    "relu": (nn.ReLU, nn.ReLU6),
    "norm": (
        *(nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.GroupNorm, nn.LayerNorm),
        *(nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d),
    ),
}


def find_layers(
    wanted: str | Sequence[str], ran: Mapping[str, Sized], modules: dict[str, nn.Module]
) -> list[str]:
    """Return the names of the wanted layers, in forward order, each once.

    Args:
        wanted: "all" (every leaf layer), a kind ("conv", "linear", "pool", "relu", "norm"), a
            name, a number of a kind ("conv3": the third convolution, where no layer bears that
            name), or a list of these. A name of the network goes before a kind in a list, a
            kind before a name when it is given alone.
        ran: the layers that ran, in forward order, with their calls. One that ran several times
            has no one map: it is left out of "all" and of a kind.
        modules: `dict(model.named_modules())`.

    Raises:
        Refused: no such layer; the message names the nearest ones.

    """
    if not isinstance(wanted, str | Sequence):
        raise Refused(f"layers={wanted!r}: give a name, a kind, or a list of these")
    if not len(wanted):
        raise Refused(f"layers={wanted!r} names no layer")
    order = [name for name in ran if name]
    alone = isinstance(wanted, str)
    found: set[str] = set()
    for word in [wanted] if isinstance(wanted, str) else wanted:
        found.update(_find(word, order, modules, kinds_first=alone))
    names = [name for name in order if name in found]
    if alone and wanted not in found:  # of "all" or a kind, not named
        return [name for name in names if len(ran[name]) == 1] or names
    return names


def _find(
    word: str, order: list[str], modules: dict[str, nn.Module], *, kinds_first: bool
) -> list[str]:
    if not isinstance(word, str):
        raise Refused(f"a layer is asked for by name, not by {word!r}")
    if word in order and not (kinds_first and (word in KINDS or word == "all")):
        return [word]
    if word == "all":
        return [name for name in order if is_leaf(modules[name])]
    kind = word.rstrip("0123456789")
    if kind in KINDS:
        members = [name for name in order if isinstance(modules[name], KINDS[kind])]
        number = word.removeprefix(kind)
        if not number and members:
            return members
        if number and 1 <= int(number) <= len(members):
            return [members[int(number) - 1]]
    if word in order:
        return [word]
    raise Refused(_unknown(word, order, modules))


def _unknown(word: str, order: list[str], modules: dict[str, nn.Module]) -> str:
    if word in modules:
        return f"layer {word!r} did not run in this forward pass; it returns no tensor here"
    kinds = [k for k, types in KINDS.items() if any(isinstance(modules[n], types) for n in order)]
    near = difflib.get_close_matches(word, [*order, *kinds, "all"], n=3, cutoff=0.4)
    hint = f"the nearest are {', '.join(map(repr, near))}" if near else "none is like it"
    leaves = [name for name in order if is_leaf(modules[name])]
    listed = ", ".join(leaves[:12]) + (", ..." if len(leaves) > 12 else "")
    told = ", ".join(["all", *kinds])
    return f"no layer {word!r}: {hint}; the layers are {listed}; kinds are {told}"
