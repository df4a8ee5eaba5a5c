"""Features of a pretrained network: what its last layer is given, for every example of a pool."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from layerscope.cleaning.pool import Pool
from layerscope.data.inputs import InputSpec
from layerscope.nets.head import head_of
from layerscope.progress import bar


def features(net: nn.Module, spec: InputSpec, pool: Pool, batch: int = 32) -> np.ndarray:
    """Give what the network's head is given of each photograph: float32 (N, feature).

    Photographs uint8 "y x channel" are resized to the input that `spec` describes; grey ones are
    shown in three channels.
    """
    head = net.get_submodule(head_of(net, spec.shape))
    given: list[torch.Tensor] = []
    hook = head.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0].flatten(1)))
    rows = []
    try:
        with torch.inference_mode(), bar("features", len(pool), "photographs") as step:
            for begin in range(0, len(pool), batch):
                places = np.arange(begin, min(begin + batch, len(pool)))
                images = torch.from_numpy(pool.batch(places)).permute(0, 3, 1, 2)
                images = images.expand(-1, spec.shape[0], -1, -1).float()
                if images.shape[2:] != spec.shape[1:]:
                    images = F.interpolate(
                        images, spec.shape[1:], mode="bilinear", antialias=True, align_corners=False
                    )
                net(spec.to_model(images / 255))
                rows.append(given.pop().numpy().copy())
                step(len(places))
    finally:
        hook.remove()
    return np.concatenate(rows)
