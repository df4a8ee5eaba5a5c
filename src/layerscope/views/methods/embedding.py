"""Embedding: examples as points of a plane, near one another where a layer holds them alike.

>>> import torch, layerscope as ls
>>> trace = ls.Scope(ls.nets.study_mnist()).trace(torch.rand(4, 1, 28, 28), true=[0, 1, 0, 1])
>>> trace.view("embedding", "conv3")["conv3"].axes
('example', 'component')
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch

from layerscope.errors import Refused
from layerscope.views.by_class import class_names, class_order
from layerscope.views.features import Features, features
from layerscope.views.registry import method
from layerscope.views.trace import Trace
from layerscope.views.view import View


@method(
    "embedding",
    paper="van der Maaten and Hinton 2008, JMLR 9",
    needs=("layer", "data"),
    axes=("example", "component"),
    signed=True,
    axioms=("none claimed",),
)
def embedding(
    trace: Trace,
    layers: str | Sequence[str] = "conv",
    *,
    data: Iterable[Any] | None = None,
    by: str = "pca",
    perplexity: float = 30.0,
    seed: int = 0,
    pool: str = "mean",
    raw: bool = False,
) -> dict[str, View]:
    """Place the examples in a plane by a layer's features: `"example component"`, 2 components.

    A point depends on the whole data set; distances of t-SNE mean something only nearby.

    `quality`: `example` and, where labels are known, `class` "example" (the position in
    `classes`); `explained` "component", PCA's shares of the variance, or `divergence`, t-SNE's.

    Args:
        trace: whose network is looked through.
        layers: which layers.
        data: batches, read once (see `views.stream.read`); None: the trace's own.
        by: "pca" or "tsne".
        perplexity: t-SNE's number of neighbours; at most a third of the examples is taken.
        seed: of t-SNE.
        pool: "mean" or "max" over a map, as a unit's feature.
        raw: at a convolution, read the map before its norm and rectifier.

    """
    if by not in ("pca", "tsne"):
        raise Refused(f'by={by!r}: "pca" or "tsne"')
    names = trace.layer_names(layers)
    found = features(trace, names, data, pool, raw, "embedding")
    if len(found.ids) < 3:
        raise Refused(
            f"embedding lays examples out, and there are {len(found.ids)}; give 3 or more"
        )
    about = _about(found, trace.scope.classes)
    views = {}
    for layer in names:
        values = found.layers[layer]
        points, more = _pca(values) if by == "pca" else _tsne(values, perplexity, seed)
        views[layer] = trace.make_view(
            *("embedding", layer, trace.value(layer, raw=raw), torch.from_numpy(points)),
            ("example", "component"),
            signed=True,
            quality={**about, **more},
        )
    return views


def _about(found: Features, known: Sequence[str] | None) -> dict[str, np.ndarray]:
    """Say which example each point is, and of which class."""
    about: dict[str, np.ndarray] = {"example": np.array(found.ids, dtype=str)}
    if found.labels is not None:
        order = class_order(found.labels, known)
        about["classes"] = class_names(order, known)
        about["class"] = np.array([order.index(label) for label in found.labels])
    return about


def _pca(values: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Project on the two directions of the largest variance, in float64."""
    from sklearn.decomposition import PCA

    values = values.astype(np.float64)
    points, explained = np.zeros((len(values), 2)), np.zeros(2)
    if (values != values[0]).any():
        model = PCA(min(2, values.shape[1]), svd_solver="full")
        points[:, : model.n_components] = model.fit_transform(values)
        explained[: model.n_components] = model.explained_variance_ratio_
    return points, {"explained": explained}


def _tsne(
    values: np.ndarray, perplexity: float, seed: int
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Start from PCA's points, scaled to a small spread, as scikit-learn does."""
    from sklearn.manifold import TSNE

    start = _pca(values)[0]
    start *= 1e-4 / max(float(start[:, 0].std()), 1e-12)
    model = TSNE(
        perplexity=min(perplexity, (len(values) - 1) / 3),
        init=start.astype(np.float32),
        random_state=seed,
    )
    return model.fit_transform(values), {"divergence": np.array(model.kl_divergence_)}
