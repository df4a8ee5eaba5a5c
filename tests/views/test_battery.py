"""What every registered method claims: it equals its slow twin, holds its axioms, keeps its golden.

`python tests/views/golden.py` writes the golden values again after a change that is meant.
"""

import numpy as np
import pytest
import torch

from layerscope.views import find_method
from views import axioms
from views.entries import ENTRIES
from views.golden import SAMPLES, kept, sampled
from views.look import METHODS, asked, home, look, options_of, passes
from zoo import build

TWINS = [(m, n) for m, entry in ENTRIES.items() for n in entry.twin_networks]
CLAIMS = [(m, axiom) for m in METHODS if m in ENTRIES for axiom in find_method(m, {}).axioms]
TARGETED = [name for name in METHODS if "target" in find_method(name, {}).options]


@pytest.mark.parametrize(("method", "network"), TWINS)
def test_it_equals_its_slow_twin(method, network):
    entry = ENTRIES[method]
    net, images = build(network)
    more = {"target": 1} if method in TARGETED else {}
    if find_method(method, {}).tolerance is not None:
        more["exact"] = True
    views = look(net, images, method, **more)
    net.eval()
    if hasattr(net, "ends_in_softmax"):
        net.ends_in_softmax = False
    for layer, view in views.items():
        expected = entry.twin(net, images.clone(), layer, options_of(method, images, **more))
        expected = np.asarray(expected)
        assert expected.shape == view.values.shape
        scale = max(float(np.abs(expected).max(initial=0)), 1e-12)
        np.testing.assert_allclose(view.values, expected, rtol=0, atol=entry.tolerance * scale)


@pytest.mark.parametrize(("method", "axiom"), CLAIMS)
def test_it_holds_its_axioms(method, axiom):
    axioms.CHECKS[axiom](method, ENTRIES[method])


def test_every_method_says_what_it_claims():
    for method in METHODS:
        assert find_method(method, {}).axioms, f'{method} claims nothing: say "none claimed"'
        assert find_method(method, {}).paper


@asked("the_target_may_be_a_difference_of_classes", TARGETED)
def test_the_target_may_be_a_difference_of_classes(method):
    net, images = build(home(method))
    views = look(net, images, method, target="b - c")
    alone = look(net, images, method, target="b")
    assert any(np.abs(view.values - alone[k].values).max() > 0 for k, view in views.items())
    for view in views.values():
        assert np.isfinite(view.values).all()
        if "batch" in view.axes:
            assert view.about == ("b − c",) * 5
            assert view.target is None


@asked("it_keeps_its_golden_values")
def test_it_keeps_its_golden_values(method):
    golden = kept()[method]
    net, images = build(home(method))
    more = {"exact": True} if find_method(method, {}).tolerance is not None else {}
    views = look(net, images, method, **more)
    assert list(views) == list(golden)
    for layer, view in views.items():
        found = np.array(sampled(view.values, SAMPLES))
        expected = np.array(golden[layer]["values"])
        assert list(view.values.shape) == golden[layer]["shape"]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3 * golden[layer]["largest"])


def test_the_golden_values_are_of_every_method():
    wanted = {m for m in METHODS if "it_keeps_its_golden_values" not in ENTRIES[m].exempt}
    assert set(kept()) == wanted


def test_every_network_of_the_zoo_is_passed_by_some_and_no_method_refuses_all():
    for method in ENTRIES:
        assert passes(method)


def test_the_twins_see_five_images_and_the_network_in_evaluation_mode():
    net, images = build("plain")
    assert len(images) == 5
    assert net.training
    with torch.no_grad():
        assert torch.isfinite(net.eval()(images)).all()
