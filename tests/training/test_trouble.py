"""Signals, numbers that are not finite and disks that are full: always a run that can go on."""

import os
import resource
import signal
import threading

import pytest
import torch

from layerscope import storage
from layerscope.errors import LayerscopeError
from layerscope.training import Interrupted, checkpoint, fit, loop
from layerscope.training.interrupt import noted_signals
from training.test_fit import seeded_net, settings, watched
from training.tiny import tiny_data


@pytest.fixture(autouse=True)
def _listening():
    """Signals as at a terminal: a job in the background has SIGINT ignored from the start."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def at_batch(number, act):
    """Call `act` when batch `number` (from 1) is read."""
    return lambda count: act() if count == number else None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("split", "batch"), [("train", 10), ("val", 7)])
def test_a_signal_ends_cleanly_and_the_resume_in_the_same_bits(tmp_path, number, split, batch):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    fit(seeded_net(), tiny_data(), settings(), whole)
    handlers = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    data = watched(tiny_data(), at_batch(batch, lambda: signal.raise_signal(number)), split)
    with pytest.raises(Interrupted) as stopped:
        fit(seeded_net(), data, settings(), broken)
    for part in (number.name, "epoch 2 of 3", "resume", str(broken)):
        assert part in str(stopped.value)
    assert len(data[split].read) == batch  # it stops at once
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == handlers
    fit(seeded_net(), tiny_data(), settings(), broken, resume=True)
    assert (whole / "model.safetensors").read_bytes() == (broken / "model.safetensors").read_bytes()
    assert (whole / "last.safetensors").read_bytes() == (broken / "last.safetensors").read_bytes()


def test_the_second_signal_acts_at_once():
    with noted_signals() as noted:
        signal.raise_signal(signal.SIGINT)
        assert noted == [signal.SIGINT]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_without_a_signal_the_handlers_come_back():
    before = signal.getsignal(signal.SIGINT)
    with noted_signals():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_an_ignored_signal_stays_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with noted_signals() as noted:
        signal.raise_signal(signal.SIGINT)
    assert not noted
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_training_outside_the_main_thread_listens_to_no_signal(tmp_path):
    caught = []

    def work():
        try:
            fit(seeded_net(), tiny_data(), settings(epochs=1), tmp_path)
        except BaseException as error:
            caught.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert not caught
    assert (tmp_path / "model.safetensors").exists()


def poisoned(net, step):
    """Make the network's weights NaN when training step `step` begins."""

    def poison():
        with torch.no_grad():
            net.fc.weight.fill_(float("nan"))

    return watched(tiny_data(), at_batch(step, poison))


def test_a_loss_that_is_not_finite_stops_with_advice_and_the_run_goes_on(tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    fit(seeded_net(), tiny_data(), settings(), whole)
    net = seeded_net()
    with pytest.raises(LayerscopeError) as stopped:
        fit(net, poisoned(net, 10), settings(), broken)
    told = str(stopped.value)
    for part in ("loss is nan", "epoch 2 of 3, step 3", "learning rate", "below 0.01", "clip"):
        assert part in told
    assert "float32" not in told  # which it is already
    fit(seeded_net(), tiny_data(), settings(), broken, resume=True)
    assert (whole / "last.safetensors").read_bytes() == (broken / "last.safetensors").read_bytes()


def test_a_rate_far_too_high_is_told_as_divergence(tmp_path):
    asked = settings(optimizer="sgd", learning_rate=1e30, warmup=0, epochs=20)
    with pytest.raises(LayerscopeError, match="training has diverged"):
        fit(seeded_net(), tiny_data(), asked, tmp_path)


def test_spoilt_weights_do_not_replace_a_checkpoint(tmp_path, monkeypatch):
    """A step of finite loss can leave infinite weights: the next loss would tell, too late."""
    descend, steps = loop.descend, 0

    def spoiling(net, *arguments):
        nonlocal steps
        descend(net, *arguments)
        steps += 1
        if steps == 5:
            with torch.no_grad():
                net.conv1.bias.fill_(float("inf"))

    monkeypatch.setattr(loop, "descend", spoiling)
    with pytest.raises(LayerscopeError, match="a weight is not finite"):
        fit(seeded_net(), tiny_data(), settings(checkpoint_seconds=0), tmp_path)
    kept = checkpoint.read(tmp_path)
    assert kept.progress.steps == 4
    assert all(value.isfinite().all() for value in kept.tensors.values())


def test_a_full_disk_is_told_and_the_last_checkpoint_is_whole(tmp_path):
    """Writes really fail here, half way: the system refuses files above a few kilobytes."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    fit(seeded_net(), tiny_data(), settings(), whole)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = (whole / "last.safetensors").stat().st_size

    def fill_the_disk():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 1000, limits[1]))

    try:
        with pytest.raises(LayerscopeError) as stopped:
            fit(seeded_net(), watched(tiny_data(), at_batch(10, fill_the_disk)), settings(), broken)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "cannot write" in str(stopped.value)
    assert "resume" in str(stopped.value)
    assert checkpoint.read(broken).progress.epoch == 1
    left = {path.name for path in (broken / "checkpoint").iterdir()}
    assert left == {"state.safetensors"}
    fit(seeded_net(), tiny_data(), settings(), broken, resume=True)
    assert (whole / "last.safetensors").read_bytes() == (broken / "last.safetensors").read_bytes()
    rows = [storage.read_csv(folder / "history.csv") for folder in (whole, broken)]
    assert [row["train_loss"] for row in rows[0]] == [row["train_loss"] for row in rows[1]]


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    fit(seeded_net(), tiny_data(), settings(epochs=1), tmp_path)
    before = checkpoint.path_in(tmp_path).read_bytes()

    def refuse(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(LayerscopeError, match="No space left on device"):
        fit(seeded_net(), tiny_data(), settings(epochs=1), tmp_path, resume=True)
    assert checkpoint.path_in(tmp_path).read_bytes() == before
