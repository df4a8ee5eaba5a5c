"""Entries of the methods that cover parts of the input."""

import itertools
import math

import numpy as np
import torch

from layerscope.views.draws import uniform
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


def rise(net, images, layer, options):
    """Draw each mask, enlarge it axis by axis, and weight it by the class's probability."""
    space, samples, keep = images.shape[2:], options["samples"], options["keep"]
    cells = [options["cells"]] * len(space)
    sums = np.zeros((len(images), *space))
    for row, image in enumerate(images):
        drawn = uniform((samples, math.prod(cells) + len(space)), options["seed"], str(row)).numpy()
        for numbers in drawn:
            mask = (numbers[: -len(space)] < keep).reshape(cells).astype(float)
            for axis, (size, count) in enumerate(zip(space, cells, strict=True)):
                cell = math.ceil(size / count)
                shift = int(numbers[len(numbers) - len(space) + axis] * cell)
                width = (count + 1) * cell  # the grid's cells are laid over one cell more
                at = (np.arange(width) + 0.5) * count / width - 0.5
                mask = np.apply_along_axis(
                    lambda line, at=at: np.interp(at, np.arange(len(line)), line), axis, mask
                )
                mask = mask.take(range(shift, shift + size), axis)
            with torch.no_grad():
                logits = net(image[None] * torch.from_numpy(mask).float())
            sums[row] += logits.softmax(1)[0, options["target"]].item() * mask
    return sums / (samples * keep)


ENTRIES = [
    Entry(
        "occlusion",
        occluded_scores,
        options={"window": 4, "stride": 3, "fill": 0.0},
        twin_networks=("plain", "residual", "dense", "gated", "plain 1-D", "plain 3-D"),
        evidence=True,
    ),
    Entry(
        "rise",
        rise,
        options={"samples": 24, "cells": 4, "keep": 0.4, "seed": 3},
        twin_networks=("plain", "residual", "gated", "plain 1-D", "plain 3-D"),
    ),
]
