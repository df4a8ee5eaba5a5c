"""DeepLIFT's rescale rule written from the paper: multipliers, operation by operation.

Shrikumar et al. 2017: a linear layer multiplies by its weights, a nonlinearity of one number by
the ratio of the differences from the reference. A max pool (DeepSHAP) gives the rise of its maximum
to where it is now, and the fall to where it was on the reference.
"""

import itertools

import torch
from torch import nn
from torch.nn import functional as F


def linear(function, x, multiplier):
    with torch.enable_grad():
        leaf = x.detach().requires_grad_()
        return torch.autograd.grad(function(leaf), leaf, multiplier)[0]


def ratio(function, x, reference, multiplier):
    return multiplier * (function(x) - function(reference)) / (x - reference)


def max_pool(pool, x, reference, multiplier):
    """Visit every window and put each part of the change where it belongs."""
    axes = x.dim() - 2
    size, stride, padding = (
        (n,) * axes if isinstance(n, int) else n
        for n in (pool.kernel_size, pool.stride, pool.padding)
    )
    shares = torch.zeros_like(x)
    for example, channel in itertools.product(range(len(x)), range(x.shape[1])):
        now, before = x[example, channel], reference[0, channel]
        for cell in itertools.product(*map(range, multiplier.shape[2:])):
            window = tuple(
                slice(max(0, c * s - p), c * s - p + k)
                for c, s, p, k in zip(cell, stride, padding, size, strict=True)
            )
            larger = max(now[window].max(), before[window].max())
            arrived = multiplier[(example, channel, *cell)]
            risen = arrived * (larger - before[window].max())
            fallen = arrived * (now[window].max() - larger)
            target = shares[example, channel][window]
            target[now[window] == now[window].max()] += risen
            target[before[window] == before[window].max()] += fallen
    change = x - reference
    return torch.where(change.abs() < 1e-10, torch.zeros_like(shares), shares / change)


def of_sequence(net, x, reference, multiplier):
    seen, references = [x], [reference]
    for module in net:
        seen.append(module(seen[-1]))
        references.append(module(references[-1]))
    for module, here, there in zip(net[::-1], seen[-2::-1], references[-2::-1], strict=True):
        name = type(module).__name__
        if isinstance(module, nn.ReLU):
            multiplier = ratio(F.relu, here, there, multiplier)
        elif name.startswith("MaxPool"):
            multiplier = max_pool(module, here, there, multiplier)
        else:
            multiplier = linear(module, here, multiplier)
    return multiplier


def of_residual(net, x, reference, multiplier):
    def forward(x):
        kept = {"x": x, "stem": net.stem_norm(net.stem(x))}
        kept["a0"] = F.relu(kept["stem"])
        kept["a1"] = net.a1_norm(net.a1(kept["a0"]))
        kept["sum"] = net.a2_norm(net.a2(F.relu(kept["a1"]))) + kept["a0"]
        kept["b0"] = F.relu(kept["sum"])
        kept["top"] = net.b1_norm(net.b1(kept["b0"])) + net.short(kept["b0"])
        return kept

    here, there = forward(x), forward(reference)

    def down(name, multiplier):
        return ratio(F.relu, here[name], there[name], multiplier)

    m = linear(lambda x: net.fc(x.flatten(2).mean(-1)), here["top"], multiplier)
    m = down("top", m)
    m = linear(lambda x: net.b1_norm(net.b1(x)) + net.short(x), here["b0"], m)
    m = down("sum", m)
    past = m
    m = down("a1", linear(lambda x: net.a2_norm(net.a2(x)), here["a1"], m))
    m = past + linear(lambda x: net.a1_norm(net.a1(x)), here["a0"], m)
    return linear(lambda x: net.stem_norm(net.stem(x)), here["x"], down("stem", m))


@torch.no_grad()
def deep_lift(net, images, baseline, target):
    """Return what each part of the input adds to the score's difference from the baseline's."""
    multiplier = torch.zeros(len(images), 4)
    multiplier[:, target] = 1
    walk = of_sequence if isinstance(net, nn.Sequential) else of_residual
    return (images - baseline) * walk(net, images, baseline, multiplier)
