"""Entries of what a layer answers, and of the filters that read the input."""

import torch
from torch.nn import functional as F

from views.entries import Entry


def feature_maps(net, images, layer, options):
    """Hook the layer; after a convolution, the rectifier that follows is applied by hand."""
    kept = []
    module = net.get_submodule(layer)
    handle = module.register_forward_hook(lambda *call: kept.append(call[2].clone()))
    with torch.no_grad():
        net(images)
    handle.remove()
    return F.relu(kept[0]).numpy()


def filters(net, images, layer, options):
    return net.get_submodule(layer).weight.detach().numpy()


ENTRIES = [
    Entry("feature_maps", feature_maps, twin_networks=("plain", "functional", "plain 1-D")),
    Entry(
        "filters",
        filters,
        twin_networks=("plain", "residual", "plain 1-D", "gated"),
        exempt={
            "views_come_in_forward_order_under_full_names": "deeper layers are refused",
        },
    ),
]
