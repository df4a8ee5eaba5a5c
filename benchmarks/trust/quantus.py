"""Pixel flipping, randomised layers and max-sensitivity of 32 photographs, against Quantus 0.6.

The same network (six blocks, 32 channels), examples, settings and results. Three gradient methods
are asked for at once, which here share their passes; Quantus is asked for one after the other.
"""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.pairs import seconds
from benchmarks.peers import peer
from benchmarks.rows import row
from layerscope import nets
from layerscope.trust.ask import class_asked
from layerscope.trust.faithfulness import pixel_flipping
from layerscope.trust.maps import Examples, maps_of, on_another
from layerscope.trust.randomise import randomised
from layerscope.trust.robustness import max_sensitivity
from layerscope.trust.similarity import spearman
from layerscope.views import Scope

EXAMPLES, STEP, SAMPLES, RADIUS = 32, 172 * 43, 3, 0.02
METHODS = ("saliency", "input_x_gradient", "guided_backprop")


def rows() -> list[dict[str, Any]]:
    """Time Quantus over ours, and tell how far results are apart; no row without Quantus."""
    try:
        quantus = peer("quantus")
    except ModuleNotFoundError:
        return []
    torch.manual_seed(0)
    net = nets.study_2d(blocks=6, channels=32).eval()
    images = torch.randn(EXAMPLES, 3, 172, 172)
    given = Examples(images, tuple(map(str, range(EXAMPLES))), np.zeros(EXAMPLES, int))
    with warnings.catch_warnings(), torch.random.fork_rng():
        warnings.simplefilter("ignore")
        return [
            *_flipping(quantus, net, given),
            *_randomisation(quantus, net, given),
            *_sensitivity(quantus, net, given),
        ]


def _flipping(quantus: Any, net: nn.Module, given: Examples) -> list[dict[str, Any]]:
    scope = Scope(net)
    maps = np.random.default_rng(0).normal(size=tuple(given.images.shape))
    classes = scope.trace(given.images).predicted.numpy()
    metric = quantus.PixelFlipping(
        features_in_step=STEP, perturb_baseline=0.0, normalise=False, disable_warnings=True
    )
    found: dict[str, Any] = {}

    def ours() -> None:
        score = class_asked(scope, given).score
        found["ours"] = pixel_flipping(score, given.images, maps, step=STEP, together=16)

    def theirs() -> None:
        shown = {"x_batch": given.images.numpy(), "y_batch": classes, "a_batch": maps}
        found["theirs"] = metric(model=net, channel_first=True, **shown)

    faster = seconds(theirs) / seconds(ours)
    apart = float(np.abs(found["ours"] - np.array(found["theirs"])).max())
    return _told("pixel flipping, 12 steps", faster, 10, apart)


def _randomisation(quantus: Any, net: nn.Module, given: Examples) -> list[dict[str, Any]]:
    scope, classes = Scope(net), Scope(net).trace(given.images).predicted
    ours: dict[tuple[str, str], np.ndarray] = {}
    theirs: dict[tuple[str, str], Any] = {}

    def quantus_asked() -> None:
        for name in METHODS:
            metric = quantus.MPRT(seed=6, abs=False, normalise=False, disable_warnings=True)
            scores = _ask(metric, net, given, classes, name)
            theirs.update({(name, layer): x for layer, x in scores.items()})

    def asked() -> None:
        before = maps_of(scope, given, METHODS, classes)
        for layer, twin in randomised(net, "top-down", seed=7):
            after = maps_of(on_another(scope, twin), given, METHODS, classes)
            ours.update({(k, layer): spearman(before[k], after[k]) for k in METHODS})

    faster = seconds(quantus_asked) / seconds(asked)
    apart = max(float(np.abs(x - np.array(theirs[key])).max()) for key, x in ours.items())
    return _told("randomised layers, three methods", faster, 5, apart)


def _sensitivity(quantus: Any, net: nn.Module, given: Examples) -> list[dict[str, Any]]:
    scope, classes = Scope(net), Scope(net).trace(given.images).predicted

    def quantus_asked() -> None:
        for name in METHODS:
            metric = quantus.MaxSensitivity(
                nr_samples=SAMPLES, lower_bound=RADIUS, abs=False, normalise=False,
                disable_warnings=True,
            )  # fmt: skip
            _ask(metric, net, given, classes, name)

    def explain(images: Tensor) -> dict[str, np.ndarray]:
        return maps_of(scope, Examples(images, given.ids, given.labels), METHODS, classes)

    asked = partial(max_sensitivity, explain, given.images, radius=RADIUS, samples=SAMPLES)
    return _told("max-sensitivity, three methods", seconds(quantus_asked) / seconds(asked), 3)


def _ask(
    metric: Callable[..., Any], net: nn.Module, given: Examples, classes: Tensor, name: str
) -> Any:
    shown = {"x_batch": given.images.numpy(), "y_batch": classes.numpy()}
    return metric(model=net, channel_first=True, explain_func=partial(_map, name), **shown)


def _map(
    name: str, model: nn.Module, inputs: np.ndarray, targets: np.ndarray, **_: Any
) -> np.ndarray:
    """Map by captum, summed over channels."""
    attribution = peer("captum.attr")
    kind = {
        "saliency": attribution.Saliency,
        "input_x_gradient": attribution.InputXGradient,
        "guided_backprop": attribution.GuidedBackprop,
    }[name](model)
    images = torch.as_tensor(inputs, dtype=torch.float32).requires_grad_()
    found = kind.attribute(images, target=torch.as_tensor(targets))
    return found.detach().sum(1, keepdim=True).numpy()


def _told(
    measured: str, faster: float, target: float, apart: float | None = None
) -> list[dict[str, Any]]:
    found = [row(f"{measured}, times as fast as Quantus", faster, "x", target, more=True)]
    if apart is not None:
        found.append(row(f"{measured}, largest difference of 1e-4", apart * 1e4, "", 1))
    return found
