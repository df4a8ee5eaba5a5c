"""Integrated gradients and SmoothGrad of one photograph, from image to view, and captum's.

FI is here that of one image, a batch of one. Integrated gradients are measured on 64 validation
photographs and the trained network of `runs/photos6`, where there are both, one after the other,
each against FI of the same photograph before and after; else on a random network and noise.
"""

import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.pairs import ratio
from benchmarks.peers import peer
from benchmarks.rows import row
from benchmarks.views.common import Subject, subject
from benchmarks.views.zeiler_fergus import EXAMPLE, TRAINED
from layerscope.data import prepare
from layerscope.progress import quiet
from layerscope.run import Run
from layerscope.study import Study
from layerscope.views import Scope

PHOTOGRAPHS = 64
PEER_PHOTOGRAPHS = 16
STEPS = 32
SAMPLES = 32


def rows(photographs: int = PHOTOGRAPHS, peers: int = PEER_PHOTOGRAPHS) -> list[dict[str, Any]]:
    """Measure both methods, and captum's with as many steps and samples as its users take."""
    seen = subjects(photographs)
    with quiet():
        ours = [against_unit(one, integrated) for one in seen]
        theirs = [against_unit(one, captum_integrated) for one in seen[:peers]]
        smooth = ratio(partial(seen[0].look, "smooth_grad"), seen[0].forward_backward, rounds=7)
        tunnel = ratio(partial(captum_smooth, seen[0]), seen[0].forward_backward, rounds=3)
    return [
        row("integrated gradients", mean_of(ours), "FI", 11),
        row("integrated gradients, 90th percentile of the gap", gap_of(ours), "%", 1),
        row(f"captum, {STEPS} steps", mean_of(theirs), "FI", None),
        row(f"captum, {STEPS} steps, 90th percentile of the gap", gap_of(theirs), "%", None),
        row(f"SmoothGrad, {SAMPLES} samples", smooth, "FI", 11),
        row("the same, captum", tunnel, "FI", None),
    ]


def subjects(count: int) -> list[Subject]:
    """Give each photograph on its own, beside the network."""
    if not (TRAINED.is_dir() and os.environ.get("LAYERSCOPE_DATA")):
        one = subject(count)
        scope = Scope(one.net, bounds=(0, 1))
        return [Subject(one.net, image[None], scope) for image in one.images]
    scope = Run.open(TRAINED).scope()
    scope.model.requires_grad_(requires_grad=False)
    dataset = prepare(Study.load(EXAMPLE).data)
    places = np.linspace(0, len(dataset["val"]) - 1, count).astype(int)
    images = dataset.spec.to_model(dataset["val"].batch(list(places))).contiguous()
    return [Subject(scope.model, image[None], scope) for image in images]


def against_unit(one: Subject, work: Callable[[Subject], Tensor]) -> tuple[float, float]:
    """Give a call's time in FI and its gap, a share of the difference of the logits."""
    before, start = seconds(one.forward_backward), time.perf_counter()
    values = work(one)
    taken = time.perf_counter() - start
    unit = (before + seconds(one.forward_backward)) / 2
    with torch.no_grad():
        logits, at_zero = one.net(one.images)[0], one.net(torch.zeros_like(one.images))[0]
    difference = float(logits.max() - at_zero[logits.argmax()])
    return taken / unit, abs(float(values.double().sum()) - difference) / abs(difference)


def integrated(one: Subject) -> Tensor:
    """Look through integrated gradients, as they are by default."""
    views = one.scope.trace(one.images).view("integrated_gradients")
    return torch.from_numpy(views["input"].values)


def captum_integrated(one: Subject) -> Tensor:
    """Do what captum's default does: Gauss-Legendre places, all in one batch."""
    attributed = peer("captum.attr").IntegratedGradients(one.net)
    target = int(one.net(one.images).argmax())
    return attributed.attribute(one.images, target=target, n_steps=STEPS).detach()


def captum_smooth(one: Subject) -> None:
    """Do SmoothGrad with captum, all samples in one batch."""
    captum = peer("captum.attr")
    tunnel = captum.NoiseTunnel(captum.Saliency(one.net))
    target = int(one.net(one.images).argmax())
    tunnel.attribute(one.images, nt_samples=SAMPLES, stdevs=0.15, target=target, abs=False)


def seconds(work: Callable[[], object]) -> float:
    """Time one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def mean_of(found: list[tuple[float, float]]) -> float:
    """Give the mean time over the photographs."""
    return float(np.mean([each[0] for each in found]))


def gap_of(found: list[tuple[float, float]]) -> float:
    """Give the 90th percentile of the gap over the photographs, in percent."""
    return 100 * float(np.quantile([each[1] for each in found], 0.9))


def main() -> None:
    """Print the rows."""
    for found in rows():
        print(found)


if __name__ == "__main__":
    main()
