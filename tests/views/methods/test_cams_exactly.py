"""Class activation maps whose numbers are very small, very large, or differences of near equals."""

import pytest
import torch

from layerscope.views import cams
from views.methods.test_cams import averaged, close, trace_of


@pytest.mark.parametrize("scale", [1e-22, 1e20])
def test_eigen_cam_of_maps_of_any_size_is_that_many_times_the_map(scale):
    net, images = averaged(), torch.randn(2, 3, 7, 7)
    one = trace_of(net, images).view("eigen_cam", layers=["2"])["2"].values
    with torch.no_grad():
        for parameter in net[2].parameters():
            parameter *= scale
    close(trace_of(net, images).view("eigen_cam", layers=["2"])["2"].values / scale, one)


@pytest.mark.parametrize("method", ["ablation_cam", "score_cam"])
def test_the_scores_of_an_example_are_computed_beside_no_other_s(method, monkeypatch):
    given, net, images = [], averaged(), torch.randn(3, 3, 7, 7)
    resume = cams.resume

    def resumed(tape, tensors, to, rows):
        given.append((len(tape.input.tensor), set(rows.tolist())))
        return resume(tape, tensors, to, rows)

    monkeypatch.setattr(cams, "resume", resumed)
    trace_of(net, images).view(method, layers=["2"])
    assert given == [(1, {0})] * 3


def test_an_example_alone_has_the_same_shares_where_a_map_adds_little_to_a_large_score():
    net, images = averaged(), torch.rand(4, 3, 7, 7)
    with torch.no_grad():
        net[6].bias.fill_(1000)
        net[6].weight.abs_()
    many = trace_of(net, images).view("ablation_cam", layers=["2"], target=1)["2"].values
    for row in range(4):
        one = trace_of(net, images[row : row + 1])
        close(one.view("ablation_cam", layers=["2"], target=1)["2"].values[0], many[row])
