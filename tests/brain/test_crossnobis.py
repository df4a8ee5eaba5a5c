"""Crossnobis distances and RDMs over time against rsatoolbox, on planted patterns."""

import warnings

import numpy as np
import pytest

from layerscope.brain.crossnobis import crossnobis, noise_precision
from layerscope.brain.rdm import rdm
from layerscope.brain.rsa import rsa
from layerscope.brain.time_resolved import rdm_movie, windows
from layerscope.errors import Refused

RUNS, CONDITIONS, CHANNELS = 5, 4, 7


@pytest.fixture
def trials():
    """Two trials of each condition in each run, their noise correlated among channels."""
    random = np.random.default_rng(0)
    means = random.normal(size=(CONDITIONS, CHANNELS))
    conditions = np.tile(np.repeat(np.arange(CONDITIONS), 2), RUNS)
    runs = np.repeat(np.arange(RUNS), 2 * CONDITIONS)
    mixing = np.eye(CHANNELS) + 0.4 * random.normal(size=(CHANNELS, CHANNELS))
    noise = random.normal(size=(len(runs), CHANNELS)) @ mixing
    return means[conditions] + noise, conditions, runs


@pytest.mark.parametrize("whitened", [False, True])
def test_crossnobis_equals_rsatoolbox(trials, whitened):
    rsatoolbox = pytest.importorskip("rsatoolbox")
    patterns, conditions, runs = trials
    precision = noise_precision(patterns - patterns.mean(0)) if whitened else None
    known = {"condition": ["abcd"[c] for c in conditions], "run": runs}
    data = rsatoolbox.data.Dataset(patterns, obs_descriptors=known)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs fills whole numbers with NaN on the way
        theirs = rsatoolbox.rdm.calc_rdm(
            data, "crossnobis", "condition", noise=precision, cv_descriptor="run"
        )
    ours, names = crossnobis(patterns, conditions, runs, precision)
    assert names == [0, 1, 2, 3]
    assert np.allclose(ours, theirs.get_vectors()[0], atol=1e-12)


def test_the_precision_equals_rsatoolbox(trials):
    pytest.importorskip("rsatoolbox")
    from rsatoolbox.data.noise import prec_from_residuals

    residuals = trials[0] - trials[0].mean(0)
    for degrees in (None, 20):
        theirs = prec_from_residuals(residuals, dof=degrees, method="shrinkage_diag")
        assert np.allclose(noise_precision(residuals, degrees), theirs, rtol=1e-8)


def test_of_noise_alone_crossnobis_is_about_0_and_other_distances_are_not():
    random = np.random.default_rng(1)
    conditions, runs = np.tile(np.arange(4), 6), np.repeat(np.arange(6), 4)
    draws = [random.normal(size=(24, 30)) for _ in range(200)]
    crossed = np.mean([crossnobis(x, conditions, runs)[0] for x in draws])
    plain = np.mean([rdm(x.reshape(6, 4, 30).mean(0), "euclidean") for x in draws])
    assert abs(crossed) < 0.01
    assert plain > 1


def test_missing_conditions_and_single_runs_are_refused(trials):
    patterns, conditions, runs = trials
    keep = ~((runs == 2) & (conditions == 3))
    with pytest.raises(Refused, match="fold 2 has no trial of 3"):
        crossnobis(patterns[keep], conditions[keep], runs[keep])
    with pytest.raises(Refused, match="there is one"):
        crossnobis(patterns, conditions, runs * 0)
    with pytest.raises(Refused, match="no noise"):
        noise_precision(patterns * ([0] + [1] * 6))


def movie_of(distance, repeats=4, noise=1.0):
    """Responses of 12 stimuli whose geometry is a model's from 0.1 to 0.2 s, else noise."""
    random = np.random.default_rng(3)
    times = np.arange(30) / 100
    model = random.normal(size=(12, 6))
    responses = noise * random.normal(size=(repeats, 12, 6, 30))
    responses[..., 10:20] += model[:, :, None]
    return rdm_movie(responses, times, width=0.05, distance=distance), responses, times, model


@pytest.mark.parametrize("distance", ["correlation", "euclidean", "crossnobis"])
def test_time_resolved_rsa_finds_when_the_geometry_was_planted(distance):
    movie, _, _, model = movie_of(distance)
    same = "correlation" if distance == "correlation" else "euclidean"
    found = [
        rsa({"model": rdm(model, same)}, one[None], draws=0)["model"].value for one in movie.rdms
    ]
    assert movie.starts.round(2).tolist() == [0.0, 0.05, 0.1, 0.15, 0.2, 0.25]
    assert min(found[2:4]) > 0.6
    assert max(found[:2] + found[4:]) < 0.5


@pytest.mark.parametrize("distance", ["correlation", "euclidean"])
def test_an_rdm_movie_equals_rsatoolbox(distance):
    rsatoolbox = pytest.importorskip("rsatoolbox")
    movie, responses, times, _ = movie_of(distance)
    data = rsatoolbox.data.TemporalDataset(responses.mean(0), time_descriptors={"time": times})
    bins = [times[some] for some in windows(times, 0.05)]
    theirs = rsatoolbox.rdm.calc_rdm_movie(data, distance, bins=bins).get_vectors()
    ours = movie.rdms if distance == "correlation" else movie.rdms**2 / 6
    assert np.allclose(ours, theirs, atol=1e-10)


def test_windows_that_do_not_fit_are_refused():
    with pytest.raises(Refused, match=r"0\.01 s apart"):
        windows(np.arange(10) / 100, 0.2)
    with pytest.raises(Refused, match="equally spaced"):
        windows(np.array([0, 0.1, 0.3]), 0.1)
    with pytest.raises(Refused, match="need repeats"):
        rdm_movie(np.ones((4, 3, 10)), np.arange(10) / 100, width=0.05, distance="crossnobis")
