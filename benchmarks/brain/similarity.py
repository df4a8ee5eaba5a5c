"""RSA of all layers of SqueezeNet on 92 images with 1,000 bootstraps, from images to intervals.

Of the real network, images and brains where `LAYERSCOPE_DATA` has them, else of random ones of the
same sizes; the untrained twin, which every figure stands beside, is in the time.
"""

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.rows import row
from layerscope.brain.layers import layer_grams
from layerscope.brain.network import drawn
from layerscope.brain.rdm import rdm
from layerscope.brain.rsa import rsa
from layerscope.brain.stimuli import find_stimuli
from layerscope.brain.subjects import read_subjects
from layerscope.nets.pretrained import pretrained, pretrained_input
from layerscope.progress import quiet
from layerscope.views import Scope

NAME, STIMULI, DRAWS = "squeezenet1_0", 92, 1000
WEIGHTS = "pretrained_squeezenet/squeezenet1_0_deepcompression_imagenet.npz"


def rows() -> list[dict[str, Any]]:
    """Time the network and its twin at every layer, and the bootstrap of both."""
    net, read, subjects = _given()
    spec = pretrained_input(NAME)
    with quiet():
        start = time.perf_counter()
        models = {}
        for kind, each in (("trained", net), ("untrained", drawn(NAME, 0))):
            scope = Scope(each)
            names = scope.layers("all", spec.shape)
            grams = layer_grams(scope, read, STIMULI, names)
            models |= {f"{kind} {name}": rdm(one) for name, one in grams.items()}
        shown = time.perf_counter()
        rsa(models, subjects, draws=DRAWS)
        end = time.perf_counter()
    return [
        row(f"RSA of all {len(names)} layers and their twin", end - start, "s", 60),
        row("of this, patterns and RDMs", shown - start, "s", None),
        row(f"of this, {DRAWS:,} draws", end - shown, "s", None),
    ]


def _given() -> tuple[torch.nn.Module, Any, np.ndarray]:
    """Give the network, what reads the stimuli, and the subjects' RDMs."""
    data = Path(os.environ.get("LAYERSCOPE_DATA", ""))
    if (data / WEIGHTS).is_file() and (data / "rsa_92images").is_dir():
        stimuli = find_stimuli(data / "rsa_92images" / "images")
        subjects = read_subjects(data / "rsa_92images" / "rdms.npz", "hIT").rdms
        net = pretrained(NAME, weights=data / WEIGHTS)
        return net, stimuli.shown_to(pretrained_input(NAME)), subjects
    random = np.random.default_rng(0)
    pixels = torch.from_numpy(random.integers(0, 256, (STIMULI, 3, 227, 227), dtype=np.uint8))
    spec = pretrained_input(NAME)
    subjects = random.random((4, STIMULI * (STIMULI - 1) // 2))
    return drawn(NAME, 1), lambda start, stop: spec.to_model(pixels[start:stop]), subjects
