"""Planted answers: a linear model whose attribution is known, a watermark, and random maps."""

import numpy as np
import pytest
import torch
from torch import nn

from layerscope.trust import ask, verdict
from layerscope.trust.baselines import BASELINES
from layerscope.trust.hiding import PHOTO
from layerscope.trust.maps import Examples, maps_of
from layerscope.views import Scope
from views.test_evidence import CORNER, pictures, trained


def _linear() -> tuple[Scope, Examples]:
    """Make a linear model whose weights lie in a few places, and inputs of both its classes."""
    torch.manual_seed(3)
    layer = nn.Linear(144, 2)
    with torch.no_grad():
        places = torch.randperm(144)[:30]
        layer.weight.zero_()
        layer.weight[:, places] = torch.randn(2, 30)
    images = torch.randn(16, 1, 12, 12)
    scope = Scope(nn.Sequential(nn.Flatten(), layer).eval(), classes=["a", "b"])
    ids = tuple(map(str, range(16)))
    return scope, Examples(images, ids, np.arange(16) % 2)


def _marked() -> tuple[Scope, Examples]:
    images, marked, _ = pictures()
    some = images[marked == 1][:16]
    scope = Scope(trained("mark"), classes=["no", "yes"], bounds=(0, 1))
    return scope, Examples(some, tuple(map(str, range(16))), np.ones(16, int))


def _gaps(scope: Scope, given: Examples, maps: dict[str, np.ndarray]) -> dict[str, dict]:
    """Give the gap of each map in each way of hiding."""
    asked = ask.class_asked(scope, given)
    every = ask.with_baselines(given, maps)
    found = {way: ask.faithful(asked, given, every, way) for way in PHOTO}
    return {way: {name: each.gap for name, each in kinds.items()} for way, kinds in found.items()}


def _answer(gaps: dict[str, dict], name: str) -> str:
    own = {way: kinds[name] for way, kinds in gaps.items()}
    others = {way: {b: kinds[b] for b in BASELINES} for way, kinds in gaps.items()}
    return verdict.is_faithful(own, others)


def test_the_true_attribution_of_a_linear_model_ranks_first() -> None:
    scope, given = _linear()
    names = ("input_x_gradient", "saliency", "occlusion")
    maps = maps_of(scope, given, names)
    classes = scope.trace(given.images).predicted
    weight = scope.model[1].weight.detach()
    true = (weight[classes] - weight[1 - classes]).view(16, 12, 12) * given.images[:, 0]
    maps["true"] = true.numpy()  # of the probability: of one logit less the other
    gaps = _gaps(scope, given, maps)
    for way in ("mean", "blur"):
        means = {name: each.mean() for name, each in gaps[way].items()}
        assert max(means, key=means.__getitem__) == "true"
        assert min(means["true"], means["input_x_gradient"]) > means["saliency"]
    assert _answer(gaps, "true") == "yes"
    assert _answer(gaps, "input_x_gradient") == "yes"


def test_methods_that_find_a_watermark_rank_before_those_that_do_not() -> None:
    scope, given = _marked()
    names = ("input_x_gradient", "integrated_gradients", "lrp", "deep_lift")
    maps = maps_of(scope, given, names)
    mark = np.zeros((16, 24, 24))
    mark[:, CORNER, CORNER] = given.images[:, 0, CORNER, CORNER].numpy()
    maps["mark"], maps["digit"] = mark, np.where(mark > 0, 0, given.images[:, 0].numpy())
    gaps = _gaps(scope, given, maps)
    for way in ("blur", "imputation"):  # the mean paints marks; another example has one as well
        means = {name: each.mean() for name, each in gaps[way].items()}
        worst = min(means[name] for name in (*names, "mark"))
        assert worst > max(means[name] for name in (*BASELINES, "digit")) + 0.1
    assert abs(gaps["other"]["mark"].mean()) < 0.01
    assert _answer(gaps, "mark") == "yes"
    assert _answer(gaps, "digit") == "no"
    assert all(_answer(gaps, name) == "yes" for name in names)


@pytest.mark.parametrize("make", [_linear, _marked])
def test_a_random_attribution_never_passes(make) -> None:
    scope, given = make()
    shape = (len(given.ids), *given.images.shape[2:])
    maps = {f"drawn {k}": np.random.default_rng(1000 + k).random(shape) for k in range(20)}
    gaps = _gaps(scope, given, maps)
    for name in maps:
        answers = {"weights": "yes", "located": "unclear", "steady": "yes"}
        level, _ = verdict.reading(answers | {"faithful": _answer(gaps, name)})
        assert level != "pass"
    assert {_answer(gaps, name) for name in maps} <= {"no", "unclear"}
