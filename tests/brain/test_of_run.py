"""A run of recordings is asked what it uses: the files, the findings, and when there are none."""

import json
from pathlib import Path

import numpy as np
import pytest

from layerscope import LayerscopeError, load, storage
from layerscope.brain import of_run
from layerscope.brain.of_run import use_of_run
from layerscope.brain.twins import shuffled_dataset
from layerscope.data import prepare
from layerscope.report import page


def found_in(run: Path) -> dict:
    return json.loads((run / "brain" / "found.json").read_text(encoding="utf-8"))


def test_a_planted_tone_is_found_at_every_layer(planted_run):
    found = found_in(planted_run)
    assert found["chance"]["above"]
    assert found["important"] == ["alpha"]
    told = "\n".join(found["sentences"])
    assert "Swapping alpha (8 to 13 Hz) between epochs of a recording costs" in told
    assert f"Through {found['layers'][-1]}, what tells the classes apart lies most at 10 Hz" in told
    swaps = {row["band"]: row for row in storage.read_csv(planted_run / "brain" / "swaps.csv")}
    assert float(swaps["alpha"]["cost"]) > 0.3
    assert float(swaps["alpha"]["corrected_p"]) <= 0.02
    assert len(swaps["alpha"]["shuffled_costs"].split()) == 2
    rows = storage.read_csv(planted_run / "brain" / "frequencies.csv")
    assert {row["layer"] for row in rows} == set(found["layers"])


def test_where_nothing_can_be_learned_nothing_is_told(empty_run):
    found = found_in(empty_run)
    assert not found["chance"]["above"]
    assert found["important"] == []
    assert found["sentences"][0].startswith("Not above chance")
    assert len(found["sentences"]) == 2
    html = page(load(empty_run)).read_text(encoding="utf-8")
    assert "Nothing is said of what the layers use" in html
    assert "The pictures all the same, of which no finding may be made" in html


def test_the_page_shows_what_was_found(planted_run):
    html = page(load(planted_run)).read_text(encoding="utf-8")
    for title in (
        "What the layers use",
        "What each band is worth",
        "Layers and bands",
        "Frequencies at each layer",
        "Relevance after the event",
        "Strongest epochs of conv1",
    ):
        assert title in html, title
    assert "The pictures all the same" not in html
    pytest.importorskip("mne")
    assert "Filters and patterns of conv1" in html


def test_arrays_hold_what_the_tables_are_made_of(planted_run):
    with np.load(planted_run / "brain" / "arrays.npz") as stored:
        arrays = dict(stored)
    run = load(planted_run)
    channels, samples = run.spec.shape
    assert arrays["moments_mean"].shape == (2, channels, samples)
    assert (arrays["moments_low"] <= arrays["moments_mean"] + 1e-6).all()
    assert arrays["windows"][0, 0] == pytest.approx(-0.25)
    assert arrays["conv1/pattern"].shape == (4, channels)
    strongest = storage.read_csv(planted_run / "brain" / "strongest.csv")
    signals = arrays["strongest_signals"]
    data = prepare(run.study.data)
    split = data[run.evaluated_split()]
    for row in strongest[:5]:
        place = list(split.ids).index(row["id"])
        stored_signal = split.batch([place])[0].numpy()
        assert signals[int(row["signal"])] == pytest.approx(stored_signal, abs=1e-3)


def test_what_is_there_is_not_made_again_and_twins_are_kept(planted_run, monkeypatch, capsys):
    before = (planted_run / "brain" / "found.json").read_bytes()
    monkeypatch.setattr(of_run, "analyse", lambda *_: pytest.fail("it was there"))
    use_of_run(load(planted_run))
    monkeypatch.undo()
    trained = []
    monkeypatch.setattr("layerscope.training.fit", lambda *a, **k: trained.append(a))
    use_of_run(load(planted_run), draws=10)
    assert not trained
    assert found_in(planted_run)["key"]["draws"] == 10
    assert before != (planted_run / "brain" / "found.json").read_bytes()


def test_labels_are_shuffled_within_recordings_and_not_in_the_test_split(planted_run):
    data = prepare(load(planted_run).study.data)
    shuffled = shuffled_dataset(data, 3)
    assert shuffled.fingerprint != data.fingerprint
    for name, split in data.splits.items():
        other = shuffled[name]
        assert np.array_equal(split.labels, other.labels) == (name == "test")
        for group in set(split.groups):
            own = np.array(split.groups) == group
            assert sorted(split.labels[own]) == sorted(other.labels[own])


def test_other_runs_and_wrong_settings_are_refused(planted_run, digits_run):
    with pytest.raises(LayerscopeError, match="looks at photos"):
        use_of_run(load(digits_run))
    with pytest.raises(LayerscopeError, match="twins = -1"):
        use_of_run(load(planted_run), twins=-1)


def test_a_damaged_file_is_named(planted_run):
    (planted_run / "brain" / "arrays.npz").write_bytes(b"half")
    with pytest.raises(LayerscopeError, match="brain is damaged"):
        page(load(planted_run))
