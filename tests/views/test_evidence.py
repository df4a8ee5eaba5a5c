"""Planted evidence: a view must point at a watermark where the label depends on it, and only then.

Two networks see the same digits, half of them with a small mark in a corner. One learned to tell
whether the mark is there, the other which digit it is, whatever the mark.
"""

import functools

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from layerscope.views import Scope, find_method
from views.entries import ENTRIES
from views.look import options_of

CORNER = slice(2, 6)  # of both axes
FINDERS = [name for name, entry in ENTRIES.items() if entry.evidence]


def pictures():
    """Give zeros and ones on a dark canvas, a mark on every second, and both labels."""
    digits = load_digits()
    chosen = digits.target < 2
    small = torch.tensor(digits.images[chosen] / 16, dtype=torch.float32)
    images = torch.zeros(len(small), 1, 24, 24)
    images[:, 0, 7:23, 7:23] = small.repeat_interleave(2, 1).repeat_interleave(2, 2)
    marked = torch.arange(len(small)) % 2
    mark = torch.eye(4) + torch.eye(4).flip(0)
    images[marked == 1, 0, CORNER, CORNER] = mark.clamp(max=1)
    return images, marked, torch.tensor(digits.target[chosen])


@functools.cache
def trained(label):
    """Train a small network to tell the mark, or the digit."""
    images, marked, digit = pictures()
    labels = marked if label == "mark" else digit
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(
            *(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True)),
            *(nn.Conv2d(8, 16, 3, padding=1), nn.ReLU()),
            *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 2)),
        )
        optimizer = torch.optim.Adam(net.parameters(), 0.01)
        for _ in range(150):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(images), labels).backward()
            optimizer.step()
    assert (net(images).argmax(1) == labels).float().mean() > 0.98
    return net.eval().requires_grad_(requires_grad=False)


def share_in_the_corner(method, label):
    """Give the share of a view's absolute values that lies at the mark, of marked zeros."""
    images, marked, digit = pictures()
    chosen = images[(marked == 1) & (digit == 0)][:8]
    target = 1 if label == "mark" else 0
    scope = Scope(trained(label), classes=["no", "yes"], bounds=(0, 1))
    trace = scope.trace(chosen, true=[target] * 8)
    options = options_of(method, chosen, target=target)
    if "layers" in find_method(method, {}).options:
        options["layers"] = ["conv2"] if "channel" not in find_method(method, {}).axes else None
        options = {k: v for k, v in options.items() if v is not None}
    dark = {"baseline": 0.0, "baselines": torch.zeros(2, 1, 24, 24), "samples": 400}
    options |= {k: v for k, v in dark.items() if k in options}
    view = list(trace.view(method, **options).values())[-1]
    mass = np.abs(view.over_input().values).reshape(8, -1, 24, 24).sum(1)
    near = slice(CORNER.start - 2, CORNER.stop + 2)
    return float(np.median(mass[:, near, near].sum((1, 2)) / mass.sum((1, 2))))


@pytest.mark.parametrize("method", FINDERS)
def test_the_mark_is_found_where_the_label_depends_on_it_and_not_where_it_does_not(method):
    found = share_in_the_corner(method, "mark")
    elsewhere = share_in_the_corner(method, "digit")
    area = 8**2 / 24**2
    assert found > 2 * area
    assert elsewhere < found / 2


def test_the_methods_that_must_find_it_are_many():
    assert len(FINDERS) >= 15
