"""Entries of the methods that are one backward pass under a rule."""

import copy
from unittest import mock

import torch
from torch import nn
from torch.nn import functional as F

from views.entries import Entry
from views.methods import deep_lift_twin, lrp_twin


def saliency(net, images, layer, options):
    return gradient(net, images, options["target"]).abs().numpy()


def input_x_gradient(net, images, layer, options):
    return (images * gradient(net, images, options["target"])).numpy()


def gradient(net, images, target):
    leaf = images.requires_grad_()
    (found,) = torch.autograd.grad(net(leaf)[:, target].sum(), leaf)
    leaf.requires_grad_(requires_grad=False)
    return found


class Guided(torch.autograd.Function):
    """A rectifier whose way back passes what is positive, where it was open."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return torch.where((x > 0) & (grad > 0), grad, torch.zeros_like(grad))


class Deconvnet(torch.autograd.Function):
    """A rectifier whose way back rectifies."""

    @staticmethod
    def forward(ctx, x):
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, grad):
        return grad.clamp(min=0)


def rectifiers_are(rule):
    return mock.patch.object(F, "relu", lambda x, inplace=False: rule.apply(x))


def guided_backprop(net, images, layer, options):
    with rectifiers_are(Guided):
        return gradient(net, images, options["target"]).numpy()


def deconvnet(net, images, layer, options):
    """Carry the class down, or the strongest position of each example's strongest unit."""
    if layer == "input":
        with rectifiers_are(Deconvnet):
            return gradient(net, images, options["target"]).numpy()
    return of_strongest(net, images, layer, Deconvnet)


def of_strongest(net, images, layer, rule):
    leaf = images.requires_grad_()
    kept = []
    handle = net.get_submodule(layer).register_forward_hook(lambda *call: kept.append(call[2]))
    with rectifiers_are(rule):
        net(leaf)
    handle.remove()
    maps = kept[0]
    seed = torch.zeros_like(maps)
    for example in range(len(maps)):
        place = maps[example].argmax()
        seed[example].view(-1)[place] = maps[example].flatten()[place].clamp(min=0)
    return torch.autograd.grad(maps, leaf, seed)[0].numpy()


PLUS_FLAT = {"conv": "z_plus", "dense": "epsilon", "first": "flat"}


def lrp(net, images, layer, options):
    return lrp_twin.lrp(net, images, options["target"], PLUS_FLAT, {}).numpy()


@torch.no_grad()
def concept_relevance(net, images, layer, options):
    """Mask the relevance at a convolution's answer to its most relevant channel, and go on."""
    settings = {"epsilon": 1e-6}
    net, images = copy.deepcopy(net).double(), images.double()
    place = int(layer) + 1
    whole = lrp_twin.of_sequence(net, images, options["target"], PLUS_FLAT, settings)
    relevance = whole[place]
    chosen = relevance.flatten(2).sum(2).argmax(1)
    kept = torch.zeros_like(relevance)
    for example, channel in enumerate(chosen):
        kept[example, channel] = relevance[example, channel]
    seen = [images]
    for module in net[: int(layer)]:
        seen.append(module(seen[-1]))
    for module, x in zip(net[:place][::-1], seen[::-1], strict=True):
        if isinstance(module, lrp_twin.CONVOLUTIONS):
            rule = "flat" if module is net[0] else "z_plus"
            kept = lrp_twin.through_layer(module, None, x, kept, rule, settings)
        elif not isinstance(module, nn.ReLU):
            kept = lrp_twin.won(module, x, kept)
    return kept.numpy()


def deep_lift(net, images, layer, options):
    baseline = options["baseline"][None]
    return deep_lift_twin.deep_lift(net, images, baseline, options["target"]).numpy()


def with_baseline(images):
    """Choose a baseline of no two equal numbers, so that the reference's max pools have no ties."""
    drawn = torch.randn(images[0].shape, generator=torch.Generator().manual_seed(5))
    return {"baseline": 0.3 * drawn.to(images.dtype)}


ENTRIES = [
    Entry("saliency", saliency),
    Entry("input_x_gradient", input_x_gradient, evidence=True),
    Entry("guided_backprop", guided_backprop, refuses=("gated",)),
    Entry("deconvnet", deconvnet, refuses=("gated",)),
    Entry(
        "lrp",
        lrp,
        refuses=("gated",),
        twin_networks=("plain", "plain 1-D", "residual 1-D"),
        evidence=True,
    ),
    Entry(
        "concept_relevance",
        concept_relevance,
        refuses=("gated",),
        twin_networks=("plain", "plain 1-D"),
        evidence=True,
    ),
    Entry("deep_lift", deep_lift, with_baseline, evidence=True),
]
