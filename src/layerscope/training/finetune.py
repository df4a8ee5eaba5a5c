"""Fine-tuning: which layers learn in an epoch, and how fast each does beside the others."""

from collections.abc import Mapping, Sequence

from torch import nn

from layerscope.errors import LayerscopeError
from layerscope.mistakes import guess
from layerscope.nets.head import Weighted, head_of, layers_in_order
from layerscope.training.settings import FinetuneSettings


class Stages:
    """Says for a network which of its weights learn, epoch by epoch; all, unless it is asked.

    A frozen part is in evaluation mode too, so that its norms keep their statistics and its
    dropouts rest. What the caller's network itself holds fixed (`requires_grad`) stays so.

    >>> from layerscope.nets import study_mnist
    >>> net = study_mnist()
    >>> stages = Stages(net, FinetuneSettings(freeze=["conv1"], probe_epochs=2), (1, 28, 28))
    >>> stages.enter(net, epoch=0)
    >>> [name for name, weight in net.named_parameters() if weight.requires_grad]
    ['fc.weight', 'fc.bias']
    >>> stages.enter(net, epoch=2)
    >>> net.conv1.weight.requires_grad, net.conv2.weight.requires_grad
    (False, True)
    """

    def __init__(
        self, net: nn.Module, settings: FinetuneSettings, input_shape: tuple[int, ...]
    ) -> None:
        _check_names(net, settings.freeze)
        self._settings = settings
        self._head = head_of(net, input_shape) if settings.probe_epochs else ""
        self.learning = frozenset(
            name
            for name, weight in net.named_parameters()
            if weight.requires_grad and not _inside(name, settings.freeze)
        )
        for name, weight in net.named_parameters():
            weight.requires_grad_(name in self.learning)
        if self._head and not any(_inside(name, (self._head,)) for name in self.learning):
            raise LayerscopeError(
                f"training.finetune: probe_epochs trains {self._head} alone, and it is frozen"
            )

    def enter(self, net: nn.Module, epoch: int) -> None:
        """Put a network into training mode as the epoch (from 0) has it."""
        probing = epoch < self._settings.probe_epochs
        for name, module in net.named_modules():
            frozen = _inside(name, self._settings.freeze)
            module.training = not frozen and (not probing or _inside(name, (self._head,)))
        for name, weight in net.named_parameters():
            learns = name in self.learning and (not probing or _inside(name, (self._head,)))
            weight.requires_grad_(learns)


def rates(
    net: nn.Module, settings: FinetuneSettings, input_shape: tuple[int, ...]
) -> Mapping[str, float]:
    """Give each weight, by its name, the factor of its learning rate: 1 at the head.

    Each layer of weights below has `layer_decay` times the rate of the one above; a norm has that
    of the layer before it (ULMFiT's discriminative rates, Howard and Ruder 2018).

    >>> from layerscope.nets import study_mnist
    >>> found = rates(study_mnist(), FinetuneSettings(layer_decay=0.5), (1, 28, 28))
    >>> [found[f"{name}.weight"] for name in ("conv1", "conv2", "conv3", "fc")]
    [0.125, 0.25, 0.5, 1.0]
    """
    if settings.layer_decay == 1:
        return {}
    names, _ = layers_in_order(net, input_shape)
    level, levels = 0, {}
    for name in names:
        level += isinstance(net.get_submodule(name), Weighted)
        levels[name] = level
    return {
        f"{name}.{part}": settings.layer_decay ** (level - levels[name])
        for name in names
        for part, _ in net.get_submodule(name).named_parameters(recurse=False)
    }


def _inside(name: str, parts: Sequence[str]) -> bool:
    """Tell whether a dotted name is one of the parts, or lies in one.

    >>> _inside("features.3.squeeze", ["features.3"]), _inside("features.30", ["features.3"])
    (True, False)
    """
    return any(name == part or name.startswith(f"{part}.") for part in parts)


def _check_names(net: nn.Module, names: Sequence[str]) -> None:
    known = [name for name, _ in net.named_modules() if name]
    for name in names:
        if name not in known:
            raise LayerscopeError(
                f'training.finetune.freeze: the network has no layer "{name}"; {guess(name, known)}'
                f"it has {', '.join(known[:12])}{', ...' if len(known) > 12 else ''}"
            )
