"""Validation against scikit-learn's metrics, at any batch size, without dropout."""

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, balanced_accuracy_score, log_loss

from layerscope.tape import evaluation_mode
from layerscope.training.precision import Precision
from layerscope.training.validation import validate
from training.tiny import tiny_data, tiny_net

FLOAT32 = Precision("float32", True, 1, "")
BFLOAT16 = Precision("bfloat16", True, 1, "")


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(1)
    return tiny_net().to(memory_format=torch.channels_last)


def measure(net, data, batch_size, precision=FLOAT32, split="train"):
    return validate(net, data[split], data.spec, precision, batch_size=batch_size)


def test_it_gives_scikit_learns_figures(net):
    data = tiny_data()
    found = measure(net, data, 7)
    split = data["train"]
    with evaluation_mode(net), torch.no_grad():
        logits = net(data.spec.to_model(split.batch(np.arange(len(split)))))
    probabilities = logits.double().softmax(1).numpy()
    predicted = probabilities.argmax(1)
    assert len(set(predicted)) > 1
    assert found["val_loss"] == pytest.approx(log_loss(split.labels, probabilities), rel=1e-5)
    assert found["val_accuracy"] == pytest.approx(accuracy_score(split.labels, predicted))
    assert found["val_balanced_accuracy"] == pytest.approx(
        balanced_accuracy_score(split.labels, predicted)
    )


@pytest.mark.parametrize(("precision", "tolerance"), [(FLOAT32, 1e-6), (BFLOAT16, 1e-3)])
def test_the_batch_size_does_not_matter(net, precision, tolerance):
    data = tiny_data()
    whole = measure(net, data, 1000, precision)
    for size in (1, 33):
        assert measure(net, data, size, precision) == pytest.approx(whole, rel=tolerance)


def test_dropout_is_off_and_the_mode_comes_back(net):
    net.train()
    net.relu1.eval()
    assert measure(net, tiny_data(), 16) == measure(net, tiny_data(), 16)
    assert net.training
    assert not net.relu1.training
    net.relu1.train()


def test_the_mode_comes_back_after_an_exception(net):
    net.train()

    def stop():
        raise KeyboardInterrupt

    data = tiny_data()
    with pytest.raises(KeyboardInterrupt):
        validate(net, data["val"], data.spec, FLOAT32, batch_size=8, between=stop)
    assert net.training


def test_absent_classes_do_not_count(net):
    data = tiny_data(per_class=(20, 20, 0, 0))
    found = measure(net, data, 16)
    split = data["train"]
    with evaluation_mode(net), torch.no_grad():
        predicted = net(data.spec.to_model(split.batch(np.arange(40)))).argmax(1).numpy()
    recalls = [(predicted[split.labels == label] == label).mean() for label in (0, 1)]
    assert found["val_balanced_accuracy"] == pytest.approx(np.mean(recalls))
