"""Networks drawn by hypothesis: convolutions, norms, pools, sums and concatenations."""

import torch
from hypothesis import strategies as st
from torch import nn


class Block(nn.Module):
    """A branch whose answer is added to its input, or laid beside it."""

    def __init__(self, branch, joins):
        super().__init__()
        self.branch, self.joins = branch, joins

    def forward(self, x):
        y = self.branch(x)
        return torch.relu(x + y) if self.joins == "sum" else torch.cat([x, y], 1)


class Mean(nn.Module):
    def forward(self, x):
        return x.mean(-1)


POOLS = {
    1: (nn.MaxPool1d(2, ceil_mode=True), nn.AvgPool1d(3, 2, 1)),
    2: (nn.MaxPool2d(3, 2, 1), nn.AvgPool2d(2, ceil_mode=True)),
}


def drawn(data):
    """Draw a network over one or two spatial axes, and a batch of 2 for it."""
    axes = data.draw(st.sampled_from([1, 2]))
    torch.manual_seed(data.draw(st.integers(0, 1000)))
    layers, channels = [], 3
    for _ in range(data.draw(st.integers(1, 4))):
        some, channels = block(data, axes, channels)
        layers += some
        if data.draw(st.booleans()):
            layers.append(data.draw(st.sampled_from(POOLS[axes])))
    net = nn.Sequential(*layers, nn.Flatten(2), Mean(), nn.Linear(channels, 4))
    for module in net.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
    return net, torch.randn(2, 3, *[17, 13][:axes])


def block(data, axes, channels):
    conv = (nn.Conv1d, nn.Conv2d)[axes - 1]
    norm = (nn.BatchNorm1d, nn.BatchNorm2d)[axes - 1]
    kind = data.draw(st.sampled_from(["plain", "norm", "sum", "cat"]))
    width = channels if kind == "sum" else data.draw(st.sampled_from([4, 6]))
    branch = nn.Sequential(conv(channels, width, 3, padding=1))
    if kind != "plain":
        branch.append(norm(width))
    if kind in ("plain", "norm"):
        return [*branch, nn.ReLU(inplace=data.draw(st.booleans()))], width
    return [Block(branch, kind)], channels + width if kind == "cat" else width
