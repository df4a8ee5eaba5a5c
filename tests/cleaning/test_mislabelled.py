"""Wrong labels: beside cleanlab on the same probabilities, and planted in real digits."""

import json

import numpy as np
import pytest

from layerscope import Study
from layerscope.cleaning import suspects as room
from layerscope.cleaning.mislabelled import errors, margins
from layerscope.cleaning.pool import pool_of
from layerscope.cleaning.probabilities import folds, of_features, of_network, regression
from layerscope.cleaning.scan import scan
from layerscope.data import DataSettings, prepare
from layerscope.errors import LayerscopeError


@pytest.fixture(scope="module")
def digits():
    """Raw digits with 10 % of the labels turned, and their out-of-fold probabilities."""
    pool = pool_of(prepare(DataSettings(kind="digits", size=8)))
    rng = np.random.default_rng(0)
    bad = rng.permutation(len(pool))[: len(pool) // 10]
    labels = pool.labels.copy()
    labels[bad] = (labels[bad] + rng.integers(1, 10, len(bad))) % 10
    x = pool.batch(np.arange(len(pool))).reshape(len(pool), -1).astype(np.float32)
    return labels, of_features(x, labels, [""] * len(labels)), bad


def test_planted_labels_are_found_and_counted(digits):
    labels, probabilities, bad = digits
    found = errors(labels, probabilities)
    precision = np.isin(found.order[: len(bad)], bad).mean()
    assert precision >= 0.9
    assert found.low <= len(bad) <= found.high
    assert found.joint.sum() == pytest.approx(len(labels))
    np.testing.assert_allclose(found.joint.sum(axis=1), np.bincount(labels))
    assert found.high - found.low < 0.6 * len(bad)


def test_cleanlab_agrees_on_the_same_probabilities(digits):
    cleanlab = pytest.importorskip("cleanlab")
    labels, probabilities, _ = digits
    found = errors(labels, probabilities)
    theirs = cleanlab.count.estimate_joint(labels, probabilities) * len(labels)
    np.testing.assert_allclose(found.joint, theirs, atol=1)  # it rounds to whole examples
    ranked = cleanlab.filter.find_label_issues(
        labels, probabilities, return_indices_ranked_by="normalized_margin", n_jobs=1
    )
    mine = set(found.order[: len(ranked)].tolist())
    assert len(mine & set(ranked.tolist())) >= 0.9 * len(ranked)


def test_margins_are_the_best_other_class_less_the_label():
    p = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    np.testing.assert_allclose(margins(np.array([0, 0]), p), [-0.5, 0.5])


def test_folds_keep_groups_whole_and_classes_alike():
    labels = np.repeat([0, 1], 50)
    groups = [f"speaker {k % 20}" for k in range(100)]
    fold = folds(labels, groups)
    assert all(len({fold[k] for k in range(100) if groups[k] == g}) == 1 for g in groups)
    alone = folds(labels, [""] * 100)
    assert [int(((alone == n) & (labels == 0)).sum()) for n in range(5)] == [10] * 5
    with pytest.raises(LayerscopeError, match="one example"):
        folds(np.array([0, 0, 1]), [""] * 3)


def test_the_regression_is_scikit_learns():
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(1)
    x = rng.normal(size=(300, 6)).astype(np.float32)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    labels = (x[:, 0] + 0.5 * x[:, 1] + rng.normal(size=300) > 0).astype(int) + (x[:, 2] > 1)
    theirs = LogisticRegression(C=1 / 20, tol=1e-8, max_iter=1000).fit(x, labels)
    mine = regression(x, labels, x[:50], 3, penalty=20.0)
    np.testing.assert_allclose(mine, theirs.predict_proba(x[:50]), atol=2e-3)


def test_the_studys_network_finds_them_too(digits_study, tmp_path):
    study = Study.load(digits_study)
    quick = {"epochs": 8, "ema": 0.0}
    study = study.model_copy(update={"training": study.training.model_copy(update=quick)})
    dataset = prepare(study.data)
    for split in dataset.splits.values():
        split.labels[::10] = (split.labels[::10] + 3) % 10
    pool = pool_of(dataset)
    ids, said = of_network(study, dataset, tmp_path / "folds", count=2)
    assert sorted(ids) == sorted(pool.ids)
    place = {name: k for k, name in enumerate(ids)}
    bad = [k for s in dataset.splits.values() for k in s.ids[::10]]
    found = errors(pool.labels, said[[place[name] for name in pool.ids]])
    named = {pool.ids[k] for k in found.order[: len(bad)]}
    assert len(named & set(bad)) >= 0.75 * len(bad)
    again = of_network(study, dataset, tmp_path / "folds", count=2)  # nothing is trained again
    np.testing.assert_array_equal(again[1], said)


def test_a_scan_suggests_the_true_label(planted, monkeypatch):
    def probabilities(dataset, pool):
        p = np.full((len(pool), 2), 0.02)
        true = np.array(["right" in name for name in pool.ids]).astype(int)
        true[pool.ids.index("train/left/04.jpg")] = 1
        p[np.arange(len(pool)), true] = 0.98
        return p

    monkeypatch.setattr(room, "_by_features", probabilities)
    study = Study.load(planted / "study.toml")
    scanned = scan(study, planted / "out", ("mislabelled",), room.PRETRAINED)
    assert [(e.id, e.suggestion) for e in scanned.findings] == [
        ("train/left/04.jpg", "relabel:right")
    ]
    assert scanned.findings[0].why.endswith("right has probability 0.98 and its label left 0.02")
    document = json.loads((planted / "out" / "findings.json").read_text())
    assert document["errors"]["sentence"].startswith("about 1 of 64 labels are wrong")
    with pytest.raises(LayerscopeError, match='network = "resnet"'):
        scan(study, planted / "out", ("mislabelled",), "resnet")
