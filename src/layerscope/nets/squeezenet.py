"""SqueezeNet 1.0, layer by layer as in its paper, its layers named as in torchvision."""

import torch
from torch import Tensor, nn

from layerscope.nets.study import initialise


class Fire(nn.Module):
    """Squeeze to a few channels by 1x1 filters, expand by 1x1 and by 3x3, put these together.

    `"batch channel y x"` -> `"batch 2*expand y x"`.
    """

    def __init__(self, channels: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeeze, 1)
        self.squeeze_activation = nn.ReLU()
        self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
        self.expand1x1_activation = nn.ReLU()
        self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)
        self.expand3x3_activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Return the maps of both expansions, those of the 1x1 filters first."""
        x = self.squeeze_activation(self.squeeze(x))  # (B, squeeze, y, x)
        small = self.expand1x1_activation(self.expand1x1(x))
        large = self.expand3x3_activation(self.expand3x3(x))
        return torch.cat([small, large], dim=1)  # (B, 2 * expand, y, x)


class SqueezeNet(nn.Module):
    """SqueezeNet 1.0 (Iandola et al. 2016, table 1), with random weights.

    `"batch channel y x"` -> logits `"batch class"`, each the mean of a rectified map. A photograph
    has three channels and 227 x 227 pixels; any size from 21 on will do.

    >>> sum(p.numel() for p in SqueezeNet().parameters())
    1248424
    """

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 96, 7, stride=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
            Fire(96, 16, 64),
            Fire(128, 16, 64),
            Fire(128, 32, 128),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
            Fire(256, 32, 128),
            Fire(256, 48, 192),
            Fire(384, 48, 192),
            Fire(384, 64, 256),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
            Fire(512, 64, 256),
        )
        self.classifier = nn.Sequential(
            nn.Dropout(), nn.Conv2d(512, classes, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1)
        )
        self.apply(initialise)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        return self.classifier(self.features(x)).flatten(1)  # (B, classes)
