"""What cannot be recorded so that an example's answer is its own, refused by name."""

import torch
from torch import nn

from layerscope.errors import Refused
from layerscope.tape.operations import Operation


def refuse_unseen_modules(model: nn.Module) -> None:
    """Refuse TorchScript modules and modules whose weights are not there yet."""
    for name, module in model.named_modules():
        where = f"layer {name!r}" if name else "the model"
        if isinstance(module, torch.jit.ScriptModule):
            raise Refused(
                f"{where} is a TorchScript module, whose operations cannot be seen; "
                "give the eager module that it was made from"
            )
        if any(nn.parameter.is_lazy(p) for p in module.parameters(recurse=False)):
            raise Refused(f"{where} has no weights yet (it is lazy); run the model once before")


def is_inactive_dropout(operation: Operation) -> bool:
    """Tell a dropout that does nothing: in evaluation mode, or of probability 0."""
    call = operation.parameters
    return operation.kind == "dropout" and not (call["training"] and call["p"] > 0)


def refuse_what_mixes_or_draws(operation: Operation) -> None:
    """Refuse what would make an example's answer depend on chance or on its neighbours."""
    kind, call = operation.kind, operation.parameters
    if kind == "dropout" and not is_inactive_dropout(operation):
        raise Refused(
            f"{operation.label} is active in evaluation mode, so that every answer is random; "
            "call it with training=self.training"
        )
    if kind == "batch_norm" and call.get("training") and operation.inputs[0].tensor.shape[0] > 1:
        raise Refused(
            f"{operation.label} uses the statistics of the batch in evaluation mode, so that an "
            "example's answer depends on its neighbours; use track_running_stats=True, or trace "
            "one example at a time"
        )
