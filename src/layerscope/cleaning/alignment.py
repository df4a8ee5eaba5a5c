"""Whether two pictures are the same one: their correlation, laid over each other as well as can be.

One is moved and stretched until it fits (Gauss-Newton on the brightness: Lucas and Kanade 1981).
"""

import torch
from torch.nn import functional as F

LEVELS = ((4, 6), (2, 4))  # pixels that are averaged, and steps at that size
BLUR = 9  # pixels at the finest level; what is smoother than that tells nothing


def agreement(first: torch.Tensor, second: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
    """Give the correlation of fine detail after the best fit, float (B,): 1 for the same picture.

    `first` and `second` are grey (B, y, x); `boxes` float (B, 4) says where in `second` the first
    is thought to lie: centre y and x, height and width, as shares of the side.
    """
    fit = boxes.clone()
    for pool, steps in LEVELS:
        a, b = (F.avg_pool2d(images[:, None], pool) for images in (first, second))
        for _ in range(steps):
            fit = _step(a, b, fit)
    fit = torch.where(fit.isfinite().all(dim=1, keepdim=True), fit, boxes)
    seen, inside = _through(b, fit)
    return _correlation(_detail(a), _detail(seen), _eroded(inside))


def _grid(box: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Give where each pixel of the first lies in the second, (B, y, x, 2) from -1 to 1."""
    y = torch.linspace(-1, 1, 2 * height + 1)[1::2]
    x = torch.linspace(-1, 1, 2 * width + 1)[1::2]
    rows = 2 * box[:, 0, None] - 1 + box[:, 2, None] * y  # (B, y)
    columns = 2 * box[:, 1, None] - 1 + box[:, 3, None] * x
    shape = (len(box), height, width)
    return torch.stack([columns[:, None].expand(shape), rows[:, :, None].expand(shape)], dim=-1)


def _through(images: torch.Tensor, box: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Look at images (B, 1, y, x) through boxes; also tells what lies inside."""
    grid = _grid(box, *images.shape[2:])
    seen = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    return seen, (grid.abs() <= 1).all(dim=-1)[:, None].float()


def _step(a: torch.Tensor, b: torch.Tensor, box: torch.Tensor) -> torch.Tensor:
    """Take one step of Gauss-Newton for box, gain and offset together."""
    seen, inside = _through(b, box)
    down = F.pad(seen, (0, 0, 1, 1), mode="replicate")
    right = F.pad(seen, (1, 1, 0, 0), mode="replicate")
    dy = (down[:, :, 2:] - down[:, :, :-2]) / 2
    dx = (right[..., 2:] - right[..., :-2]) / 2
    height, width = a.shape[2:]
    y = ((torch.arange(height) + 0.5) / height - 0.5)[None, None, :, None]
    x = ((torch.arange(width) + 0.5) / width - 0.5)[None, None, None, :]
    gain_y, gain_x = height / box[:, 2].view(-1, 1, 1, 1), width / box[:, 3].view(-1, 1, 1, 1)
    columns = [dy * gain_y, dx * gain_x, dy * gain_y * y, dx * gain_x * x, seen]
    system = torch.stack([*columns, torch.ones_like(seen)], dim=-1).flatten(1, 3)  # (B, pixel, 6)
    weighted = system * inside.flatten(1)[..., None]
    # a = gain * seen(box + d) + offset, to first order in d and with gain near its last value
    normal = weighted.mT @ system
    ridge = 1e-4 * normal.diagonal(dim1=1, dim2=2).clamp(min=1e-3)
    right_side = weighted.mT @ a.flatten(1)[..., None]
    solved = torch.linalg.solve(normal + torch.diag_embed(ridge), right_side)[..., 0]
    gain = solved[:, 4:5]
    gain = torch.where(gain.abs() < 0.2, torch.ones_like(gain), gain)
    change = (solved[:, :4] / gain).clamp(-0.03, 0.03)
    moved = box + change
    return torch.cat([moved[:, :2].clamp(0.3, 0.7), moved[:, 2:].clamp(0.75, 1.2)], dim=1)


def _detail(images: torch.Tensor) -> torch.Tensor:
    """Take away what is smooth."""
    return images - F.avg_pool2d(images, BLUR, 1, BLUR // 2, count_include_pad=False)


def _eroded(inside: torch.Tensor) -> torch.Tensor:
    return -F.max_pool2d(-inside, 5, 1, 2)


def _correlation(a: torch.Tensor, b: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Correlate where the weight is 1; 0 where nothing varies."""
    total = weight.flatten(1).sum(1).clamp(min=1)

    def mean(values: torch.Tensor) -> torch.Tensor:
        return (values * weight).flatten(1).sum(1) / total

    centred = [x - mean(x).view(-1, 1, 1, 1) for x in (a, b)]
    spread = (mean(centred[0] ** 2) * mean(centred[1] ** 2)).sqrt()
    return mean(centred[0] * centred[1]) / spread.clamp(min=0.25)
