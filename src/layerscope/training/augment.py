"""Training pictures varied: crops, mirrors, turns, colours and squares, on uint8 batches.

All chance comes from the generator that is handed in, so one (seed, epoch, step) gives one batch.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from layerscope.training.settings import AugmentSettings

LUMA = (0.299, 0.587, 0.114)  # of red, green, blue: ITU-R BT.601


def generator(seed: int, epoch: int, step: int) -> np.random.Generator:
    """Give the source of chance of one training step.

    >>> generator(0, 3, 5).random() == generator(0, 3, 5).random()
    True
    """
    return np.random.default_rng((seed, epoch, step))


def augment(
    pixels: Tensor,
    settings: AugmentSettings,
    draw: np.random.Generator,
    *,
    size: tuple[int, int],
    fill: Sequence[int],
) -> Tensor:
    """Vary a uint8 batch `"batch channel y x"` and give it in `size` (y, x), channels last.

    `fill` is the colour of painted-over squares, one value per channel.

    >>> batch = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    >>> varied = augment(batch, AugmentSettings(flip=0.5), generator(0, 0, 0), size=(6, 6),
    ...                  fill=(0, 0, 0))
    >>> varied.shape, varied.dtype
    (torch.Size([2, 3, 6, 6]), torch.uint8)
    """
    count, planes, height, width = pixels.shape
    pixels = pixels.contiguous(memory_format=torch.channels_last)
    boxes = random_boxes(draw, count, (height, width), settings.crop, settings.ratio)
    mirrored = draw.random(count) < settings.flip
    pixels = crop_and_flip(pixels, boxes, mirrored, size)
    if settings.rotation or settings.shear or settings.shift or settings.zoom != (1, 1):
        pixels = affine(pixels, random_affine(draw, count, settings))
    if (
        settings.brightness
        or settings.contrast
        or (planes == 3 and (settings.saturation or settings.grey))
    ):
        pixels = colour(pixels, *random_colour(draw, count, settings))
    if settings.cutout:
        pixels = cutout(pixels, draw, settings, fill)
    return pixels


def random_boxes(
    draw: np.random.Generator,
    count: int,
    size: tuple[int, int],
    areas: tuple[float, float],
    ratios: tuple[float, float],
) -> np.ndarray:
    """Draw crops (top, left, height, width) in pixels, one an example.

    Areas are fractions of the picture's, drawn uniformly; ratios are of the crop's width over
    height to the picture's, drawn log-uniformly. A crop wider or higher than the picture is cut to
    it, so its area is then smaller than drawn.
    """
    height, width = size
    area = draw.uniform(*areas, count)
    ratio = np.exp(draw.uniform(math.log(ratios[0]), math.log(ratios[1]), count))
    heights = np.clip(np.rint(height * np.sqrt(area / ratio)), 1, height)
    widths = np.clip(np.rint(width * np.sqrt(area * ratio)), 1, width)
    top = np.floor(draw.random(count) * (height - heights + 1))
    left = np.floor(draw.random(count) * (width - widths + 1))
    return np.stack([top, left, heights, widths], axis=1).astype(np.int64)


def crop_and_flip(
    pixels: Tensor, boxes: np.ndarray, mirrored: np.ndarray, size: tuple[int, int]
) -> Tensor:
    """Cut a box out of every picture, resize it to `size` (antialiased) and mirror where told."""
    count, planes, height, width = pixels.shape
    whole = (boxes == (0, 0, height, width)).all()
    if whole and size == (height, width) and not mirrored.any():
        return pixels
    out = torch.empty((count, planes, *size), dtype=torch.uint8, memory_format=torch.channels_last)
    for place, (top, left, high, wide) in enumerate(boxes.tolist()):
        cut = pixels[place : place + 1, :, top : top + high, left : left + wide]
        if (high, wide) != size:
            cut = F.interpolate(cut, size=size, mode="bilinear", antialias=True)
        out[place] = cut[0].flip(-1) if mirrored[place] else cut[0]
    return out


def random_affine(draw: np.random.Generator, count: int, settings: AugmentSettings) -> np.ndarray:
    """Draw affine maps (rotation, then shear, zoom and shift) as `"batch 2 3"`.

    A map takes a point (x, y) from the picture's centre, in units of its sides, to where that
    point is moved to.
    """

    def within(limit: float) -> np.ndarray:
        return draw.uniform(-limit, limit, count)

    angle, lean = np.radians(within(settings.rotation)), np.radians(within(settings.shear))
    low, high = (math.log(factor) for factor in settings.zoom)
    zoom = np.exp(draw.uniform(low, high, count))
    maps = np.empty((count, 2, 3))
    maps[:, 0, 0] = zoom * (np.cos(angle) - np.tan(lean) * np.sin(angle))
    maps[:, 0, 1] = zoom * (-np.sin(angle) - np.tan(lean) * np.cos(angle))
    maps[:, 1, 0] = zoom * np.sin(angle)
    maps[:, 1, 1] = zoom * np.cos(angle)
    maps[:, 0, 2] = within(settings.shift)
    maps[:, 1, 2] = within(settings.shift)
    return maps


def affine(pixels: Tensor, maps: np.ndarray) -> Tensor:
    """Move every picture by its map, bilinearly; what comes into view repeats the edge.

    Turns and leans are those of the picture as seen, also where it is not square.
    """
    count, _, height, width = pixels.shape
    sides = np.array([width, height])
    linear = np.linalg.inv(maps[:, :, :2])  # grid_sample wants where each pixel comes from
    origin = -linear @ (maps[:, :, 2] * sides)[:, :, None]  # (B, 2, 1), in pixels
    theta = np.concatenate([linear * sides / sides[:, None], 2 * origin / sides[:, None]], axis=2)
    grid = F.affine_grid(
        torch.from_numpy(theta).float(), [count, 1, height, width], align_corners=False
    )
    moved = F.grid_sample(
        pixels.float(), grid, mode="bilinear", padding_mode="border", align_corners=False
    )
    return moved.round_().to(torch.uint8, memory_format=torch.channels_last)


def random_colour(
    draw: np.random.Generator, count: int, settings: AugmentSettings
) -> tuple[Tensor, Tensor, Tensor]:
    """Draw factors of brightness, contrast and saturation, one of each an example."""

    def about_one(spread: float) -> Tensor:
        return torch.from_numpy(draw.uniform(1 - spread, 1 + spread, count)).float()

    brightness, contrast = about_one(settings.brightness), about_one(settings.contrast)
    saturation = about_one(settings.saturation)
    saturation[torch.from_numpy(draw.random(count) < settings.grey)] = 0
    return brightness, contrast, saturation


def colour(pixels: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor) -> Tensor:
    """Scale saturation, then brightness, then contrast: one affine map of colours a picture."""
    count, planes, height, width = pixels.shape
    grey = torch.tensor(LUMA) if planes == 3 else torch.full((planes,), 1 / planes)
    keep = saturation if planes == 3 else torch.ones_like(saturation)
    matrix = keep[:, None, None] * torch.eye(planes) + (1 - keep)[:, None, None] * grey  # (B, C, C)
    matrix = matrix * (brightness * contrast)[:, None, None]
    flat = pixels.permute(0, 2, 3, 1).reshape(count, height * width, planes).float()
    mean = flat.mean(1) @ grey * brightness  # (B,)
    offset = ((1 - contrast) * mean)[:, None, None]
    # Four pixels are multiplied at once, as 3 x 3 alone is too small to be fast.
    run = 4 if height * width % 4 == 0 else 1
    values = run * planes
    blocks = torch.einsum("ij,bkl->biljk", torch.eye(run), matrix)
    flat = torch.baddbmm(
        offset.expand(count, 1, values),
        flat.view(count, -1, values),
        blocks.reshape(count, values, values),
    )
    flat = flat.round_().clamp_(0, 255).to(torch.uint8)
    return flat.view(count, height, width, planes).permute(0, 3, 1, 2)


def cutout(
    pixels: Tensor, draw: np.random.Generator, settings: AugmentSettings, fill: Sequence[int]
) -> Tensor:
    """Paint a square over in some of the pictures (DeVries and Taylor 2017)."""
    count, _, height, width = pixels.shape
    pixels = pixels.clone()
    chosen = draw.random(count) < settings.cutout
    sides = np.rint(draw.uniform(*settings.cutout_size, count) * min(height, width)).astype(int)
    places = draw.random((count, 2))
    paint = torch.tensor(fill, dtype=torch.uint8)[:, None, None]
    for place in np.flatnonzero(chosen):
        side = max(1, int(sides[place]))
        top, left = (places[place] * (height - side + 1, width - side + 1)).astype(int)
        pixels[place, :, top : top + side, left : left + side] = paint
    return pixels
