"""Which layers moved, where it is known: planted changes, and CKA by its other formula."""

import copy
import math

import pytest
import torch

from layerscope.evaluation import moved, read_moved, write_moved
from layerscope.evaluation.moved import linear_cka
from layerscope.nets import study_mnist


def test_only_the_layer_that_was_changed_has_moved_and_what_follows_answers_otherwise(tmp_path):
    torch.manual_seed(0)
    start, images = study_mnist(channels=4), torch.rand(6, 1, 28, 28)
    net = copy.deepcopy(start)
    with torch.no_grad():
        net.conv2.weight.mul_(1.5)
    rows = {row.layer: row for row in moved(start, net, images)}
    assert list(rows) == ["conv1", "conv2", "conv3", "fc"]
    assert (rows["conv1"].weights, rows["conv1"].answers) == (0, 0)
    assert rows["conv1"].similarity == pytest.approx(1)
    assert rows["conv2"].weights == pytest.approx(0.5, rel=1e-5)
    assert rows["conv2"].answers == pytest.approx(0.5, rel=1e-5)  # its bias is 0
    assert rows["conv2"].similarity == pytest.approx(1)  # scale alone
    assert rows["conv3"].weights == 0
    assert rows["conv3"].answers > 0.1
    assert rows["conv2"].parameters == 4 * 4 * 9 + 4
    assert net.training
    write_moved(tmp_path / "moved.csv", list(rows.values()))
    assert read_moved(tmp_path / "moved.csv") == list(rows.values())


def test_similarity_by_the_features_instead_of_the_examples():
    torch.manual_seed(0)
    x, y = torch.randn(20, 7).double(), torch.randn(20, 4).double()
    x, y = x - x.mean(0), y - y.mean(0)
    slow = (x.T @ y).norm() ** 2 / ((x.T @ x).norm() * (y.T @ y).norm())
    assert linear_cka(x, y) == pytest.approx(float(slow))
    turned = x @ torch.linalg.qr(torch.randn(7, 7).double())[0]
    assert linear_cka(x, 3 * turned + 2) == pytest.approx(1)
    assert math.isnan(linear_cka(torch.ones(5, 3), x[:5]))
