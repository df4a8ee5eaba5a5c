"""A training as a whole: what is shown, kept, written, averaged, weighted and stopped."""

import copy

import numpy as np
import pytest
import safetensors.torch
import torch

from layerscope import storage
from layerscope.data.balance import epoch_order
from layerscope.data.dataset import Split
from layerscope.errors import LayerscopeError
from layerscope.training import Fitted, TrainingSettings, checkpoint, fit, loop
from layerscope.training.schedule import learning_rate
from layerscope.training.validation import validate
from training.tiny import tiny_data, tiny_net


class Watched:
    """A split that notes which positions are read."""

    def __init__(self, split: Split, then=lambda count: None):
        self.split, self.read, self.then = split, [], then

    def __getattr__(self, name):
        return getattr(self.split, name)

    def __len__(self):
        return len(self.split)

    def batch(self, positions):
        self.read.append(np.array(positions))
        self.then(len(self.read))
        return self.split.batch(positions)


def watched(data, then=lambda count: None, split="train"):
    data.splits[split] = Watched(data[split], then)
    return data


def settings(**changes):
    asked = {"epochs": 3, "batch_size": 16, "threads": 1, "optimizer": "adamw"}
    plain = {"learning_rate": 0.01, "label_smoothing": 0, "ema": 0}
    return TrainingSettings(**asked | plain | changes)


def seeded_net(**options):
    torch.manual_seed(0)
    return tiny_net(**options)


def weights(path):
    return safetensors.torch.load_file(path)


def same(net, tensors):
    state = net.state_dict()
    return state.keys() == tensors.keys() and all(state[k].equal(tensors[k]) for k in state)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    asked = settings(epochs=12, learning_rate=0.04)
    return folder, fit(seeded_net(dropout=0.1), tiny_data(), asked, folder)


def test_it_learns(finished):
    _, fitted = finished
    assert isinstance(fitted, Fitted)
    assert fitted.metrics["val_balanced_accuracy"] > 0.8
    assert fitted.history[-1]["train_loss"] < fitted.history[0]["train_loss"]


def test_the_history_is_written_as_it_is_told(finished):
    folder, fitted = finished
    rows = storage.read_csv(folder / "history.csv")
    assert list(rows[0]) == [
        "epoch",
        "images",
        "seconds",
        "learning_rate",
        "size",
        "train_loss",
        "train_accuracy",
        "val_loss",
        "val_accuracy",
        "val_balanced_accuracy",
    ]
    assert [row["images"] for row in rows] == [str(100 * epoch) for epoch in range(1, 13)]
    told = [{name: str(value) for name, value in row.items()} for row in fitted.history]
    assert [dict(sorted(row.items())) for row in rows] == [
        dict(sorted(row.items())) for row in told
    ]


def test_the_rate_of_a_step_is_the_schedules(tmp_path, monkeypatch):
    rates, descend = [], loop.descend

    def noted(net, optimizers, loss, rate, clip):
        rates.append(rate)
        descend(net, optimizers, loss, rate, clip)

    monkeypatch.setattr(loop, "descend", noted)
    asked = settings(epochs=2, warmup=0.3)
    fitted = fit(seeded_net(), tiny_data(), asked, tmp_path)
    slow = [learning_rate(asked, (step + 0.5) / 14) for step in range(14)]
    assert rates == pytest.approx(slow)
    told = [row["learning_rate"] for row in fitted.history]
    assert told == pytest.approx([slow[6], slow[13]], rel=1e-5)


def test_training_figures_are_means_over_the_examples(tmp_path):
    """At a rate of nearly 0 they are those of the untrained network on the training split."""
    net, data = seeded_net(dropout=0.0), tiny_data()
    twin = copy.deepcopy(net)
    fitted = fit(net, data, settings(learning_rate=1e-12), tmp_path)
    found = validate(twin, data["train"], data.spec, fitted.precision, batch_size=100)
    for row in fitted.history:
        assert row["train_loss"] == pytest.approx(found["val_loss"], abs=1e-5)
        assert row["train_accuracy"] == pytest.approx(found["val_accuracy"], abs=1e-6)


def test_best_and_last_weights_are_kept(finished):
    folder, fitted = finished
    best = max(fitted.history, key=lambda row: row["val_balanced_accuracy"])
    assert fitted.best_epoch == fitted.kept_epoch == best["epoch"]
    assert fitted.metrics == best
    assert same(fitted.net, weights(folder / "model.safetensors"))
    assert not fitted.net.training
    data = tiny_data()
    twin = seeded_net()
    for name, row in (("model", fitted.metrics), ("last", fitted.history[-1])):
        twin.load_state_dict(weights(folder / f"{name}.safetensors"))
        found = validate(twin, data["val"], data.spec, fitted.precision, batch_size=5)
        for key, value in found.items():
            assert row[key] == pytest.approx(value, abs=2e-6)


def test_keep_last(tmp_path):
    fitted = fit(seeded_net(), tiny_data(), settings(keep="last"), tmp_path)
    assert fitted.kept_epoch == 3
    assert fitted.metrics == fitted.history[-1]
    assert same(fitted.net, weights(tmp_path / "last.safetensors"))


@pytest.mark.parametrize("balance", ["none", "undersample_each_epoch", "oversample"])
def test_batches_are_those_of_the_epoch_order(tmp_path, balance):
    data = watched(tiny_data(balance=balance))
    fit(seeded_net(), data, settings(seed=4), tmp_path)
    labels = data["train"].labels
    orders = [epoch_order(labels, balance, 4, epoch) for epoch in range(3)]
    slow = [order[k : k + 16] for order in orders for k in range(0, len(order), 16)]
    assert len(data["train"].read) == len(slow)
    assert all((a == b).all() for a, b in zip(data["train"].read, slow, strict=True))


def test_the_same_seed_gives_the_same_weights_and_another_does_not(tmp_path):
    found = []
    for number, seed in enumerate((1, 1, 2)):
        torch.manual_seed(number)  # the caller's generator is of no account
        net = seeded_net()
        torch.manual_seed(number)
        fit(net, tiny_data(), settings(seed=seed), tmp_path / str(number))
        found.append((tmp_path / str(number) / "last.safetensors").read_bytes())
    assert found[0] == found[1]
    assert found[0] != found[2]


def test_the_callers_generator_and_threads_are_left_alone(tmp_path):
    net, state, threads = seeded_net(), torch.get_rng_state(), torch.get_num_threads()
    fit(net, tiny_data(), settings(epochs=1, threads=threads + 1), tmp_path)
    assert torch.get_rng_state().equal(state)
    assert torch.get_num_threads() == threads


def recall_of_the_rare(folder, balance="none", **changes):
    """Train on 80 of each but 4 of the last class; give the share of that one that is found."""
    data = tiny_data(per_class=(80, 80, 80, 4), balance=balance)
    asked = settings(epochs=12, keep="last", weight_decay=0, **changes)
    fitted = fit(seeded_net(dropout=0.0), data, asked, folder)
    split = data["val"]
    rare = np.flatnonzero(split.labels == 3)
    with torch.no_grad():
        logits = fitted.net(data.spec.to_model(split.batch(rare)))
    return (logits.argmax(1) == 3).double().mean().item()


def test_weights_and_logit_adjustment_help_the_rare_class(tmp_path):
    plain = recall_of_the_rare(tmp_path / "plain")
    assert recall_of_the_rare(tmp_path / "weighted", balance="weighted") > plain + 0.2
    assert recall_of_the_rare(tmp_path / "adjusted", logit_adjustment=1.0) > plain + 0.2


def test_logit_adjustment_takes_the_frequencies_that_are_shown(tmp_path):
    """Where classes are balanced by drawing, it must do nothing but shift all logits alike."""
    states = []
    for adjustment in (0.0, 1.0):
        folder = tmp_path / str(adjustment)
        asked = settings(epochs=1, logit_adjustment=adjustment)
        fit(seeded_net(), tiny_data(balance="undersample"), asked, folder)
        states.append(weights(folder / "last.safetensors"))
    for name, value in states[0].items():
        assert torch.allclose(value, states[1][name], atol=1e-4)


def test_the_averaged_weights_are_evaluated_and_kept(tmp_path):
    """Average the weights of a plain training by hand: the loop must give the same."""
    seen = []
    net = seeded_net(dropout=0.0)
    data = watched(tiny_data(), lambda _: seen.append(copy.deepcopy(net.state_dict())))
    fit(net, data, settings(keep="last"), tmp_path / "plain")
    seen.append(weights(tmp_path / "plain" / "last.safetensors"))
    slow = seen[0]
    for step, state in enumerate(seen[1:], start=1):
        decay = min(0.8, (1 + step) / (10 + step))
        slow = {name: decay * slow[name] + (1 - decay) * state[name] for name in slow}
    fitted = fit(seeded_net(dropout=0.0), tiny_data(), settings(ema=0.8, keep="last"), tmp_path)
    for name, value in fitted.net.state_dict().items():
        assert torch.allclose(value, slow[name], atol=1e-5)
    assert same(fitted.net, weights(tmp_path / "last.safetensors"))
    data = tiny_data()
    found = validate(fitted.net, data["val"], data.spec, fitted.precision, batch_size=16)
    assert fitted.metrics["val_loss"] == pytest.approx(found["val_loss"], abs=2e-6)


def test_patience_stops_early_and_a_resume_does_not_go_on(tmp_path):
    # Nothing is learnt at this rate, so the first epoch stays the best.
    asked = settings(epochs=30, patience=3, learning_rate=1e-12, metric="val_accuracy")
    fitted = fit(seeded_net(), tiny_data(), asked, tmp_path)
    assert (fitted.best_epoch, len(fitted.history)) == (1, 4)
    again = fit(seeded_net(), tiny_data(), asked, tmp_path, resume=True)
    assert again.history == fitted.history


def test_the_lowest_loss_is_the_best(tmp_path):
    fitted = fit(seeded_net(), tiny_data(), settings(epochs=4, metric="val_loss"), tmp_path)
    best = min(fitted.history, key=lambda row: row["val_loss"])
    assert fitted.best_epoch == best["epoch"] > 1


def test_epochs_between_validations_have_no_figures(tmp_path):
    fitted = fit(seeded_net(), tiny_data(), settings(epochs=5, validate_every=2), tmp_path)
    assert [row["epoch"] for row in fitted.history if "val_loss" in row] == [2, 4, 5]
    rows = storage.read_csv(tmp_path / "history.csv")
    assert [row["val_loss"] == "" for row in rows] == [True, False, True, False, False]


def test_sizes_grow_on_the_way_and_validation_is_at_full_size(tmp_path):
    net, seen = seeded_net(), []
    net.conv1.register_forward_hook(lambda m, x, _: seen.append((m.training, x[0].shape)))
    asked = settings(epochs=2, train_sizes=[[0, 6], [0.5, 7]])
    fitted = fit(net, tiny_data(), asked, tmp_path)
    seen = [(mode, tuple(shape[2:])) for mode, shape in seen if shape[0] > 1]
    assert [size for mode, size in seen if mode] == [(6, 6)] * 7 + [(7, 7)] * 7
    assert {size for mode, size in seen if not mode} == {(8, 8)}
    assert [row["size"] for row in fitted.history] == [6, 7]


def test_a_size_that_does_not_fit_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(LayerscopeError, match="cannot take pictures of side 4"):
        fit(seeded_net(), tiny_data(), settings(train_sizes=[[0, 4]]), tmp_path)
    assert not list(tmp_path.iterdir())


def test_without_validation_data_it_says_so(tmp_path):
    data = tiny_data()
    del data.splits["val"]
    with pytest.raises(LayerscopeError, match="no val examples"):
        fit(seeded_net(), data, settings(), tmp_path)


def test_a_split_is_never_read_whole(tmp_path):
    data = watched(watched(tiny_data()), split="val")
    fit(seeded_net(), data, settings(epochs=1), tmp_path)
    for split in ("train", "val"):
        assert max(len(positions) for positions in data[split].read) == 16


def test_a_network_on_loan_keeps_its_other_dtype(tmp_path):
    fitted = fit(seeded_net().double(), tiny_data(), settings(epochs=1), tmp_path)
    assert fitted.net.fc.weight.dtype == torch.float64
    assert checkpoint.read(tmp_path).tensors["net.fc.weight"].dtype == torch.float64
