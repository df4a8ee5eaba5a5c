"""What can be heard of views: the part that was used, units where they answer, snippets in turn."""

import numpy as np
import pytest
import torch
from torch import nn

from layerscope.seeing.ask import Ask, Beside, asks, options
from layerscope.seeing.kept import parts
from layerscope.seeing.settings import ViewsSettings
from layerscope.seeing.sounds import sounds_of
from layerscope.views import Scope, find_method
from layerscope.views.sound import spectrogram

SFREQ = 8000.0
LENGTH = 4000


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv1d(1, 6, 9, padding=4),
        nn.ReLU(),
        nn.MaxPool1d(4),
        nn.Conv1d(6, 8, 9, padding=4),
        nn.ReLU(),
        nn.AdaptiveAvgPool1d(1),
        nn.Flatten(),
        nn.Linear(8, 3),
    )


def tone(frequency: float, first: int, end: int) -> torch.Tensor:
    samples = torch.zeros(1, LENGTH)
    at = torch.arange(end - first)
    samples[0, first:end] = torch.sin(2 * np.pi * frequency / SFREQ * at)
    return samples


@pytest.fixture(scope="module")
def trace():
    scope = Scope(network(), kind="waveform", sfreq=SFREQ)
    clips = torch.stack([tone(440, 500, 1500), tone(1700, 2000, 3500)])
    return scope.trace(clips)


def heard(trace, method, layers="conv", **settings):
    """Give the sounds of every stored part of a method, by layer and kind."""
    wanted = ViewsSettings(methods=[method], layers=layers, pictured=3, **settings)
    found = {}
    for ask in asks(wanted, trace.layer_names("conv")):
        options = {} if ask.aim is None else {"target": ask.aim}
        options |= {"layers": list(ask.layers)} if ask.layers not in ((), ("input",)) else {}
        if "top" in ask.method.options and "target" not in options:
            options["top"] = 2
        for layer, view in trace.view(method, **options).items():
            for part, more in parts(view, ask, wanted, trace.scope):
                sounds = sounds_of(part, ask, trace)
                found[layer, more.get("rank")] = sounds
    return found


def test_what_was_used_and_what_was_not_are_two_parts_of_the_clip(trace):
    found = heard(trace, "lrp")
    assert set(found["input", None]) == {"only", "without"}
    assert set(found["0", None]) == set(found["3", None]) == {"only"}
    only, without = (found["input", None][kind][0] for kind in ("only", "without"))
    clip = trace.tape.input.tensor[0, 0].numpy()
    parts = [10 ** (-sound.gain_db / 20) * sound.samples for sound in (only, without)]
    np.testing.assert_allclose(parts[0] + parts[1], clip, atol=2e-5)
    share = np.square(parts[0]).sum() / np.square(clip).sum()
    assert 0.02 < share < 0.3  # of the energy: about a fifth


@pytest.mark.parametrize(("row", "frequency"), [(0, 440.0), (1, 1700.0)])
def test_what_is_played_has_the_frequency_of_what_was_heard(trace, row, frequency):
    for layer, sounds in heard(trace, "lrp").items():
        frequencies, _, power = spectrogram(sounds["only"][row].samples, SFREQ)
        loudest = frequencies[power.sum(1).argmax()]
        assert abs(loudest - frequency) < 4 * SFREQ / 256, layer


def test_a_unit_is_heard_at_all_places_where_it_answers(trace):
    settings = ViewsSettings(methods=["deconvnet"])
    (units, of_class) = asks(settings, ["0", "3"])
    assert options(units, settings, Beside(), trace) == {"whole": True}
    assert "whole" not in options(of_class, settings, Beside(), trace)
    seen = trace.view("deconvnet", layers=["0"], top=1, whole=True)["0"]
    (part,) = [part for part, _ in parts(seen, units, settings, trace.scope)]
    sounds = sounds_of(part, units, trace)
    assert set(sounds) == {"projection"}
    heard_at = np.flatnonzero(np.abs(sounds["projection"][0].samples) > 1e-3)
    assert heard_at[0] < 520  # the tone lasts from 500 to 1500
    assert heard_at[-1] > 1480


def test_snippets_of_a_unit_come_one_after_the_other(trace):
    views = trace.view("zeiler_fergus", layers="3", top=2)
    ask = Ask(find_method("zeiler_fergus", {}), ("3",))
    sounds = sounds_of(views["3"], ask, trace)
    assert set(sounds) == {"snippets", "projections"}
    assert len(sounds["snippets"]) == 8
    patches = views["3"].quality["patches"]
    unit = int(views["3"].quality["activation"].min(axis=1).argmax())  # answers both clips
    samples = sounds["snippets"][unit].samples
    gap = round(0.15 * SFREQ)
    assert len(samples) == 3 * gap + 2 * patches.shape[-1]
    assert not samples[:gap].any()
    between = samples[gap + patches.shape[-1] :][:gap]
    assert not between.any()
    assert samples[gap : gap + patches.shape[-1]].any()


def test_photographs_and_maps_without_time_have_no_sound(trace):
    photo = Scope(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 2)))
    seen = photo.trace(torch.rand(1, 1, 8, 8))
    ask = Ask(find_method("saliency", {}), ("input",), "predicted")
    view = seen.view("saliency")["input"]
    assert sounds_of(view, ask, seen) == {}
    silent = Scope(network(), kind="waveform")  # nobody said how fast samples go by
    again = silent.trace(trace.tape.input.tensor)
    view = again.view("saliency")["input"]
    assert sounds_of(view, ask, again) == {}
    assert heard(trace, "feature_maps") == {("0", None): {}, ("3", None): {}}


def test_a_view_gives_a_sound(trace):
    view = trace.view("deconvnet", layers="3", whole=True)["3"]
    sound = view.sound(SFREQ, row=1)
    assert sound.seconds == LENGTH / SFREQ
    assert np.abs(sound.samples).max() <= 1
    coarse = trace.view("grad_cam", layers="3")["3"].sound(SFREQ)
    assert len(coarse.samples) == LENGTH
