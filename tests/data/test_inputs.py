"""The units of a network's input."""

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from layerscope import LayerscopeError
from layerscope.data import InputSpec

SPEC = InputSpec("photo", (3, 4, 5), mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3))


def pixels():
    draw = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (2, 4, 5, 3), generator=draw, dtype=torch.uint8)


def test_pixels_are_put_into_units_channel_by_channel():
    batch = pixels().permute(0, 3, 1, 2)
    kept = batch.clone()
    got = SPEC.to_model(batch)
    for channel in range(3):
        plain = (batch[:, channel].double() / 255 - SPEC.mean[channel]) / SPEC.std[channel]
        torch.testing.assert_close(got[:, channel].double(), plain, atol=1e-6, rtol=0)
    assert got.dtype == torch.float32
    assert torch.equal(batch, kept)


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_the_memory_format_is_kept(layout):
    batch = pixels().permute(0, 3, 1, 2).contiguous(memory_format=layout)
    assert SPEC.to_model(batch).is_contiguous(memory_format=layout)


def test_floating_values_are_taken_as_they_are():
    batch = pixels().permute(0, 3, 1, 2)
    values = batch.float() / 255
    kept = values.clone()
    torch.testing.assert_close(SPEC.to_model(values), SPEC.to_model(batch))
    assert torch.equal(values, kept)


def test_bounds_are_what_black_and_white_become():
    low, high = SPEC.bounds
    black = SPEC.to_model(torch.zeros(1, 3, 4, 5, dtype=torch.uint8))
    white = SPEC.to_model(torch.full((1, 3, 4, 5), 255, dtype=torch.uint8))
    torch.testing.assert_close(low.expand_as(black[0]), black[0])
    torch.testing.assert_close(high.expand_as(white[0]), white[0])


def test_bounds_of_the_other_kinds():
    low, high = InputSpec("waveform", (1, 100), (0.0,), (0.5,)).bounds
    assert (low.shape, low.item(), high.item()) == ((1, 1), -2, 2)
    low, high = InputSpec("recording", (2, 100), (0.0, 1.0), (1.0, 1.0)).bounds
    assert low.tolist() == [[-torch.inf]] * 2
    assert high.tolist() == [[torch.inf]] * 2


@given(
    mean=st.tuples(*[st.floats(-1, 2)] * 3),
    std=st.tuples(*[st.floats(1e-6, 10)] * 3),
    sizes=st.tuples(st.integers(1, 4096), st.integers(1, 4096)),
)
def test_a_description_comes_back_from_json_to_the_last_bit(mean, std, sizes):
    spec = InputSpec("photo", (3, *sizes), mean, std)
    assert InputSpec.from_dict(json.loads(json.dumps(spec.as_dict()))) == spec


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("picture", (3, 4, 5), (0, 0, 0), (1, 1, 1)), "one of photo, waveform, recording"),
        (("photo", (3, 4), (0, 0, 0), (1, 1, 1)), 'sizes for "channel y x"'),
        (("waveform", (1, 4, 4), (0,), (1,)), 'sizes for "channel time"'),
        (("photo", (3, 4, 5), (0,), (1, 1, 1)), "mean has 1 values"),
        (("photo", (1, 4, 5), (0,), (0,)), "above 0"),
        (("photo", (1, 4, 5), (float("nan"),), (1,)), "finite"),
    ],
)
def test_wrong_descriptions_are_told(arguments, message):
    with pytest.raises(LayerscopeError, match=message):
        InputSpec(*arguments)


def test_a_photograph_is_described_as_it_always_was():
    document = InputSpec("photo", (1, 2, 2), (0.5,), (0.25,)).as_dict()
    assert list(document) == ["kind", "shape", "mean", "std"]
    assert InputSpec.from_dict(document).scale == "fixed"


@pytest.mark.parametrize("scale", ["fixed", "rms"])
def test_a_waveform_is_in_full_scale_or_in_its_own_rms(scale):
    spec = InputSpec("waveform", (1, 400), (0.0,), (1.0,), sfreq=16000, scale=scale)
    stored = torch.randint(-9000, 9000, (3, 1, 400), dtype=torch.int16)
    stored[1] = 0
    before = stored.clone()
    values = spec.to_model(stored)
    assert torch.equal(stored, before)
    expected = stored.double() / 32768
    if scale == "rms":
        expected[::2] /= expected[::2].square().mean((1, 2), keepdim=True).sqrt()
    torch.testing.assert_close(values.double(), expected, rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(spec.to_model(stored.float() / 32768), values)
    low, high = spec.bounds
    assert low.shape == (1, 1)
    assert (values >= low).all()
    assert (values <= high).all()


def test_one_click_in_silence_reaches_the_bound_of_its_rms():
    spec = InputSpec("waveform", (1, 400), (0.0,), (1.0,), scale="rms")
    stored = torch.zeros(1, 1, 400, dtype=torch.int16)
    stored[0, 0, 7] = 1
    torch.testing.assert_close(spec.to_model(stored).max(), spec.bounds[1][0, 0])


def test_a_recording_is_in_its_own_units():
    spec = InputSpec(
        "recording", (2, 3), (1.0, 2.0), (2.0, 4.0), sfreq=256.0, channels=("AF7", "AF8"), unit="uV"
    )
    values = spec.to_model(torch.tensor([[[1.0, 3, 5], [2, 6, 10]]]))
    assert values.tolist() == [[[0, 1, 2], [0, 1, 2]]]
    assert InputSpec.from_dict(spec.as_dict()) == spec
    with pytest.raises(LayerscopeError, match="3 channel names for the 2 channels"):
        InputSpec("recording", (2, 3), (0.0, 0.0), (1.0, 1.0), channels=("a", "b", "c"))


def test_what_only_a_waveform_has_is_refused_elsewhere():
    with pytest.raises(LayerscopeError, match="are for waveforms, not a recording"):
        InputSpec("recording", (1, 3), (0.0,), (1.0,), scale="rms")
