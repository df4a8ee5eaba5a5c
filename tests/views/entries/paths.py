"""Entries of the methods that average gradients over a path or over noise."""

import numpy as np
import torch

from layerscope.views import draws
from views.entries import Entry


def gradient_at(net, image, target):
    """Return the logit of one input and its gradient."""
    leaf = image[None].clone().requires_grad_()
    score = net(leaf)[0, target]
    (gradient,) = torch.autograd.grad(score, leaf)
    return float(score.detach()), gradient[0].double()


def integrated(net, images, layer, options):
    """Walk from 0 to each image; halve what misses most to the gap's side, till that is small."""
    return np.stack([walked(net, image, options).numpy() for image in images])


def walked(net, image, options):
    way, known = image.double(), {}
    ends = [gradient_at(net, place * image, options["target"])[0] for place in (0, 1)]
    places = [((k + 0.5) / 7) ** 2 for k in range(7)]
    while True:
        for place in places:
            if place not in known:
                score, gradient = gradient_at(net, place * image, options["target"])
                known[place] = score, float((gradient * way).sum()), gradient
        places = sorted(known)
        points = [0.0, *places, 1.0]
        scores = [ends[0], *(known[p][0] for p in places), ends[1]]
        slopes = [known[p][1] for p in (places[0], *places, places[-1])]
        missed = [
            scores[k + 1]
            - scores[k]
            - (points[k + 1] - points[k]) * (slopes[k] + slopes[k + 1]) / 2
            for k in range(len(points) - 1)
        ]
        enough = abs(sum(missed)) <= options["tolerance"] * abs(ends[1] - ends[0])
        if enough or len(places) >= options["steps"]:
            break
        side = 1 if sum(missed) > 0 else -1
        for k in [max(range(len(missed)), key=lambda k: side * missed[k])]:
            places.append(((points[k] ** 0.5 + points[k + 1] ** 0.5) / 2) ** 2)
    total = torch.zeros_like(way)
    for k, place in enumerate(places):
        low = 0 if k == 0 else (places[k - 1] + place) / 2
        high = 1 if k == len(places) - 1 else (places[k + 1] + place) / 2
        total += (high - low) * known[place][2]
    return way * total


def baselines(images):
    """Make other examples of the images' shape, and few draws."""
    others = torch.randn(6, *images.shape[1:], generator=torch.Generator().manual_seed(9))
    return {"baselines": others.to(images.dtype), "samples": 12}


def expected(net, images, layer, options):
    """Follow equation 2 of Erion et al., a draw at a time; places lie one in each equal part."""
    found = torch.zeros(images.shape, dtype=torch.float64)
    for row, image in enumerate(images):
        numbers = draws.generator(options.get("seed", 0), str(row))
        count = options["samples"]
        chosen = torch.randint(len(options["baselines"]), (count,), generator=numbers)
        drawn = torch.rand(count, generator=numbers)
        for k in range(count):
            other = options["baselines"][chosen[k]]
            place = other + (k + drawn[k]) / count * (image - other)
            gradient = gradient_at(net, place, options["target"])[1]
            found[row] += (image - other).double() * gradient / count
    return found.numpy()


def noisy(net, images, options):
    """Return the gradient at every noisy copy.

    The battery's bounds are 8 apart; a waveform's range is four times its standard deviation.
    """
    found = []
    for row, image in enumerate(images):
        for k in range(options["samples"]):
            noise = draws.normal(tuple(image.shape), options.get("seed", 0), str(row), k)
            span = 4 * float(image.std(correction=0)) if image.dim() == 2 else 8
            copy = image + span * options["noise"] * noise
            found.append(gradient_at(net, copy, options["target"])[1])
    return torch.stack(found).unflatten(0, (len(images), -1))


def smooth(net, images, layer, options):
    return noisy(net, images, options).mean(1).numpy()


def variance(net, images, layer, options):
    return noisy(net, images, options).var(1, correction=0).numpy()


EVERYWHERE = ("plain", "residual", "dense", "gated", "functional", "plain 1-D", "plain 3-D")
ENTRIES = [
    Entry(
        "integrated_gradients",
        integrated,
        options={"tolerance": 2e-3, "steps": 80},
        twin_networks=EVERYWHERE,
        gap=5e-3,
        evidence=True,
    ),
    Entry(
        "expected_gradients",
        expected,
        options=baselines,
        twin_networks=EVERYWHERE,
        evidence=True,
    ),
    Entry(
        "smooth_grad",
        smooth,
        options={"samples": 32, "noise": 0.1},
        twin_networks=EVERYWHERE,
    ),
    Entry("var_grad", variance, options={"samples": 32, "noise": 0.1}, twin_networks=EVERYWHERE),
]
