"""Integrated gradients and SmoothGrad, from images to views, and captum's.

Ours are measured on 16 images at a time, in FI of the same batch, as every row is; on one image
too, as captum's are, for which 16 would be expanded to 512. Integrated gradients see 64 validation
photographs and the trained network of `runs/photos6`, where there are both; else a random network
and noise.
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
BATCH = 16
STEPS = 32
SAMPLES = 32


def rows(photographs: int = PHOTOGRAPHS, peers: int = PEER_PHOTOGRAPHS) -> list[dict[str, Any]]:
    """Measure both methods, and captum's with as many steps and samples as its users take."""
    batches, seen = subjects(photographs, BATCH), subjects(peers, 1)
    many, one = batches[0], seen[0]
    with quiet():
        ours = [against_unit(batch, integrated) for batch in batches]
        ours_of_one = [against_unit(each, integrated) for each in seen]
        theirs = [against_unit(each, captum_integrated) for each in seen]
        smooth = ratio(partial(many.look, "smooth_grad"), many.forward_backward, rounds=5)
        smooth_of_one = ratio(partial(one.look, "smooth_grad"), one.forward_backward)
        tunnel = ratio(partial(captum_smooth, one), one.forward_backward, rounds=3)
    gap = "90th percentile of the gap"
    return [
        row("integrated gradients", mean_of(ours), "FI", 11),
        row(f"integrated gradients, {gap}", gap_of(ours), "%", 1),
        row("the same, one image at a time", mean_of(ours_of_one), "its FI", None),
        row(f"captum, {STEPS} steps, one image at a time", mean_of(theirs), "its FI", None),
        row(f"captum, {STEPS} steps, {gap}", gap_of(theirs), "%", None),
        row(f"SmoothGrad, {SAMPLES} samples", smooth, "FI", 11),
        row("the same, of one image", smooth_of_one, "its FI", None),
        row("the same, of one image, captum", tunnel, "its FI", None),
    ]


def subjects(count: int, batch: int) -> list[Subject]:
    """Give `count` photographs in batches, beside the network."""
    if not (TRAINED.is_dir() and os.environ.get("LAYERSCOPE_DATA")):
        one = subject(count)
        scope = Scope(one.net, bounds=(0, 1))
        return [Subject(one.net, images, scope) for images in one.images.split(batch)]
    scope = Run.open(TRAINED).scope()
    scope.model.requires_grad_(requires_grad=False)
    dataset = prepare(Study.load(EXAMPLE).data)
    places = np.linspace(0, len(dataset["val"]) - 1, count).astype(int)
    images = dataset.spec.to_model(dataset["val"].batch(list(places))).contiguous()
    return [Subject(scope.model, some, scope) for some in images.split(batch)]


def against_unit(seen: Subject, work: Callable[[Subject], Tensor]) -> tuple[float, list[float]]:
    """Give a call's time in FI, and each image's gap: a share of the difference of the logits."""
    before, start = seconds(seen.forward_backward), time.perf_counter()
    values = work(seen)
    taken = time.perf_counter() - start
    unit = (before + seconds(seen.forward_backward)) / 2
    with torch.no_grad():
        logits, at_zero = seen.net(seen.images), seen.net(torch.zeros_like(seen.images))
    rows, classes = torch.arange(len(logits)), logits.argmax(1)
    difference = (logits - at_zero)[rows, classes].double()
    gaps = (values.double().flatten(1).sum(1) - difference).abs() / difference.abs()
    return taken / unit, gaps.tolist()


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


def mean_of(found: list[tuple[float, list[float]]]) -> float:
    """Give the mean time over the batches."""
    return float(np.mean([each[0] for each in found]))


def gap_of(found: list[tuple[float, list[float]]]) -> float:
    """Give the 90th percentile of the gap over the images, in percent."""
    return 100 * float(np.quantile([gap for each in found for gap in each[1]], 0.9))


def main() -> None:
    """Print the rows."""
    for found in rows():
        print(found)


if __name__ == "__main__":
    main()
