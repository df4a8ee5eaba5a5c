"""Entries of the methods that read a whole data set; their twins hold all of it in memory."""

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler
from torch.nn import functional as F

from views.entries import Entry
from views.entries.backward import Deconvnet, rectifiers_are

LABELS = torch.tensor([0, 1, 1, 0, 2, 2, 1, 0, 0, 2, 1, 2, 0, 1])


def data_set(images):
    """Give 14 examples of three classes, of the shape of the images, in unequal batches."""
    noise = torch.randn(len(LABELS), *images.shape[1:], generator=torch.Generator().manual_seed(7))
    noise += LABELS.view(-1, *[1] * (noise.dim() - 1)) / 3
    return [(noise[:1], LABELS[:1]), (noise[1:8], LABELS[1:8]), (noise[8:], LABELS[8:])]


def reading(images):
    return {"data": data_set(images)}


def everything(options):
    """Give all examples of a data set at once, and their classes."""
    return torch.cat([x for x, _ in options["data"]]), torch.cat([y for _, y in options["data"]])


def answers(net, images, layer):
    """Hook the convolution; the rectifier that follows is applied by hand."""
    kept = []
    handle = net.get_submodule(layer).register_forward_hook(lambda *call: kept.append(call[2] + 0))
    net(images)
    handle.remove()
    return F.relu(kept[0])


@torch.no_grad()
def pooled(net, images, layer, how):
    maps = answers(net, images, layer).double().flatten(2)
    return (maps.mean(2) if how == "mean" else maps.amax(2)).numpy()


def selectivity(net, images, layer, options):
    images, labels = everything(options)
    activity = pooled(net, images, layer, "mean")
    index = []
    for unit in activity.T:
        means = [unit[labels == label].mean() for label in range(3)]
        best = int(np.argmax(means))
        rest = np.mean([mean for label, mean in enumerate(means) if label != best])
        index.append(0 if means[best] == 0 else (means[best] - rest) / (means[best] + rest))
    return np.array(index)


def strongest_units(net, images, layer, options):
    images, labels = everything(options)
    peaks = pooled(net, images, layer, "max")
    means = np.stack([peaks[labels == label].mean(0) for label in range(3)])
    ranked = []
    for label in range(3):
        others = np.mean([means[other] for other in range(3) if other != label], axis=0)
        ranked.append(sorted(means[label] - others, reverse=True)[:3])
    return np.array(ranked)


@torch.no_grad()
def class_means(net, images, layer, options):
    images, labels = everything(options)
    maps = answers(net, images, layer).double()
    return torch.stack([maps[labels == label].mean(0) for label in range(3)]).numpy()


def embedding(net, images, layer, options):
    features = pooled(net, everything(options)[0], layer, "mean")
    return PCA(2).fit_transform(features)


def linear_probe(net, images, layer, options):
    images, labels = everything(options)
    features, labels = pooled(net, images, layer, "mean"), labels.numpy()
    right = np.zeros(3)
    folds = StratifiedKFold(2, shuffle=True, random_state=0)
    for fitted, told in folds.split(features, labels):
        scale = StandardScaler().fit(features[fitted])
        probe = LogisticRegression(class_weight="balanced", max_iter=2000)
        probe.fit(scale.transform(features[fitted]), labels[fitted])
        said = probe.predict(scale.transform(features[told]))
        for label in range(3):
            right[label] += ((said == label) & (labels[told] == label)).sum()
    return right / np.bincount(labels)


def zeiler_fergus(net, images, layer, options):
    """Sort all examples by each unit's peak, and carry the first three down one by one."""
    images, _ = everything(options)
    with torch.no_grad():
        maps = answers(net, images, layer)
    peaks = maps.flatten(2).amax(2)
    size, stride, start = field_of(net, int(layer))
    figure = []
    for unit in range(maps.shape[1]):
        order = sorted(range(len(images)), key=lambda n: (-float(peaks[n, unit]), n))[:3]
        patches = [cut_out(net, images[n : n + 1], layer, unit, size, stride, start) for n in order]
        figure.append(np.stack(patches))
    return np.stack(figure)


def field_of(net, layer):
    """Give size, stride and start of what a position of a layer of a sequence sees."""
    size, stride, start = 1, 1, 0
    for module in net[: layer + 1]:
        if hasattr(module, "kernel_size"):
            kernel, step, padding = (
                x if isinstance(x, int) else x[-1]
                for x in (module.kernel_size, module.stride, module.padding)
            )
            size, start = size + (kernel - 1) * stride, start - padding * stride
            stride *= step
    return size, stride, start


def cut_out(net, image, layer, unit, size, stride, start):
    """Project the strongest position of a unit, and cut its receptive field out, filled with 0."""
    leaf, kept = image.clone().requires_grad_(), []
    handle = net.get_submodule(layer).register_forward_hook(lambda *call: kept.append(call[2] + 0))
    with rectifiers_are(Deconvnet):
        net(leaf)
    handle.remove()
    maps = kept[0]
    place = int(maps[0, unit].argmax())
    seed = torch.zeros_like(maps)
    seed[0, unit].view(-1)[place] = maps[0, unit].flatten()[place].clamp(min=0)
    (down,) = torch.autograd.grad(maps, leaf, seed)
    where = np.unravel_index(place, maps.shape[2:])
    around = F.pad(down, [size] * 2 * len(where))[0]
    for axis, cell in enumerate(where):
        around = around.narrow(axis + 1, int(cell) * stride + start + size, size)
    return around.numpy()


def figure_of(images):
    return {"data": data_set(images), "top": 3}


SEQUENCES = ("plain", "plain in place", "plain 1-D")
#: Their convolutions are followed by a rectifier.
RECTIFIED = ("plain", "functional", "in place", "plain 1-D")

ENTRIES = [
    Entry("class_means", class_means, reading, twin_networks=RECTIFIED),
    Entry("embedding", embedding, reading, twin_networks=RECTIFIED, tolerance=1e-3),
    Entry(
        "linear_probe",
        linear_probe,
        lambda images: {"data": data_set(images), "folds": 2},
        twin_networks=RECTIFIED,
    ),
    Entry("selectivity", selectivity, reading, twin_networks=RECTIFIED),
    Entry(
        "strongest_units",
        strongest_units,
        lambda images: {"data": data_set(images), "top": 3},
        twin_networks=RECTIFIED,
    ),
    Entry("zeiler_fergus", zeiler_fergus, figure_of, refuses=("gated",), twin_networks=SEQUENCES),
]
