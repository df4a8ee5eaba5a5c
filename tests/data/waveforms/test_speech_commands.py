"""The Speech Commands layout: its hash, its lists, the classes "unknown" and "silence"."""

import hashlib
from collections import Counter

import numpy as np
import pytest
import soundfile

from data.waveforms.tones import RATE, words
from layerscope import LayerscopeError
from layerscope.data import DataSettings, prepare
from layerscope.data.waveforms.speech_commands import which_split


def settings_of(root, **more):
    sections = {key: more.pop(key) for key in list(more) if key in DataSettings.model_fields}
    tables = {"layout": "speech_commands", **more}
    return DataSettings(kind="waveforms", root=str(root), waveforms=tables, **sections)


def which_set(filename, validation_percentage, testing_percentage):
    """Tell as the data set's README (v0.02) does, from which this is copied."""
    import os
    import re

    max_num_wavs_per_class = 2**27 - 1
    base_name = os.path.basename(filename)
    hash_name = re.sub(r"_nohash_.*$", "", base_name)
    hash_name_hashed = hashlib.sha1(hash_name.encode()).hexdigest()
    percentage_hash = (int(hash_name_hashed, 16) % (max_num_wavs_per_class + 1)) * (
        100.0 / max_num_wavs_per_class
    )
    if percentage_hash < validation_percentage:
        return "validation"
    if percentage_hash < (testing_percentage + validation_percentage):
        return "testing"
    return "training"


def test_the_hash_is_the_readmes():
    names = {"validation": "val", "testing": "test", "training": "train"}
    for k in range(2000):
        name = f"bed/{k * 7919:08x}_nohash_{k % 4}.wav"
        assert which_split(name, 10, 20) == names[which_set(name, 10, 20)]


def test_the_official_test_set_is_known_by_its_hash(real_data):
    clips = [*(real_data / "speech_commands").glob("*/*/*.flac")]
    if not clips:
        pytest.skip(f"there is no speech_commands in {real_data}")
    assert {which_split(clip.name, 10, 10) for clip in clips} == {"test"}


@pytest.fixture
def commands(tmp_path):
    """Four words of 40 speakers, and two files of noise."""
    root = words(tmp_path / "words", "yes", "no", "up", "on", speakers=40, takes=1)
    (root / "_background_noise_").mkdir()
    (root / "_background_noise_" / "README.md").write_text("not a sound")
    rng = np.random.default_rng(0)
    for name, level in (("tap", 0.1), ("hum", 1e-5)):
        wave = level * rng.standard_normal(RATE * 15)
        soundfile.write(root / "_background_noise_" / f"{name}.wav", wave, RATE, "PCM_16")
    return root


def test_splits_are_the_hash_of_the_speaker(commands, cache):
    dataset = prepare(settings_of(commands, val_fraction=0.2, test_fraction=0.3))
    assert dataset.classes == ("no", "on", "up", "yes")
    for name, split in dataset.splits.items():
        assert {which_split(i, 20, 30) for i in split.ids} == {name}
    assert dataset.warnings == ()


def test_lists_go_before_the_hash_whatever_the_ending(commands, cache):
    clips = sorted(clip.name for clip in (commands / "yes").iterdir())
    held = {"val": clips[:6], "test": clips[6:16]}
    for split, name in (("val", "validation_list.txt"), ("test", "testing_list.txt")):
        lines = [f"{word}/{clip}" for word in ("yes", "no", "up", "on") for clip in held[split]]
        (commands / name).write_text("\n".join(lines).replace(".wav", ".flac") + "\n\n")
    dataset = prepare(settings_of(commands))
    assert {name: len(split) for name, split in dataset.splits.items()} == {
        "train": 96,
        "val": 24,
        "test": 40,
    }
    assert {i.split("/")[1] for i in dataset["val"].ids} == set(held["val"])
    (warning,) = [
        text
        for text in prepare(settings_of(commands, layout="folders")).warnings
        if "validation_list" in text
    ]
    assert 'layout = "speech_commands"' in warning
    (commands / "testing_list.txt").write_text(f"yes/{clips[0]}\n")
    with pytest.raises(LayerscopeError, match=r"stands in both validation_list\.txt and testing"):
        prepare(settings_of(commands))


def test_unknown_and_silence_are_made_by_their_rule(commands, cache):
    more = {"val_fraction": 0.2, "test_fraction": 0.3, "classes": ["yes", "no"]}
    dataset = prepare(settings_of(commands, unknown=0.25, silence=0.5, **more))
    assert dataset.classes == ("yes", "no", "unknown", "silence")
    for split in dataset.splits.values():
        count = Counter(split.labels.tolist())
        known = count[0] + count[1]
        assert count[2] == -(-known // 4)
        assert count[3] == -(-known // 2)
    unknown = [e for e in dataset.examples if e.label == "unknown"]
    assert {e.source for e in unknown} == {"up", "on"}
    assert all(which_split(e.id, 20, 30) == e.split for e in unknown)
    again = prepare(settings_of(commands, unknown=0.25, silence=0.5, seed=1, **more))
    assert {e.id for e in again.examples} != {e.id for e in dataset.examples}


def test_stretches_of_noise_are_of_one_split_and_may_be_quiet(commands, cache):
    more = {"val_fraction": 0.2, "test_fraction": 0.3, "classes": ["yes", "no"]}
    dataset = prepare(settings_of(commands, silence=2.0, **more))
    bounds = {"train": (0, 12), "val": (12, 13.5), "test": (13.5, 15)}
    silent = [e for e in dataset.examples if e.label == "silence"]
    assert {e.id.split("#")[0] for e in silent} == {
        "_background_noise_/hum.wav",
        "_background_noise_/tap.wav",
    }
    assert not [e for e in silent if e.reason]
    for example in silent:
        begin, end = map(float, example.id.split("#")[1].removesuffix("s").split("-"))
        low, high = bounds[example.split]
        assert low <= begin < end <= high + 1e-6
    noise = dataset.background()
    assert len(noise) == 2 * 12 * RATE  # the train part of both files


def test_noise_that_is_too_short_is_told(commands, cache):
    for clip in (commands / "_background_noise_").glob("*.wav"):
        soundfile.write(clip, np.ones(RATE * 5) * 0.1, RATE)
    with pytest.raises(LayerscopeError, match=r"for val it needs files of 10 s at least.*of 5 s"):
        prepare(settings_of(commands, silence=0.5, val_fraction=0.2, test_fraction=0.3))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"unknown": 0.1}, "no other word"),
        ({"unknown": 0.1, "classes": {"yes": ["yes"], "unknown": ["up"]}}, 'named "unknown"'),
        ({"train": "yes"}, "splits of its own"),
        ({"layout": "folders", "silence": 0.1}, 'are for layout = "speech_commands"'),
    ],
)
def test_what_cannot_be_meant_is_told(commands, cache, more, message):
    with pytest.raises((LayerscopeError, ValueError), match=message):
        prepare(settings_of(commands, **more))
