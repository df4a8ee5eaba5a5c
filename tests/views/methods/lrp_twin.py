"""LRP written from the papers: every layer as a matrix of contributions, shared out one by one.

Bach et al. 2015 and Montavon et al. 2019: `R_i = sum_j z_ij / sum_i' z_i'j R_j`, where z_ij is what
the rule counts of input i's contribution to answer j. Batch norms are merged into the weights;
all is float64.
"""

import copy

import torch
from torch import nn
from torch.nn import functional as F

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


def counted(rule, x, weight, bias, options):
    """Give what the rule counts: `(B, in, out)` of the inputs and `(B, out)` of the bias."""
    z = x[:, :, None] * weight
    b = bias.expand(len(x), -1)
    if rule == "epsilon":
        return z, b
    if rule == "z_plus":
        return z.clamp(min=0), b.clamp(min=0)
    if rule == "gamma":
        up = (z.sum(1) + b) >= 0
        agrees = torch.where(up[:, None], z.clamp(min=0), z.clamp(max=0))
        return (
            z + options["gamma"] * agrees,
            b + options["gamma"] * torch.where(up, b.clamp(min=0), b.clamp(max=0)),
        )
    if rule == "z_box":
        low, high = options["bounds"]
        z = z - low * weight.clamp(min=0) - high * weight.clamp(max=0)
    if rule == "w_square":
        z = (weight**2).expand(len(x), *weight.shape)
    if rule == "flat":
        z = options["pattern"].expand(len(x), *weight.shape)
    return z, torch.zeros_like(b)


def share(rule, x, weight, bias, relevance, options):
    """Share `(B, out)` among `(B, in)`."""
    z, b = counted(rule, x, weight, bias, options)
    total = z.sum(1) + b
    total = total + options["epsilon"] * torch.where(total >= 0, 1.0, -1.0)
    return (z / total[:, None] * relevance[:, None]).sum(2)


def matrix(function, shape):
    """Write a linear function of one example as a matrix `(in, out)`."""
    basis = torch.eye(torch.Size(shape).numel(), dtype=torch.float64).view(-1, *shape)
    return function(basis).flatten(1)


def through_layer(layer, norm, x, relevance, rule, options):
    """Go down through a convolution or dense layer and the norm that follows it."""
    weight, bias = layer.weight, layer.bias
    bias = weight.new_zeros(len(weight)) if bias is None else bias
    if norm is not None:
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        weight = weight * scale.view(-1, *[1] * (weight.dim() - 1))
        bias = (bias - norm.running_mean) * scale + norm.bias

    def run(seen, weight):
        if isinstance(layer, nn.Linear):
            return F.linear(seen, weight)
        function = {nn.Conv1d: F.conv1d, nn.Conv2d: F.conv2d, nn.Conv3d: F.conv3d}[type(layer)]
        return function(seen, weight, None, layer.stride, layer.padding, layer.dilation)

    shape = x.shape[1:]
    full = matrix(lambda basis: run(basis, weight), shape)
    pattern = matrix(lambda basis: run(basis, torch.ones_like(weight)), shape)
    bias = bias[:, None].expand(-1, full.shape[1] // len(bias)).flatten()
    options = {**options, "pattern": pattern}
    return share(rule, x.flatten(1), full, bias, relevance.flatten(1), options).view(x.shape)


def averaged(function, x, relevance, options):
    full = matrix(function, x.shape[1:])
    bias = x.new_zeros(full.shape[1])
    down = share("epsilon", x.flatten(1), full, bias, relevance.flatten(1), options)
    return down.view(x.shape)


def won(pool, x, relevance):
    """Send what comes down to the winners of a max pool."""
    with torch.enable_grad():
        leaf = x.detach().requires_grad_()
        return torch.autograd.grad(pool(leaf), leaf, relevance)[0]


def of_sequence(net, images, target, rules, options):
    """Return the relevance at what each module of an `nn.Sequential` reads, by its place."""
    seen = [images]
    for module in net:
        seen.append(module(seen[-1]))
    relevance = torch.zeros_like(seen[-1])
    relevance[:, target] = seen[-1][:, target]
    found = {len(net): relevance}
    for place in reversed(range(len(net))):
        module, x = net[place], seen[place]
        if isinstance(module, (*CONVOLUTIONS, nn.Linear)):
            rule = rules["dense"] if isinstance(module, nn.Linear) else rules["conv"]
            rule = rules.get("first") or rule if place == 0 else rule
            relevance = through_layer(module, None, x, relevance, rule, options)
        elif "AvgPool" in type(module).__name__:
            relevance = averaged(module, x, relevance, options)
        elif "MaxPool" in type(module).__name__:
            relevance = won(module, x, relevance)
        else:
            relevance = relevance.view(x.shape)
        found[place] = relevance
    return found


def of_residual(net, images, target, rules, options):
    """Return the relevance at the input of the zoo's residual network."""
    conv = rules["conv"]
    stem = F.relu(net.stem_norm(net.stem(images)))
    inner = F.relu(net.a1_norm(net.a1(stem)))
    branch = net.a2_norm(net.a2(inner))
    block = F.relu(branch + stem)
    long, short = net.b1_norm(net.b1(block)), net.short(block)
    top = F.relu(long + short)
    pooled = top.flatten(2).mean(-1)
    relevance = images.new_zeros(len(images), 4)
    relevance[:, target] = net.fc(pooled)[:, target]

    def split(one, other, relevance):
        total = one + other
        quotient = relevance / (total + options["epsilon"] * torch.where(total >= 0, 1.0, -1.0))
        return one * quotient, other * quotient

    relevance = through_layer(net.fc, None, pooled, relevance, rules["dense"], options)
    relevance = averaged(lambda x: x.flatten(2).mean(-1), top, relevance, options)
    of_long, of_short = split(long, short, relevance)
    relevance = through_layer(net.b1, net.b1_norm, block, of_long, conv, options)
    relevance = relevance + through_layer(net.short, None, block, of_short, conv, options)
    of_branch, past = split(branch, stem, relevance)
    relevance = through_layer(net.a2, net.a2_norm, inner, of_branch, conv, options)
    relevance = past + through_layer(net.a1, net.a1_norm, stem, relevance, conv, options)
    first = rules.get("first") or conv
    return through_layer(net.stem, net.stem_norm, images, relevance, first, options)


@torch.no_grad()
def lrp(net, images, target, rules, options):
    """Return the relevance at the input."""
    options = {"epsilon": 1e-6, "gamma": 0.25, **options}
    net, images = copy.deepcopy(net).double(), images.double()
    if isinstance(net, nn.Sequential):
        return of_sequence(net, images, target, rules, options)[0]
    return of_residual(net, images, target, rules, options)
