"""Masks: exact for ones, a partition with their complement, within their share of the energy."""

import numpy as np
import pytest
import torch

from layerscope import Refused
from layerscope.views.sound import level_db, masked, plane_of, spectrogram, strongest, through

RATE = 16000
TIME = np.arange(RATE) / RATE


def two_tones():
    return np.sin(2 * np.pi * 500 * TIME) + np.sin(2 * np.pi * 3000 * TIME)


def test_a_mask_of_ones_gives_the_sound_itself():
    sounds = np.random.default_rng(0).standard_normal((2, RATE))
    ones = np.ones(plane_of(RATE, RATE).shape)
    np.testing.assert_allclose(through(sounds, ones, RATE), sounds, atol=1e-6)


def test_a_mask_and_its_rest_sum_to_the_sound():
    sound = np.random.default_rng(1).standard_normal(RATE)
    mask = np.random.default_rng(2).random(plane_of(RATE, RATE).shape) < 0.3
    both = through(sound, mask, RATE) + through(sound, ~mask, RATE)
    np.testing.assert_allclose(both, sound, atol=1e-6)


def test_only_what_is_relevant_is_heard():
    sound = two_tones()
    frequencies, _, power = spectrogram(sound, RATE)
    relevance = np.where(np.abs(frequencies - 3000) < 150, 1.0, 0.0)[:, None] * power
    alone = masked(sound, relevance, RATE, share=0.6)
    rest = masked(sound, relevance, RATE, share=0.6, rest=True)
    time = slice(1000, -1000)
    gain = 10 ** (alone.gain_db / 20)
    high = gain * np.sin(2 * np.pi * 3000 * TIME)
    np.testing.assert_allclose(alone.samples[time], high[time], atol=1e-3)
    gain = 10 ** (rest.gain_db / 20)
    low = gain * np.sin(2 * np.pi * 500 * TIME)
    np.testing.assert_allclose(rest.samples[time], low[time], atol=1e-3)
    assert level_db(alone.samples, RATE) == pytest.approx(-20, abs=0.1)
    assert "50.0% of the energy" in alone.note
    assert "all but" in rest.note


def test_the_share_is_of_the_energy():
    generator = np.random.default_rng(3)
    relevance, power = generator.random((40, 50)), generator.random((40, 50)) ** 4
    for share in (0.05, 0.2, 0.5):
        dense = strongest(relevance, power, share)
        large = strongest(relevance, power, share, first="value")
        for mask, rank in ((dense, relevance / power), (large, relevance)):
            kept = power[mask].sum() / power.sum()
            assert share - power.max() / power.sum() <= kept <= share
            assert rank[mask].min() >= rank[~mask].max()
        assert relevance[dense].sum() > relevance[large].sum()


def test_no_mask_of_the_same_energy_holds_more_relevance():
    """Try all masks of ten cells: the greedy one is at most its last cell from the best."""
    generator = np.random.default_rng(5)
    for _ in range(20):
        relevance, power = generator.random((1, 10)), generator.random((1, 10))
        masks = np.array(list(np.ndindex(*[2] * 10)), bool)
        fits = masks[(masks @ power[0]) <= 0.4 * power.sum()]
        best = (fits @ relevance[0]).max()
        found = relevance[strongest(relevance, power, 0.4)].sum()
        assert best - relevance.max() <= found <= best + 1e-9


def test_what_is_against_is_never_kept():
    relevance = np.array([[-1.0, 0.0, 2.0, 1.0]])
    np.testing.assert_array_equal(strongest(relevance, np.ones((1, 4)), 1.0), [[0, 0, 1, 1]])
    assert not strongest(-np.ones((2, 2)), np.ones((2, 2)), 0.5).any()


def test_one_cell_is_kept_even_where_it_holds_more_than_the_share():
    mask = strongest([[5.0, 1.0]], [[10.0, 1.0]], 0.2, first="value")
    np.testing.assert_array_equal(mask, [[True, False]])


@pytest.mark.parametrize("options", [{"share": 1.5}, {"first": "loudness"}])
def test_shares_that_make_no_sense_are_refused(options):
    with pytest.raises(Refused, match="share="):
        strongest(np.ones((2, 2)), np.ones((2, 2)), **{"share": 0.2, **options})


def test_sizes_must_fit():
    with pytest.raises(Refused, match=r"\(2, 3\)"):
        strongest(np.ones((2, 3)), np.ones((2, 2)))
    with pytest.raises(Refused, match="frequency time"):
        plane_of(100, 1000.0).samples(torch.ones(2, 2, dtype=torch.complex64))
