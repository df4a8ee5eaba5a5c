"""Similarity of RDMs: rsatoolbox's values, the bootstrap against one draw after the other."""

import warnings

import numpy as np
import pytest
from scipy import stats

from layerscope.brain.bootstrap import draw, interval, p_value, resampled, unit_ranks
from layerscope.brain.compare import spearman, tau_a
from layerscope.brain.noise_ceiling import noise_ceiling
from layerscope.brain.rdm import square
from layerscope.brain.rsa import difference, rsa
from layerscope.errors import Refused

STIMULI, PAIRS = 9, 36


@pytest.fixture
def rdms() -> np.ndarray:
    """Five RDMs of nine stimuli that share something; the last has many ties."""
    random = np.random.default_rng(0)
    made = random.random(PAIRS) + 0.7 * random.random((5, PAIRS))
    made[4] = made[4] > 0.8
    return made


def toolbox(rdms: np.ndarray):
    return pytest.importorskip("rsatoolbox").rdm.RDMs(square(rdms))


@pytest.mark.parametrize(("name", "ours"), [("spearman", spearman), ("tau-a", tau_a)])
def test_comparisons_equal_rsatoolbox(rdms, name, ours):
    from rsatoolbox.rdm import compare

    assert np.allclose(ours(rdms, rdms), compare(toolbox(rdms), toolbox(rdms), name), atol=1e-12)


def test_a_flat_rdm_is_like_none(rdms):
    flat = np.ones((1, PAIRS))
    assert spearman(flat, rdms).tolist() == tau_a(flat, rdms).tolist() == [[0.0] * 5]


@pytest.mark.parametrize("name", ["spearman", "tau-a"])
def test_the_noise_ceiling_equals_rsatoolbox(rdms, name):
    pytest.importorskip("rsatoolbox")
    from rsatoolbox.inference.noise_ceiling import boot_noise_ceiling

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs warns that tau's ceiling is of averaged ranks
        lower, upper = boot_noise_ceiling(toolbox(rdms), name)
    ours = noise_ceiling(rdms, name)
    assert ours.lower == pytest.approx(lower, abs=1e-12)
    assert ours.upper == pytest.approx(upper, abs=1e-12)
    assert ours.lower < ours.upper
    assert ours.lower_of.mean() == pytest.approx(ours.lower)


def test_one_subject_has_no_ceiling(rdms):
    with pytest.raises(Refused, match="two or more subjects"):
        noise_ceiling(rdms[:1])


def test_no_draw_has_a_pair_of_a_stimulus_with_itself(rdms):
    draws = draw(STIMULI, 4, 50, seed=3)
    counts = draws.stimuli[7].astype(int)
    taken = np.repeat(np.arange(STIMULI), counts)
    pairs = [(i, j) for i in range(STIMULI) for j in range(i) if taken[i] != taken[j]]
    slow = sorted(square(rdms[0])[taken[i], taken[j]] for i, j in pairs)
    assert sorted(resampled(rdms[0], counts)) == slow
    assert draws.pairs()[7].sum() == len(pairs) < PAIRS


@pytest.mark.parametrize("tied", [0, 4])
def test_ranks_in_a_draw_are_those_of_the_draw_written_out(rdms, tied):
    draws = draw(STIMULI, 1, 20, seed=1)
    weights = draws.pairs()
    fast = (unit_ranks(rdms[tied], weights) * unit_ranks(rdms[1], weights)).sum(1)
    for number, counts in enumerate(draws.stimuli):
        a, b = (resampled(rdms[place], counts) for place in (tied, 1))
        assert fast[number] == pytest.approx(stats.spearmanr(a, b).statistic, abs=1e-12)


@pytest.mark.parametrize("estimator", ["per-subject", "group-mean"])
@pytest.mark.parametrize("over", ["both", "stimuli", "subjects"])
@pytest.mark.parametrize("name", ["spearman", "tau-a"])
def test_every_draw_equals_its_slow_twin(rdms, estimator, over, name):
    brains, model = rdms[:3], rdms[4]
    alike = {"spearman": spearman, "tau-a": tau_a}[name]
    options = {"estimator": estimator, "over": over, "compare": name, "draws": 12, "seed": 5}
    fast = rsa({"model": model}, brains, **options)["model"]
    draws = draw(STIMULI, 3, 12, seed=5, over=over)
    for number in range(12):
        counts, people = draws.stimuli[1 + number], draws.subjects[1 + number].astype(int)
        chosen = np.repeat(brains, people, axis=0)
        chosen = chosen if estimator == "per-subject" else chosen.mean(0, keepdims=True)
        slow = alike(resampled(model[None], counts), resampled(chosen, counts)).mean()
        assert fast.draws[number] == pytest.approx(slow, abs=1e-10)
    assert (fast.low, fast.high) == interval(fast.draws)
    assert fast.subjects.tolist() == alike(model[None], brains)[0].tolist()


def test_the_two_estimators_differ_and_the_mean_is_the_larger(rdms):
    both = [
        rsa({"model": rdms[3]}, rdms[:3], estimator=name, draws=0)["model"].value
        for name in ("per-subject", "group-mean")
    ]
    assert both[0] == pytest.approx(spearman(rdms[3:4], rdms[:3]).mean())
    assert both[0] < both[1]


def test_draws_are_paired_and_tell_a_better_model_from_a_worse_one():
    random = np.random.default_rng(2)
    truth = random.random(435)  # 30 stimuli
    brains = truth + 0.3 * random.random((6, 435))
    models = {"good": truth + 0.3 * random.random(435), "noise": random.random(435)}
    found = rsa(models, brains, draws=200)
    apart = difference(found["good"], found["noise"])
    assert apart.low > 0
    assert apart.p == pytest.approx(2 / 201)
    same = difference(found["good"], found["good"])
    assert (same.value, same.low, same.high, same.p) == (0, 0, 0, 1)


def test_p_is_small_only_where_draws_stay_on_one_side():
    assert p_value(np.ones(999)) == pytest.approx(0.002)
    assert p_value(np.array([-1.0, 1.0] * 50)) == 1.0
    assert np.isnan(p_value(np.empty(0)))


def test_the_same_seed_gives_the_same_draws(rdms):
    twice = [rsa({"model": rdms[3]}, rdms[:3], draws=20, seed=s)["model"].draws for s in (1, 1, 2)]
    assert np.array_equal(twice[0], twice[1])
    assert not np.array_equal(twice[0], twice[2])


def test_rdms_of_other_stimuli_are_refused(rdms):
    with pytest.raises(Refused, match="the RDM of net has 10 pairs"):
        rsa({"net": np.arange(10.0)}, rdms)
    with pytest.raises(Refused, match="estimator"):
        rsa({"net": rdms[0]}, rdms, estimator="mean")
