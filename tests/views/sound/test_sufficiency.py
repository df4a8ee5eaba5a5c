"""Sufficiency: masks of a network whose evidence is known, and the counts by hand."""

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

from layerscope import Refused
from layerscope.views.sound import Kept, plane_of, sufficiency

RATE = 8000.0
TIME = np.arange(2000) / RATE


def says(sounds):
    """Hear a faint tone of 3 kHz, beside which a hum is far louder: two logits."""
    spectrum = torch.fft.rfft(sounds.double()).abs().square()
    tone = spectrum[:, 740:761].sum(1) / spectrum.sum(1)
    return torch.stack([torch.full_like(tone, 5e-4), tone], 1)


def clips():
    draw = np.random.default_rng(0)
    hum = np.sin(2 * np.pi * 200 * TIME + draw.uniform(0, 6, (20, 1)))
    return hum + 0.05 * np.sin(2 * np.pi * 3000 * TIME) + 0.001 * draw.standard_normal((20, 2000))


def test_the_mask_that_holds_the_evidence_keeps_what_is_said_and_the_loudest_does_not():
    sounds = clips()
    plane = plane_of(2000, RATE)
    power = plane.power(plane.cells(torch.from_numpy(sounds))).numpy()
    evidence = np.where(np.abs(plane.frequencies - 3000) < 100, 1.0, -1.0)[:, None] * power
    against = -evidence
    found = sufficiency(says, sounds, RATE, {"evidence": evidence, "against": against})
    kept = {each.name: each for each in found}
    assert (says(torch.from_numpy(sounds)).argmax(1) == 1).all()
    assert kept["evidence"].share == 1
    assert kept["against"].share == 0
    assert kept["loudest"].share == 0
    assert kept["quietest"].share == 1
    assert kept["evidence"].beats(kept["loudest"])
    assert not kept["against"].beats(kept["loudest"])
    assert not kept["evidence"].beats(kept["quietest"])
    assert 0.1 < kept["random"].cells < 0.3
    assert 0.1 < kept["random patches"].cells < 0.4


def test_chance_is_told_from_the_clips_that_differ():
    one = Kept("one", np.array([1, 1, 1, 1, 1, 1, 1, 0, 1, 0], bool), 0.2)
    other = Kept("other", np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 0], bool), 0.2)
    assert one.against(other) == pytest.approx(binomtest(6, 7).pvalue)
    assert one.share == 0.8
    assert not one.beats(other)
    assert one.against(one) == 1
    low, high = one.interval
    assert low == pytest.approx(0.490, abs=1e-3)  # Wilson's interval of 8 in 10
    assert high == pytest.approx(0.943, abs=1e-3)


def test_what_does_not_fit_is_refused():
    with pytest.raises(Refused, match=r"\(N, T\)"):
        sufficiency(says, np.zeros(2000), RATE, {})
    with pytest.raises(Refused, match=r"\(2, 3\)"):
        sufficiency(says, clips(), RATE, {"a": np.zeros((2, 3))})
    with pytest.raises(Refused, match="same clips"):
        Kept("a", np.ones(3, bool), 0.1).against(Kept("b", np.ones(2, bool), 0.1))
