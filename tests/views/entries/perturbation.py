"""Entries of the methods that cover parts of the input."""

import itertools

import numpy as np
import torch

from views.entries import Entry


def occluded_scores(net, images, layer, options):
    """Cover each window in turn and run the network: how far the class's logit falls."""
    space = images.shape[2:]
    each = (options[name] for name in ("window", "stride"))
    window, stride = ([n] * len(space) if isinstance(n, int) else n for n in each)
    fill = torch.as_tensor(options.get("fill", 0.0), dtype=images.dtype).expand_as(images)
    counts = [int(np.ceil((n - w) / s)) + 1 for n, w, s in zip(space, window, stride, strict=True)]
    with torch.no_grad():
        whole = net(images)[:, options["target"]]
        drops = torch.empty(len(images), *counts)
        for place in itertools.product(*map(range, counts)):
            here = tuple(
                slice(p * s, p * s + w) for p, s, w in zip(place, stride, window, strict=True)
            )
            covered = images.clone()
            covered[(slice(None), slice(None), *here)] = fill[(slice(None), slice(None), *here)]
            drops[(slice(None), *place)] = whole - net(covered)[:, options["target"]]
    return drops.numpy()


ENTRIES = [
    Entry(
        "occlusion",
        occluded_scores,
        options={"window": 4, "stride": 3, "fill": 0.0},
        twin_networks=("plain", "residual", "dense", "gated", "plain 1-D", "plain 3-D"),
        evidence=True,
    ),
]
