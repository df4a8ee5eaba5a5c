"""Encoding models: himalaya's penalties and weights, planted responses, honest folds."""

import numpy as np
import pytest

from layerscope.brain.encoding import category_kernel, encode, response_ceiling
from layerscope.brain.folds import check_folds, grouped_folds
from layerscope.brain.ridge import ridge_cv
from layerscope.errors import Refused

ALPHAS = np.logspace(-2, 5, 15)


def planted(rows: int, features: int, targets: int = 6, noise: float = 2.0):
    """Features, and responses of which the last target is noise alone."""
    random = np.random.default_rng(0)
    x = random.normal(size=(rows, features)) * random.uniform(0.2, 2, features) + 1
    weights = random.normal(size=(features, targets))
    weights[:, -1] = 0
    return x, x @ weights + noise * np.sqrt(features) * random.normal(size=(rows, targets))


@pytest.mark.parametrize("shape", [(90, 30), (40, 70)])
@pytest.mark.parametrize("shared", [False, True])
def test_ridge_equals_himalaya(shape, shared):
    ridge = pytest.importorskip("himalaya.ridge")
    from sklearn.model_selection import KFold

    x, y = planted(*shape)
    params = {"warn": False, "local_alpha": not shared}
    theirs = ridge.RidgeCV(ALPHAS, fit_intercept=True, cv=KFold(5), solver_params=params).fit(x, y)
    ours = ridge_cv(x, y, ALPHAS, list(KFold(5).split(x)), shared=shared)
    assert np.allclose(ours.alphas, theirs.best_alphas_)
    assert np.allclose(ours.weights, theirs.coef_, atol=1e-9)
    assert np.allclose(ours.intercept, theirs.intercept_, atol=1e-9)
    best = -ours.losses.min(0) if not shared else -ours.losses[ours.losses.mean(1).argmin()]
    assert np.allclose(best, np.ravel(theirs.cv_scores_), atol=1e-7)
    assert (len(set(ours.alphas)) == 1) == shared


def test_nested_folds_equal_himalaya_inside_each(monkeypatch):
    kernel_ridge = pytest.importorskip("himalaya.kernel_ridge")
    x, y = planted(60, 100)
    groups = np.repeat(np.arange(6), 10)
    found = encode(x @ x.T, y, groups, alphas=ALPHAS)
    centred = x - x.mean(0)
    scale = (centred**2).sum(1).mean()
    for number, (fitted, held) in enumerate(grouped_folds(groups)):
        inner = grouped_folds(groups[fitted], 5)
        fit = kernel_ridge.KernelRidgeCV(ALPHAS * scale, fit_intercept=True, cv=inner, warn=False)
        fit.fit(x[fitted], y[fitted])
        assert np.allclose(found.alphas[number] * scale, fit.best_alphas_)
        assert np.allclose(found.told[held], fit.predict(x[held]), atol=1e-6)


def test_planted_responses_are_told_and_noise_is_not():
    x, y = planted(200, 20, noise=0.5)
    found = encode(x @ x.T, y, np.arange(200) // 20)
    assert found.r2[:-1].min() > 0.6
    assert found.r2[-1] < 0.05
    assert np.abs(found.r[-1]) < 0.2


def test_r2_is_measured_from_the_mean_of_what_was_fitted():
    x, y = planted(40, 5)
    groups = np.arange(40) // 10
    found = encode(x @ x.T, y, groups)
    base = np.concatenate([np.repeat(y[a].mean(0)[None], len(b), 0) for a, b in
                           grouped_folds(groups)])  # fmt: skip
    slow = 1 - ((y - found.told) ** 2).sum(0) / ((y - base) ** 2).sum(0)
    assert np.allclose(found.r2, slow)


def test_a_scaled_layer_tells_the_same():
    x, y = planted(40, 5)
    groups = np.arange(40) // 5
    big = encode(1e6 * (x @ x.T), y, groups)
    assert np.allclose(big.told, encode(x @ x.T, y, groups).told)


def test_groups_that_leak_are_what_folds_are_for():
    """Each stimulus is shown four times, and answers are noise of its own: nothing to predict."""
    random = np.random.default_rng(1)
    stimulus = np.repeat(np.arange(30), 4)
    x = random.normal(size=(30, 50))[stimulus]
    y = random.normal(size=(30, 3))[stimulus]
    assert encode(x @ x.T, y, stimulus, folds=5).r2.max() < 0.05
    assert encode(x @ x.T, y, np.arange(120) % 4, folds=4).r2.min() > 0.9


def test_folds_hold_whole_groups():
    groups = list("aabbcdde")
    for fitted, told in grouped_folds(groups, 3):
        assert not {groups[i] for i in fitted} & {groups[i] for i in told}
        assert len(fitted) + len(told) == 8
    with pytest.raises(Refused, match="6 folds of 5 groups"):
        grouped_folds(groups, 6)
    with pytest.raises(Refused, match="fitted to"):
        check_folds([(np.array([0, 1]), np.array([1]))], 2)


def test_a_category_model_tells_each_categorys_mean():
    labels = np.array(list("abcabcabcabc"))
    y = np.array([{"a": 1.0, "b": 5.0, "c": 9.0}[x] for x in labels])[:, None]
    found = encode(category_kernel(labels), y, np.arange(12) // 3)
    assert found.r2[0] > 0.999


def test_the_ceiling_of_responses_is_the_correlation_with_the_signal():
    random = np.random.default_rng(2)
    signal = random.normal(size=(400, 2)) * [1.0, 0.0]
    repeats = signal + random.normal(size=(5, 400, 2)) * 1.5
    reached = np.corrcoef(signal[:, 0], repeats.mean(0)[:, 0])[0, 1]
    ceiling = response_ceiling(repeats)
    assert ceiling[0] == pytest.approx(reached, abs=0.05)
    assert ceiling[1] < 0.35
    with pytest.raises(Refused, match="two repeats"):
        response_ceiling(repeats[:1])


def test_what_cannot_be_fitted_is_refused():
    x, y = planted(12, 3)
    with pytest.raises(Refused, match="same features"):
        encode(np.ones((12, 12)), y, np.arange(12))
    with pytest.raises(Refused, match="three groups"):
        encode(x @ x.T, y, np.arange(12) % 2)
    with pytest.raises(Refused, match="above 0"):
        ridge_cv(x, y, [0.0], grouped_folds(np.arange(12)))
    with pytest.raises(Refused, match="NaN"):
        ridge_cv(x * np.nan, y, [1.0], grouped_folds(np.arange(12)))
