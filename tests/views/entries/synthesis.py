"""Entries of what is made by ascent: a few steps, each written out in plain torch."""

import math

import torch
from torch.nn import functional as F

from layerscope.views.draws import generator
from views.entries import Entry

LOW, HIGH = -4.0, 4.0  # the bounds of the battery's scope
RECTIFIED = {"0", "3", "stem", "a1"}  # convolutions whose rectifier follows them (or their norm)


def answer(net, layer, images, *, rectified):
    """What a convolution answers after its norm, and after the rectifier that follows."""
    kept = []
    modules = dict(net.named_modules())
    module = modules.get(f"{layer}_norm", modules[layer])
    handle = module.register_forward_hook(lambda *call: kept.append(call[2].clone()))
    net(images)
    handle.remove()
    return F.relu(kept[0]) if rectified and layer in RECTIFIED else kept[0]


def scale_of(space):
    """1 / frequency of each coefficient of a half spectrum, one by one, for variance 1."""
    lowest = 1 / max(space)
    scales, power, count = [], 0.0, 0
    for y in range(space[0] if len(space) == 2 else 1):
        for x in range(space[-1]):
            up = min(y, space[0] - y) / space[0] if len(space) == 2 else 0.0
            across = min(x, space[-1] - x) / space[-1]
            frequency = max(math.hypot(up, across), lowest)
            power += frequency**-2
            count += 1
            if x <= space[-1] // 2:
                scales.append(1 / frequency)
    half = torch.tensor(scales).view(*space[:-1], space[-1] // 2 + 1)
    return half / math.sqrt(2 * power / count)


def picture(numbers, space):
    """The picture of Fourier coefficients."""
    spectrum = torch.complex(numbers[..., 0], numbers[..., 1]) * scale_of(space)
    if len(space) == 1:
        return torch.fft.irfft(spectrum, n=space[0], norm="ortho")
    return torch.fft.irfft2(spectrum, s=tuple(space), norm="ortho")


def noise(channels, space, *draw):
    shape = (channels, *space[:-1], space[-1] // 2 + 1, 2)
    return 0.1 * torch.randn(shape, generator=generator(*draw))[None]


def slope(score, numbers):
    leaf = numbers.clone().requires_grad_()
    return torch.autograd.grad(score(leaf), leaf)[0]


def legal(pictures):
    return LOW + (HIGH - LOW) * torch.sigmoid(pictures)


def activation_maximization(net, images, layer, options):
    space = images.shape[2:]
    unit = int(answer(net, layer, images, rectified=False).flatten(2).amax(2).mean(0).argmax())
    numbers, moved = noise(images.shape[1], space, 0, layer, unit, 0), 0.0

    def score(numbers):
        shown = legal(picture(numbers, space))
        return answer(net, layer, shown, rectified=False)[0, unit].mean()

    for step in range(options["steps"]):
        now = slope(score, numbers)
        moved = 0.3 * now / now.square().mean().sqrt() + (0.7 * moved if step else 0.0)
        numbers = numbers + 0.3 * moved
        size = picture(numbers, space).square().mean().sqrt()
        numbers = numbers / max(1.0, float(size))
    return legal(picture(numbers, space)).detach().numpy()


def class_model(net, images, layer, options):
    space, made = images.shape[2:], []
    for unit in range(4):
        blank = torch.zeros(1, *images.shape[1:])
        steep = slope(lambda x, unit=unit: net(x)[0, unit], blank).square().mean().sqrt()

        def score(numbers, unit=unit, steep=steep):
            x = picture(numbers, space).clamp(LOW, HIGH)
            return net(x)[0, unit] - steep / 4 * x.square().sum()

        numbers = torch.zeros(1, images.shape[1], *space[:-1], space[-1] // 2 + 1, 2)
        for step in range(options["steps"]):
            now = slope(score, numbers)
            share = 1 - step / options["steps"]
            numbers = numbers + 0.2 * share * now / now.square().mean().sqrt()
        made.append(picture(numbers, space).clamp(LOW, HIGH))
    return torch.cat(made).detach().numpy()


def deep_dream(net, images, layer, options):
    whole, made = images.shape[2:], []
    mode = "linear" if len(whole) == 1 else "bilinear"
    shrink = F.adaptive_avg_pool1d if len(whole) == 1 else F.adaptive_avg_pool2d
    for row, image in enumerate(images):
        draw = generator(0, str(row), layer)
        added = None
        for size in ([int(n / 1.4) for n in whole], list(whole)):
            base = shrink(image[None], size)
            x = base if added is None else base + F.interpolate(added, size=size, mode=mode)
            for _ in range(options["steps"]):
                most = [int(n / 8) for n in size]
                by = [int(torch.randint(-n, n + 1, (), generator=draw)) if n else 0 for n in most]

                def score(x, by=by):
                    rolled = torch.roll(x, by, tuple(range(2, x.dim())))
                    return answer(net, layer, rolled, rectified=True).square().mean() / 2

                now = slope(score, x)
                x = x + 0.01 * (HIGH - LOW) * now / now.square().mean().sqrt()
                x = x.clamp(LOW, HIGH)
            added = x - base
        made.append((image[None] + added).clamp(LOW, HIGH))
    return torch.cat(made).detach().numpy()


def feature_inversion(net, images, layer, options):
    space, made = images.shape[2:], []
    for row in range(len(images)):
        target = answer(net, layer, images[row : row + 1], rectified=True).detach()
        numbers = noise(images.shape[1], space, 0, str(row), layer)

        def score(numbers, target=target):
            x = torch.sigmoid(picture(numbers, space))
            found = answer(net, layer, LOW + (HIGH - LOW) * x, rectified=True)
            far = (found - target).square().sum() / target.square().sum()
            rough = sum(x.diff(dim=axis).square().mean() for axis in range(2, x.dim()))
            return -far - 0.01 * rough

        mean, square = 0.0, 0.0
        for step in range(options["steps"]):
            now = slope(score, numbers)
            mean, square = 0.5 * mean + 0.5 * now, 0.9 * square + 0.1 * now**2
            size = (square / (1 - 0.9 ** (step + 1))).sqrt()
            size = size + 1e-4 * size.square().mean().sqrt()
            share = 1 - step / options["steps"]
            numbers = numbers + 0.3 * share * mean / (1 - 0.5 ** (step + 1)) / size
        made.append(legal(picture(numbers, space)))
    return torch.cat(made).detach().numpy()


# In uncorrelated colours a flat photograph would not be a waveform's twin; test_limits has them.
ENTRIES = [
    Entry(
        "activation_maximization",
        activation_maximization,
        options={"of": "channel", "steps": 2, "robust": False, "decorrelate": False},
        exempt={
            "bfloat16_stays_within_the_stated_tolerance": "the tolerance is of the activation that "
            "is reached, by whatever picture: tests/views/methods/test_activation_maximization.py",
        },
    ),
    Entry("class_model", class_model, options={"steps": 2, "decorrelate": False}),
    Entry("deep_dream", deep_dream, options={"steps": 2, "octaves": 2}),
    Entry(
        "feature_inversion",
        feature_inversion,
        options={"steps": 2, "decorrelate": False},
        tolerance=3e-4,  # Adam divides by gradients that may be next to nothing
    ),
]
