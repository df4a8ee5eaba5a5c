"""One sound: every format and width, mixed, resampled and fitted; what is broken is refused."""

import numpy as np
import pytest
import scipy.signal
import soundfile

from data.waveforms.tones import RATE, tone
from layerscope.data.waveforms.sound import FACTS, Decoder, read

DECODER = Decoder(RATE, RATE)


def samples_of(path, decoder=DECODER, part=None):
    sound = read(str(path), decoder, part)
    assert sound.reason == ""
    return np.frombuffer(sound.samples, dtype="<i2")


def facts_of(path, decoder=DECODER):
    return dict(zip(FACTS, read(str(path), decoder).facts, strict=True))


@pytest.mark.parametrize(
    ("name", "subtype", "most"),
    [
        ("a.wav", "PCM_U8", 260),
        ("a.wav", "PCM_16", 1),
        ("a.wav", "PCM_24", 1),
        ("a.wav", "PCM_32", 1),
        ("a.wav", "FLOAT", 1),
        ("a.wav", "DOUBLE", 1),
        ("a.wav", "ULAW", 1100),
        ("a.flac", "PCM_S8", 260),
        ("a.flac", "PCM_16", 1),
        ("a.flac", "PCM_24", 1),
        ("a.aiff", "PCM_16", 1),
    ],
)
def test_every_width_gives_the_same_samples_up_to_its_own_rounding(tmp_path, name, subtype, most):
    wave = tone()
    soundfile.write(tmp_path / name, wave, RATE, subtype)
    error = samples_of(tmp_path / name) - wave * 32768
    assert np.abs(error).max() <= most


def test_16_bits_are_taken_as_they_are(tmp_path):
    wave = np.random.default_rng(0).integers(-32768, 32768, RATE).astype(np.int16)
    soundfile.write(tmp_path / "a.flac", wave, RATE)
    assert (samples_of(tmp_path / "a.flac") == wave).all()


@pytest.mark.parametrize(("name", "format"), [("a.ogg", "OGG"), ("a.mp3", "MP3")])
def test_lossy_sounds_are_near_the_original(tmp_path, name, format):
    wave = tone()
    soundfile.write(tmp_path / name, wave, RATE, format=format)
    found = samples_of(tmp_path / name)[2000:14000] / 32768
    strength = np.abs(np.fft.rfft(found * np.hanning(len(found))))
    assert np.argmax(strength) * RATE / len(found) == pytest.approx(440, abs=2)
    assert np.sqrt(np.mean(found**2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.05)


def test_the_name_does_not_matter(tmp_path):
    soundfile.write(tmp_path / "a.flac", tone(), RATE)
    (tmp_path / "a.flac").rename(tmp_path / "a.wav")
    assert len(samples_of(tmp_path / "a.wav")) == RATE


def test_channels_are_averaged(tmp_path):
    left, right = tone(hertz=400), tone(hertz=700)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], axis=1), RATE, "PCM_24")
    error = samples_of(tmp_path / "a.wav") - (left + right) / 2 * 32768
    assert np.abs(error).max() <= 1
    assert facts_of(tmp_path / "a.wav")["channels"] == 2


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000])
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_another_rate_is_resampled_as_scipy_does(tmp_path, rate, subtype):
    wave = tone(rate=rate)
    soundfile.write(tmp_path / "a.wav", wave, rate, subtype)
    found = samples_of(tmp_path / "a.wav") / 32768
    np.testing.assert_allclose(found[800:-800], tone()[800:-800], atol=1e-3)
    twin = scipy.signal.resample_poly(wave, RATE, rate)
    np.testing.assert_allclose(found[800:-800], twin[800 : RATE - 800], atol=1e-3)
    assert facts_of(tmp_path / "a.wav")["rate"] == rate


def test_what_is_above_the_new_half_rate_does_not_fold_back(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(hertz=9500, rate=48000), 48000)
    assert np.abs(samples_of(tmp_path / "a.wav")).max() < 33  # -60 dB of full scale


@pytest.mark.parametrize("rate", [RATE, 44100])
@pytest.mark.parametrize("short", ["pad_end", "pad_both"])
def test_a_shorter_sound_gets_zeros(tmp_path, short, rate):
    soundfile.write(tmp_path / "a.wav", np.full(rate // 2, 0.5), rate)
    found = samples_of(tmp_path / "a.wav", Decoder(RATE, RATE, short=short))
    begin = 0 if short == "pad_end" else RATE // 4
    assert (found[:begin] == 0).all()
    assert (found[begin + RATE // 2 :] == 0).all()
    assert np.abs(found[begin + 400 : begin + RATE // 2 - 400] - 16384).max() <= 2


@pytest.mark.parametrize(("long", "begin"), [("start", 0.0), ("centre", 1.0), ("loudest", 1.7)])
@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg"])
def test_a_longer_sound_is_cut(tmp_path, long, begin, name):
    wave = 0.1 * np.linspace(1, 2, 3 * RATE)
    wave[int(1.7 * RATE) : int(2.7 * RATE)] += 0.5
    soundfile.write(tmp_path / name, wave, RATE)
    found = samples_of(tmp_path / name, Decoder(RATE, RATE, long=long)) / 32768
    start = int(begin * RATE)
    atol = 0.1 if name == "a.ogg" else 1e-4  # a lossy code rings at the step
    np.testing.assert_allclose(found[300:-300], wave[start + 300 : start + RATE - 300], atol=atol)
    assert facts_of(tmp_path / name)["frames"] == 3 * RATE


@pytest.mark.parametrize("rate", [RATE, 44100])
def test_a_part_is_meant_in_seconds_of_the_file(tmp_path, rate):
    wave = np.linspace(0, 0.9, 2 * rate)
    soundfile.write(tmp_path / "a.wav", wave, rate)
    found = samples_of(tmp_path / "a.wav", Decoder(RATE, RATE // 2), (0.5, 1.0)) / 32768
    expected = np.linspace(0, 0.9, 2 * RATE)[RATE // 2 : RATE]
    np.testing.assert_allclose(found[200:-200], expected[200:-200], atol=1e-3)
    assert "no sound from" in read(str(tmp_path / "a.wav"), DECODER, (2.5, 3.0)).reason


def test_loud_floats_are_clipped_and_counted(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(level=2.0), RATE, "FLOAT")
    found = samples_of(tmp_path / "a.wav")
    assert (found.max(), found.min()) == (32767, -32768)
    assert facts_of(tmp_path / "a.wav")["clipped"] > 1000
    soundfile.write(tmp_path / "b.wav", tone(level=0.99), RATE)
    assert facts_of(tmp_path / "b.wav")["clipped"] == 0


def test_the_facts_are_those_of_the_samples(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(0.3), RATE)
    found, facts = samples_of(tmp_path / "a.wav").astype(int), facts_of(tmp_path / "a.wav")
    assert facts == {
        "sum": found.sum(),
        "squares": (found**2).sum(),
        "peak": np.abs(found).max(),
        "clipped": 0,
        "rate": RATE,
        "channels": 1,
        "frames": 4800,
    }


def whole(tmp_path, name, **more):
    soundfile.write(tmp_path / name, tone(), RATE, **more)
    return (tmp_path / name).read_bytes()


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.aiff"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_a_sound_that_was_cut_off_is_refused(tmp_path, name, share):
    content = whole(tmp_path, name)
    (tmp_path / name).write_bytes(content[: int(len(content) * share)])
    assert read(str(tmp_path / name), DECODER).reason.split(":")[0] in ("truncated", "damaged")


def test_damage_inside_a_flac_is_refused(tmp_path):
    content = bytearray(whole(tmp_path, "a.flac"))
    content[len(content) // 2 : len(content) // 2 + 40] = bytes(40)
    (tmp_path / "a.flac").write_bytes(content)
    reason = read(str(tmp_path / "a.flac"), DECODER).reason
    assert reason.split(":")[0] in ("truncated", "damaged")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty: zero bytes"),
        (b"no sound at all, but some text", "no sound"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "damaged"),
        (b"OggS", "truncated"),
        (b"fLaC", "no sound"),
    ],
)
def test_what_is_no_sound_is_refused(tmp_path, content, reason):
    (tmp_path / "a.wav").write_bytes(content)
    assert read(str(tmp_path / "a.wav"), DECODER).reason.startswith(reason)


def test_a_sound_without_samples_is_refused(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(0), RATE)
    assert read(str(tmp_path / "a.wav"), DECODER).reason == "empty: no samples"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_floats_that_are_no_numbers_are_refused(tmp_path, value):
    wave = tone()
    wave[500] = value
    soundfile.write(tmp_path / "a.wav", wave, RATE, "FLOAT")
    assert read(str(tmp_path / "a.wav"), DECODER).reason.startswith("not finite")


def test_an_endless_recording_is_refused_before_it_is_read(tmp_path):
    soundfile.write(tmp_path / "a.flac", np.zeros(RATE * 30), RATE)
    reason = read(str(tmp_path / "a.flac"), Decoder(RATE, RATE, max_seconds=20)).reason
    assert reason == "too long: 30 s, max_seconds is 20"


def test_a_folder_and_a_pipe_are_no_sounds(tmp_path):
    assert read(str(tmp_path), DECODER).reason == "not a regular file"
