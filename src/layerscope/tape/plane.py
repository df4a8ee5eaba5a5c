"""The plane: a recording's channels and time as the two spatial axes of one map."""

import torch

from layerscope.tape.operations import Value
from layerscope.tape.record import Tape


def sensor_plane(tape: Tape) -> Value | None:
    """Find the value that is the input `"batch channel time"` as one map, `"batch 1 channel time"`.

    Networks for brain recordings look at it so, some with time first. It is found by what it
    holds: nothing but changes of shape and order stand before it. None where there is none.
    """
    given = tape.input.tensor
    if given.dim() != 3:
        return None
    turned = given.transpose(1, 2)
    reached = {tape.input}
    for operation in tape.operations:
        if operation.kind != "shape" or operation.inputs[0] not in reached:
            continue
        for value in operation.outputs:
            reached.add(value)
            if value.tensor.dim() != 4 or value.tensor.shape[1] != 1:
                continue
            plane = value.tensor[:, 0]
            if any(plane.shape == x.shape and torch.equal(plane, x) for x in (given, turned)):
                return value
    return None
