import numpy as np
import torch

from layerscope.views import draws


def test_an_example_s_numbers_are_its_own():
    one = draws.normal((1000,), 0, "a.jpg", 3)
    assert torch.equal(one, draws.normal((1000,), 0, "a.jpg", 3))
    others = [(1, "a.jpg", 3), (0, "b.jpg", 3), (0, "a.jpg", 4), (0, "a.jpg")]
    for other in others:
        again = draws.normal((1000,), *other)
        assert abs(np.corrcoef(one, again)[0, 1]) < 0.15


def test_words_are_not_run_together():
    assert not torch.equal(draws.uniform((3,), 1, "2"), draws.uniform((3,), 12, ""))


def test_the_distributions():
    normal, uniform = draws.normal((20000,), 0, "x"), draws.uniform((20000,), 0, "x")
    assert abs(float(normal.mean())) < 0.03
    assert abs(float(normal.std()) - 1) < 0.03
    assert abs(float(uniform.mean()) - 0.5) < 0.01
    assert 0 <= uniform.min() < uniform.max() < 1


def test_the_global_generator_is_left_alone():
    before = torch.get_rng_state()
    draws.normal((10,), 0, "x")
    assert torch.equal(before, torch.get_rng_state())


def test_names_that_are_no_text():
    assert len(draws.normal((2,), 0, "\udcff.jpg")) == 2
