"""From folders of sounds to a data set: policies, splits by speaker, windows, units, new data."""

import csv

import numpy as np
import pytest
import soundfile
import torch

from data.waveforms.tones import RATE, tone
from layerscope import LayerscopeError
from layerscope.data import DataSettings, from_folder, pack, prepare
from layerscope.data.waveforms.find import waveforms


def settings_of(root, **more):
    sections = {key: more.pop(key) for key in list(more) if key in DataSettings.model_fields}
    return DataSettings(kind="waveforms", root=str(root), waveforms=more, **sections)


def test_a_set_of_words_is_packed_split_and_described(yes_no, cache):
    dataset = prepare(settings_of(yes_no))
    assert dataset.classes == ("no", "yes")
    assert dataset.spec.shape == (1, RATE)
    assert (dataset.spec.sfreq, dataset.spec.scale) == (RATE, "rms")
    split = dataset["train"]
    batch = split.batch([0, 3])
    assert (batch.shape, batch.dtype) == ((2, 1, RATE), torch.int16)
    wave, _ = soundfile.read(yes_no / split.ids[3], dtype="int16")
    assert (batch[1, 0].numpy() == wave).all()
    values = dataset.spec.to_model(batch)
    torch.testing.assert_close(values.square().mean((1, 2)), torch.ones(2))
    every = dataset.spec.to_model(split.batch(range(len(split))))
    assert dataset.spec.peak == pytest.approx(float(every.abs().max()), rel=1e-6)
    assert float(dataset.spec.bounds[1]) == pytest.approx(dataset.spec.peak)


def test_a_second_run_decodes_nothing_and_a_changed_policy_neither(yes_no, cache, monkeypatch):
    first = prepare(settings_of(yes_no))
    monkeypatch.setattr(pack, "decode_into", None)
    assert prepare(settings_of(yes_no)).fingerprint == first.fingerprint
    with pytest.raises(LayerscopeError, match="has no usable example"):
        prepare(settings_of(yes_no, silent_dbfs=-3))


def test_a_drawn_split_shares_no_speaker(yes_no, cache, tmp_path):
    dataset = prepare(settings_of(yes_no, val_fraction=0.3, test_fraction=0.2))
    speakers = {name: set(split.groups) for name, split in dataset.splits.items()}
    assert [len(speakers[name]) for name in ("train", "val", "test")] == [3, 2, 1]
    assert not speakers["train"] & speakers["val"]
    assert len(set.union(*speakers.values())) == 6
    assert dataset.warnings == ()
    dataset.write_table(tmp_path / "data.csv")
    with open(tmp_path / "data.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["group"] for row in rows} == set.union(*speakers.values())


def test_unknown_speakers_and_shared_ones_are_warned_of(yes_no, cache):
    (warning,) = prepare(settings_of(yes_no, speaker=None)).warnings
    assert warning.startswith("who speaks is not known of 24 of 24 sounds, so splits are drawn")
    for split in ("train", "val"):
        (yes_no / split).mkdir()
    for name in ("yes", "no"):
        (yes_no / "val" / name).mkdir()
        for clip in sorted((yes_no / name).iterdir())[:3]:
            clip.rename(yes_no / "val" / name / clip.name)
        (yes_no / name).rename(yes_no / "train" / name)
    (warning,) = prepare(settings_of(yes_no, train="train", val="val")).warnings
    assert warning.startswith("1 of 6 speakers are in more than one split: 00000001 (train, val)")


@pytest.fixture
def faulty(yes_no):
    """The words with one of each fault in "yes"."""
    folder = yes_no / "yes"

    def write(name, wave, rate=RATE, subtype="PCM_16"):
        soundfile.write(folder / f"{name}_nohash_0.wav", wave, rate, subtype)

    write("silent", np.zeros(RATE))
    write("quiet", tone(level=1e-4))
    write("slow", tone(rate=8000), 8000)
    write("stereo", np.stack([tone(), tone()], axis=1))
    write("short", tone(0.5))
    write("long", tone(2.5))
    write("loud", tone(level=3.0))
    write("nan", np.full(RATE, np.nan), subtype="FLOAT")
    (folder / "text_nohash_0.wav").write_text("no sound")
    (folder / "empty_nohash_0.wav").touch()
    whole = (folder / "slow_nohash_0.wav").read_bytes()
    (folder / "cut_nohash_0.wav").write_bytes(whole[:9000])
    return yes_no


def told(dataset):
    """Give what is said of each faulty file, by the first part of its name."""
    return {
        example.id.split("/")[1].split("_")[0]: example.reason or example.note
        for example in dataset.examples
        if example.reason or example.note
    }


def test_each_fault_is_refused_or_noted_by_the_stated_policy(faulty, cache):
    dataset = prepare(settings_of(faulty))
    assert told(dataset) == {
        "silent": "silent: all zeros, silent_dbfs is -70",
        "quiet": "silent: -83 dB of full scale, silent_dbfs is -70",
        "slow": "resampled: from 8000 Hz: nothing above 4000 Hz",
        "stereo": "mixed: 2 channels",
        "short": "padded: 0.5 s of 1 s",
        "long": "cut: 1 s of 2.5 s",
        "loud": told(dataset)["loud"],
        "nan": "not finite: it holds NaN or infinite samples",
        "text": told(dataset)["text"],
        "empty": "empty: zero bytes",
        "cut": "truncated: 8956 of 16000 bytes of sound are there",
    }
    assert told(dataset)["loud"].startswith("clipped: ")
    assert told(dataset)["text"].startswith("no sound: its content is no format")
    counted = dataset.counts()
    assert [row["refused"] for row in counted["rows"]] == [0, 6, 6]
    assert len(counted["noted"]) == 5
    found = waveforms(settings_of(faulty))
    assert [row < 0 for row in found.rows] == [bool(reason) for reason in found.reasons]


@pytest.mark.parametrize(
    ("more", "name", "reason"),
    [
        ({"wrong_rate": "refuse"}, "slow", "wrong rate: 8000 Hz, sfreq is 16000"),
        ({"short": "refuse"}, "short", "too short: 0.5 s of 1 s"),
        ({"long": "refuse"}, "long", "too long: 2.5 s, seconds is 1"),
        ({"max_seconds": 2}, "long", "too long: 2 s, max_seconds is 2"),
    ],
)
def test_a_stricter_policy_refuses(faulty, cache, more, name, reason):
    dataset = prepare(settings_of(faulty, **more))
    refused = {e.id.split("/")[1].split("_")[0]: e.reason for e in dataset.examples if e.reason}
    assert refused[name] == reason


def test_the_table_names_refusals_notes_and_warnings(faulty, cache):
    from layerscope.data.counts import count_table

    text = count_table(prepare(settings_of(faulty, speaker="(long|loud)")).counts())
    assert "6 refused:" in text
    assert "5 used, but noted (1 padded, 1 " in text or "5 used, but noted (1 " in text
    assert "'yes/stereo_nohash_0.wav': mixed: 2 channels" in text
    assert "warning: who speaks is not known of 33 of 35 sounds" in text


def test_windows_of_a_long_sound_stay_together(tmp_path, cache):
    for row, name in enumerate(("a", "b")):
        (tmp_path / "set" / name).mkdir(parents=True)
        for k in range(5):
            wave = np.concatenate([np.full(RATE, 0.1 * (j + 1)) for j in range(3)])[
                : 2 * RATE + 9000
            ]
            soundfile.write(tmp_path / "set" / name / f"{k}.flac", wave * (-1) ** row, RATE)
    settings = settings_of(tmp_path / "set", long="windows", speaker=None, normalize="none")
    dataset = prepare(settings)
    assert len(dataset.examples) == 30
    assert [e.id for e in dataset.examples[:3]] == [
        "a/0.flac#0-1s",
        "a/0.flac#1-2s",
        "a/0.flac#2-2.5625s",
    ]
    files = {name: {i.split("#")[0] for i in split.ids} for name, split in dataset.splits.items()}
    assert not files["train"] & files["val"]
    assert len(dataset["val"]) == 6
    train = dataset["train"]
    third = train.batch([train.ids.index(next(i for i in train.ids if "#2-" in i))])[0, 0]
    assert third.abs()[:9000].unique().tolist() == [round(0.3 * 32768)]
    assert (third[9000:] == 0).all()
    assert {e.note for e in dataset.examples} == {"", "padded: 0.562 s of 1 s"}


def test_overlapping_windows_begin_a_hop_apart(tmp_path, cache):
    for name in ("a", "b"):
        (tmp_path / "set" / name).mkdir(parents=True)
        soundfile.write(tmp_path / "set" / name / "x.wav", tone(2), RATE)
    more = {"long": "windows", "hop_seconds": 0.25, "val_fraction": 0, "speaker": None}
    dataset = prepare(settings_of(tmp_path / "set", **more))
    starts = [float(e.id.split("#")[1].split("-")[0]) for e in dataset.examples[:6]]
    assert starts == [0, 0.25, 0.5, 0.75, 1, 1.25]


def test_full_scale_is_normalised_by_all_training_samples(yes_no, cache):
    dataset = prepare(settings_of(yes_no, scale="fixed"))
    train = dataset["train"]
    waves = train.batch(range(len(train))).double() / 32768
    assert dataset.spec.mean[0] == pytest.approx(float(waves.mean()), abs=1e-12)
    assert dataset.spec.std[0] == pytest.approx(float(waves.std(correction=0)), rel=1e-9)
    assert prepare(settings_of(yes_no, scale="fixed", normalize="none")).spec.std == (1.0,)


def test_a_log_mel_front_end_is_normalised_over_the_training_clips(yes_no, cache):
    dataset = prepare(settings_of(yes_no, front="log_mel", mels=40))
    train = dataset["train"]
    pictures = dataset.spec.to_model(train.batch(range(len(train))))
    assert pictures.shape[1:] == dataset.spec.shape == (1, 40, 101)
    assert float(pictures.mean()) == pytest.approx(0, abs=1e-4)
    assert float(pictures.std()) == pytest.approx(1, abs=1e-3)


def test_new_sounds_are_read_as_those_of_the_run(faulty, yes_no, cache, tmp_path):
    settings = settings_of(yes_no)
    spec = prepare(settings).spec
    (faulty / "up").mkdir()
    soundfile.write(faulty / "up" / "x.wav", tone(), RATE)
    split, refused = from_folder(faulty, ("no", "yes"), spec, settings)
    assert split.batch([0]).shape == (1, 1, RATE)
    assert np.bincount(split.labels).tolist() == [12, 17]
    assert {e.id.split("/")[1].split("_")[0] for e in refused} == {
        *("silent", "quiet", "nan", "text", "empty", "cut", "x.wav")
    }
    with pytest.raises(LayerscopeError, match="takes a waveform of 16000 samples"):
        from_folder(faulty, ("no", "yes"), spec, settings_of(yes_no, seconds=0.5))


@pytest.mark.parametrize("name", ["arabic_words", "speech_commands"])
def test_real_words_are_whole_and_their_speakers_disjoint(real_data, name):
    root = real_data / name
    if not root.is_dir():
        pytest.skip(f"there is no {name} in {real_data}")
    more = {"speaker": r"^(\d+)_NO_"} if name == "arabic_words" else {}
    dataset = prepare(settings_of(root, train="train", val="val", **more))
    words, train, val = (16, 60, 20) if name == "arabic_words" else (10, 100, 20)
    assert np.bincount(dataset["train"].labels).tolist() == [train] * words
    assert np.bincount(dataset["val"].labels).tolist() == [val] * words
    assert dataset.warnings == ()
    assert not [example for example in dataset.examples if example.reason]
    if name == "speech_commands":
        assert len(set(dataset["train"].groups)) == 162


def test_a_nearly_silent_real_clip_is_refused(real_data):
    root = real_data / "speech_commands_30words" / "all"
    if not root.is_dir():
        pytest.skip(f"there is no speech_commands_30words in {real_data}")
    dataset = prepare(settings_of(root))
    assert len(dataset.classes) == 30
    assert [(e.id, e.reason) for e in dataset.examples if e.reason] == [
        ("two/51055bda_nohash_4.wav", "silent: -74 dB of full scale, silent_dbfs is -70")
    ]
