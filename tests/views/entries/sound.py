"""Entries of the methods for sounds and recordings: they refuse photographs by name."""

import numpy as np
import scipy.signal
import torch
from torch.nn import functional as F

from views.entries import Entry
from zoo import NETWORKS

RATE = 100.0  # of the battery's waveforms
PHOTOS = tuple(name for name in NETWORKS if not name.endswith("1-D"))
SOUNDS = ("plain 1-D", "residual 1-D")
NO_PHOTOGRAPH = {
    "a_waveform_network_and_its_twin_on_flat_images_agree": "photographs are refused",
    "memory_layout_of_the_images_does_not_matter": "channels_last needs four axes",
}


class Plane:
    """The short-time Fourier transform in plain numpy, a window at a time."""

    def __init__(self, length, size):
        self.length, self.size, self.hop = length, size, size // 4
        self.window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
        self.count = length // self.hop + 1

    def cells(self, x):
        padded = np.pad(x, self.size // 2)
        starts = range(0, self.count * self.hop, self.hop)
        return np.stack([np.fft.rfft(self.window * padded[s : s + self.size]) for s in starts], 1)

    def sound(self, cells):
        total, squares = np.zeros((2, self.length + 2 * self.size))
        for k in range(self.count):
            here = slice(k * self.hop, k * self.hop + self.size)
            total[here] += self.window * np.fft.irfft(cells[:, k], self.size)
            squares[here] += self.window**2
        inside = slice(self.size // 2, self.size // 2 + self.length)
        return total[inside] / squares[inside]


def frequency_response(net, images, layer, options):
    """Follow scipy's freqz for every filter; sort by the mean frequency."""
    weight = net.get_submodule(layer).weight.detach().double().numpy()
    at = np.linspace(0, np.pi, 257)
    gains = np.array([[np.abs(scipy.signal.freqz(c, worN=at)[1]) for c in u] for u in weight])
    power = (gains**2).sum(1)
    return gains[np.argsort((power * at).sum(1) / power.sum(1), kind="stable")]


def effective_response(net, images, layer, options):
    """Give the network a sine and a cosine of each frequency, one at a time."""
    kept = []
    handle = net.get_submodule(layer).register_forward_hook(lambda *call: kept.append(call[2] + 0))
    level = images.double().square().mean().sqrt().item()

    def answer(sound):
        kept.clear()
        with torch.no_grad():
            net(torch.as_tensor(sound).float().expand(1, images.shape[1], -1))
        return F.relu(kept[0])[0].double().numpy()

    time, found = np.arange(images.shape[-1]) / RATE, []
    silence = answer(np.zeros(images.shape[-1]))
    for frequency in options["frequencies"]:
        squares = []
        for wave in (np.sin, np.cos):
            tone = wave(2 * np.pi * frequency * time)
            moved = answer(tone * level / np.sqrt((tone**2).mean())) - silence
            squares.append((moved**2).mean(1))
        found.append(np.sqrt(np.mean(squares, 0)) / level)
    handle.remove()
    return np.stack(found, 1)


def time_frequency(net, images, layer, options):
    """Share each sample's value out by what each cell adds to it: one inverse for each cell."""
    leaf = images.clone().requires_grad_()
    net(leaf)[:, options["target"]].sum().backward()
    plane = Plane(images.shape[-1], 4)
    values = []
    for sound, slope in zip(images.flatten(0, 1), leaf.grad.flatten(0, 1), strict=True):
        x = sound.double().numpy()
        cells, shares = plane.cells(x), np.zeros((3, plane.count))
        each = x * slope.double().numpy() * x / (x**2 + 1e-4 * (x**2).mean())
        for at in np.ndindex(*cells.shape):
            alone = np.zeros_like(cells)
            alone[at] = cells[at]
            shares[at] = plane.sound(alone) @ each
        values.append(shares)
    return np.stack(values).reshape(*images.shape[:2], *values[0].shape)


@torch.no_grad()
def time_frequency_occlusion(net, images, layer, options):
    """Silence each piece of the plane in turn; at 100 Hz there are three rows of cells."""
    plane, found = Plane(images.shape[-1], 4), []
    rows, columns = [(0, 1), (1, 3)], [(0, 6), (6, 12), (12, 18)]  # half of 50 Hz lies at 24.6
    for image in images:
        whole = net(image[None])[0, options["target"]]
        for low, high in rows:
            for begin, end in columns:
                less = []
                for channel in image:
                    cells = plane.cells(channel.double().numpy())
                    cells[low:high, begin:end] = 0
                    less.append(plane.sound(cells))
                score = net(torch.tensor(np.stack(less))[None].float())[0, options["target"]]
                found.append(float(whole - score))
    return np.array(found).reshape(len(images), len(rows), len(columns))


ENTRIES = [
    Entry(
        "frequency_response",
        frequency_response,
        refuses=PHOTOS,
        twin_networks=SOUNDS,
        exempt={
            "views_come_in_forward_order_under_full_names": "deeper layers are refused",
            **NO_PHOTOGRAPH,
        },
    ),
    Entry(
        "effective_response",
        effective_response,
        options={"frequencies": [3.0, 11.0, 24.0, 41.0]},
        refuses=PHOTOS,
        twin_networks=("plain 1-D",),
        exempt=NO_PHOTOGRAPH,
    ),
    Entry(
        "time_frequency",
        time_frequency,
        options={"of": "input_x_gradient"},
        refuses=PHOTOS,
        twin_networks=SOUNDS,
        exempt=NO_PHOTOGRAPH,
    ),
    Entry(
        "time_frequency_occlusion",
        time_frequency_occlusion,
        options={"tiles": (2, 3)},
        refuses=PHOTOS,
        twin_networks=SOUNDS,
        exempt=NO_PHOTOGRAPH,
    ),
]
