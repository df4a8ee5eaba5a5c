"""Small networks of every build that users bring, shared by the tests of the tape and the views."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Functional(nn.Module):
    """Functional calls only, one of them in place, and a final softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 6, 3, padding=1)
        self.second = nn.Conv2d(6, 8, 3)
        self.head = nn.Linear(8, 4)
        self.ends_in_softmax = True

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.first(x)), 2, ceil_mode=True)
        x = torch.relu(self.second(x))
        x = F.dropout(x, 0.5, self.training).mean((2, 3))
        return F.softmax(self.head(x), dim=1) if self.ends_in_softmax else self.head(x)


class InPlace(nn.Module):
    """One in-place rectifier, used twice, an in-place method and a view of hard-coded size."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 5, 5, stride=2)
        self.conv2 = nn.Conv2d(5, 7, 3, padding=1, groups=1)
        self.conv3 = nn.Conv2d(7, 7, 3, dilation=2, groups=7)
        self.relu = nn.ReLU(inplace=True)
        self.fc = nn.Linear(7 * 6 * 6, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.conv1(x))
        x = self.relu(self.conv2(x))
        x = self.conv3(x).relu_()
        return self.fc(x.view(x.size(0), -1))


class Residual(nn.Module):
    """Two residual blocks with batch norm, one with a strided shortcut, and `+=`."""

    def __init__(self, axes: int = 2) -> None:
        super().__init__()
        conv, norm = (nn.Conv1d, nn.BatchNorm1d) if axes == 1 else (nn.Conv2d, nn.BatchNorm2d)
        self.stem = conv(3, 6, 3, padding=1, bias=False)
        self.stem_norm = norm(6)
        self.a1, self.a1_norm = conv(6, 6, 3, padding=1), norm(6)
        self.a2, self.a2_norm = conv(6, 6, 3, padding=1), norm(6)
        self.b1, self.b1_norm = conv(6, 8, 3, stride=2, padding=1), norm(8)
        self.short = conv(6, 8, 1, stride=2)
        self.relu = nn.ReLU(inplace=True)
        self.fc = nn.Linear(8, 4)
        self.axes = axes

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.stem_norm(self.stem(x)))
        y = F.relu(self.a1_norm(self.a1(x)))
        y = self.a2_norm(self.a2(y))
        y += x
        x = self.relu(y)
        x = self.relu(self.b1_norm(self.b1(x)) + self.short(x))
        return self.fc(x.flatten(2).mean(-1))


class Dense(nn.Module):
    """Concatenations, ReLU6, a padded average pool and an adaptive max pool."""

    def __init__(self) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(3, 4, 3, padding=1)
        self.c2 = nn.Conv2d(7, 4, 3, padding="same")
        self.c3 = nn.Conv2d(11, 6, 2, padding="same")
        self.fc = nn.Linear(6 * 9, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([x, F.relu6(6 * self.c1(x))], 1)
        x = torch.cat((x, self.c2(x).clamp(min=0)), dim=1)
        x = F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)
        x = F.adaptive_max_pool2d(F.relu(self.c3(x)), 3)
        return self.fc(torch.flatten(x, 1))


class Gated(nn.Module):
    """An inverted residual with SiLU, group norm, squeeze-and-excitation and GELU."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.norm = nn.GroupNorm(2, 8)
        self.squeeze = nn.Conv2d(8, 2, 1)
        self.excite = nn.Conv2d(2, 8, 1)
        self.project = nn.Conv2d(8, 8, 1)
        self.fc = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = F.silu(self.stem(x), inplace=True)
        y = F.gelu(self.norm(self.depthwise(x)))
        gate = torch.sigmoid(self.excite(F.relu(self.squeeze(F.adaptive_avg_pool2d(y, 1)))))
        x = x + self.project(y * gate)
        return self.fc(x.mean([2, 3]))


def plain(axes: int = 2, in_place: bool = False) -> nn.Sequential:
    """Two blocks of convolution, rectifier and overlapping or ceil-mode pools, over 1 to 3 axes."""
    conv = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[axes - 1]
    pool = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)[axes - 1]
    mean = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d)[axes - 1]
    return nn.Sequential(
        conv(3, 6, 3, padding=1),
        nn.ReLU(inplace=in_place),
        pool(2, ceil_mode=True),
        conv(6, 8, 3, padding=1),
        nn.ReLU(inplace=in_place),
        pool(3, stride=2, padding=1),
        nn.Dropout(),
        mean(2),
        nn.Flatten(),
        nn.Linear(8 * 2**axes, 4),
    )


SHAPES = {1: (3, 17), 2: (3, 19, 19), 3: (3, 9, 9, 9)}
#: name -> (builder, shape of one input)
NETWORKS = {
    "plain": (plain, SHAPES[2]),
    "plain in place": (lambda: plain(in_place=True), SHAPES[2]),
    "plain 1-D": (lambda: plain(1), SHAPES[1]),
    "plain 3-D": (lambda: plain(3), SHAPES[3]),
    "functional": (Functional, SHAPES[2]),
    "in place": (InPlace, (3, 23, 23)),
    "residual": (Residual, SHAPES[2]),
    "residual 1-D": (lambda: Residual(1), SHAPES[1]),
    "dense": (Dense, SHAPES[2]),
    "gated": (Gated, SHAPES[2]),
}
#: The networks that a rectifier's way down (deconvnet) can pass.
RECTIFIED = [name for name in NETWORKS if name != "gated"]


def build(name: str, seed: int = 0) -> tuple[nn.Module, Tensor]:
    """Return a network in training mode with used running statistics, and a batch of 5 inputs."""
    make, shape = NETWORKS[name]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = make()
        images = torch.randn(5, *shape)
        for module in net.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.running_mean.normal_(0, 0.3)
                module.running_var.uniform_(0.5, 2)
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.normal_(module.bias, 0, 0.2)
    return net, images
