import numpy as np
import pytest
import torch

from layerscope import LayerscopeError, load
from layerscope.data import prepare
from layerscope.seeing.data import batches


def test_a_split_comes_in_batches_in_the_model_s_units_again_and_again(digits_run):
    run = load(digits_run)
    split = prepare(run.study.data)["val"]
    data = batches(run, "val", batch_size=50)
    assert len(data) == -(-len(split) // 50)
    for _ in range(2):
        images, labels, ids = zip(*data, strict=True)
        assert [len(some) for some in images[:-1]] == [50] * (len(data) - 1)
        assert [name for some in ids for name in some] == list(split.ids)
        assert torch.cat(labels).tolist() == split.labels.tolist()
        expected = run.spec.to_model(split.batch(range(len(split))))
        assert torch.equal(torch.cat(images), expected)
        assert images[0].dtype == torch.float32


def test_the_split_is_the_one_that_figures_are_told_of(digits_run):
    run = load(digits_run)
    assert batches(run).split.name == run.evaluated_split()


def test_a_share_of_each_class_is_spread_over_its_examples(digits_run):
    run = load(digits_run)
    data = batches(run, "train", per_class=3)
    _, labels, ids = zip(*data, strict=True)
    labels = torch.cat(labels).numpy()
    assert np.bincount(labels).tolist() == [3] * 10
    every = list(data.split.ids)
    zeros = [every[place] for place in np.flatnonzero(data.split.labels == 0)]
    assert [name for name in ids[0] if name in zeros] == [
        zeros[0],
        zeros[(len(zeros) - 1) // 2],
        zeros[-1],
    ]


def test_the_views_of_a_data_set_read_a_run_s_split(digits_run):
    run = load(digits_run)
    data = batches(run, "val", per_class=6)
    trace = run.scope().trace(next(iter(data))[0][:1])
    found = trace.view("selectivity", data=data)
    assert list(found) == ["conv1", "conv2", "conv3"]
    assert found["conv3"].quality["classes"].tolist() == run.classes
    assert found["conv3"].quality["count"].tolist() == [6] * 10
    figure = trace.view("zeiler_fergus", "conv3", data=data, unit=0)["conv3"]
    assert figure.quality["example"][0, 0] in data.split.ids


def test_mistakes_are_told(digits_run):
    run = load(digits_run)
    with pytest.raises(LayerscopeError, match='no split "holiday": there are'):
        batches(run, "holiday")
    with pytest.raises(LayerscopeError, match="batch_size=0: a whole number"):
        batches(run, batch_size=0)
    with pytest.raises(LayerscopeError, match="per_class='all'"):
        batches(run, per_class="all")
