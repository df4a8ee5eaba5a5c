"""The page of a run of sounds: every sound lies beside it and plays, its cursor on all panels."""

import json
import shutil
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
import soundfile

from layerscope import report
from layerscope.run import Run
from layerscope.seeing.wav import read_wav
from report.spoken import CLASSES, LENGTH, SFREQ, clips, plant
from report.test_page import READABLE, Reader

FIRST = "document.querySelector('.player')"


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    return plant(tmp_path_factory.mktemp("runs") / "tones")


@pytest.fixture(scope="module")
def page(run) -> Path:
    return report.page(run)


@pytest.fixture(scope="module")
def read(page) -> Reader:
    reader = Reader()
    reader.feed(page.read_text(encoding="utf-8"))
    assert reader.open == []
    return reader


def test_the_clips_are_saved_beside_the_views_bit_for_bit(run):
    index = json.loads((run.views_folder / "index.json").read_text())
    assert index["sfreq"] == SFREQ
    for example, clip in zip(index["examples"], clips(), strict=True):
        found, sfreq = soundfile.read(run.views_folder / example["sound"], dtype="int16")
        np.testing.assert_array_equal(found, clip[0])
        assert sfreq == SFREQ
    files = {p.relative_to(run.views_folder).as_posix() for p in run.views_folder.rglob("*.wav")}
    named = {example["sound"] for example in index["examples"]}
    for entry in index["views"]:
        for names in entry.get("sounds", {}).values():
            named.update(names)
    assert named == files
    assert len(files) > 40


def test_every_sound_of_the_run_is_on_the_page_and_lies_beside_it(run, page, read):
    sources = [a.get("data-src") or a.get("src", "") for _, a in read.elements]
    played = {unquote(name) for name in sources if name.startswith("sounds/")}
    beside = {p.relative_to(page.parent).as_posix() for p in page.parent.rglob("*.wav")}
    assert played == beside
    assert len(beside) == len(list(run.views_folder.rglob("*.wav")))
    for name in sorted(beside)[::7]:
        source = run.views_folder / Path(name).relative_to("sounds")
        source = source if source.is_file() else run.views_folder / name
        assert (page.parent / name).read_bytes() == source.read_bytes()


def test_no_sound_clips_or_clicks(run):
    for path in run.views_folder.rglob("*/*/*.wav"):
        samples, _ = read_wav(path)
        assert np.abs(samples).max() < 0.9, path
        assert np.abs(samples[[0, -1]]).max() < 0.01, path
        silent_too = ("deconvnet", "grad_cam")  # a unit, or a map, may be 0 everywhere
        assert samples.any() or path.parent.name.startswith(silent_too), path


def test_players_name_what_is_played(read):
    words = " ".join(" ".join(read.words).split())
    assert "as it was said" in words
    assert words.count("only what it used") >= 4
    assert "LRP: only what it used conv1 conv2 conv3" in words
    labels = [a["aria-label"] for tag, a in read.elements if a.get("class") == "player"]
    assert labels[0] == "Player: low/0.wav, low, taken for low"
    assert len(labels) == 4
    buttons = [a for tag, a in read.elements if tag == "button"]
    assert all(a.get("aria-label") for a in buttons)
    assert "hears 0.625 ms" in words  # the first layer: 5 samples at 8 kHz
    assert all(a.get("alt") for tag, a in read.elements if tag == "img")
    assert all(a.get("aria-label") for tag, a in read.elements if tag == "svg")


PLAYED = f"""(async () => {{
  const player = {FIRST}, audio = player.querySelector('audio');
  const cursors = () => [...player.querySelectorAll('.track:not([hidden]) .cursor')].map(c => {{
    const box = c.parentElement.getBoundingClientRect(), at = c.getBoundingClientRect();
    return (at.left + at.width / 2 - box.left) / box.width; }});
  const wait = ms => new Promise(done => setTimeout(done, ms));
  const ended = new Promise(done => audio.addEventListener('ended', () => done(true)));
  const before = cursors();
  player.querySelector('.play').click();
  const seen = [];
  while (!audio.ended && seen.length < 400) {{
    await new Promise(requestAnimationFrame);
    seen.push([audio.currentTime, ...cursors()]);
  }}
  return {{before, seen, ended: await Promise.race([ended, wait(20000)]), after: cursors(),
    duration: audio.duration, label: player.querySelector('.play').getAttribute('aria-label')}};
}})()"""


def test_a_browser_plays_it_and_the_cursor_runs_over_all_panels(page, browser):
    browser.open(page)
    told = browser.evaluate(PLAYED)
    assert told["duration"] == pytest.approx(LENGTH / SFREQ, abs=0.01)
    assert told["before"] == pytest.approx([0, 0, 0], abs=0.01)
    assert told["ended"] is True
    assert told["after"] == pytest.approx([1, 1, 1], abs=0.01)
    assert told["label"] == "Play"
    seconds = LENGTH / SFREQ
    between = [row for row in told["seen"] if 0.1 * seconds < row[0] < 0.9 * seconds]
    assert len(between) > 2
    for at, *cursors in between:
        assert cursors == pytest.approx([at / seconds] * 3, abs=0.2)
    assert [row[1] for row in between] == sorted(row[1] for row in between)
    assert browser.complaints() == []


KEYS = f"""(async () => {{
  const player = {FIRST}, audio = player.querySelector('audio');
  const seek = player.querySelector('.seek'), radio = player.querySelectorAll('[type=radio]')[1];
  const press = (key, at) => at.dispatchEvent(new KeyboardEvent('keydown',
    {{key, bubbles: true, cancelable: true}}));
  const next = event => new Promise(done => audio.addEventListener(event, done, {{once: true}}));
  const told = {{}};
  press('ArrowRight', seek); press('ArrowRight', seek); press('ArrowLeft', seek);
  told.moved = audio.currentTime;
  const playing = next('playing'); press(' ', seek); await playing; told.playing = !audio.paused;
  const paused = next('pause'); press(' ', seek); await paused; told.paused = audio.paused;
  radio.click();
  told.shown = [...player.querySelectorAll('.track')].findIndex(track => !track.hidden);
  told.source = audio.getAttribute('src') === player.querySelectorAll('.track')[1].dataset.src;
  const field = player.querySelector('.track:not([hidden]) .spectrum .field');
  const box = field.getBoundingClientRect();
  const middle = {{bubbles: true, clientX: box.left + box.width / 2}};
  field.dispatchEvent(new MouseEvent('click', middle));
  told.sought = audio.currentTime;
  told.focus = document.activeElement === seek;
  const again = next('playing'); press(' ', radio); await again;
  const hear = document.querySelector('.hear');
  const stopped = next('pause'); hear.click(); await stopped;
  told.alone = audio.paused; told.pressed = hear.getAttribute('aria-pressed');
  return told; }})()"""


def test_it_is_played_from_the_keyboard(page, browser):
    browser.open(page)
    told = browser.evaluate(KEYS)
    assert told["moved"] == pytest.approx(0.05, abs=1e-6)
    assert told["playing"] is True
    assert told["paused"] is True
    assert told["shown"] == 1
    assert told["source"] is True
    assert told["sought"] == pytest.approx(LENGTH / SFREQ / 2, abs=0.01)
    assert told["focus"] is True
    assert told["alone"] is True
    assert told["pressed"] == "true"
    assert browser.complaints() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1920])
def test_it_is_readable_at_any_width_and_in_both_schemes(page, browser, width, scheme):
    browser.open(page, width, scheme)
    seen, poor = browser.evaluate(READABLE)
    assert seen > 150
    assert poor == []
    assert browser.evaluate("document.documentElement.scrollWidth") == width
    shares = "[...document.querySelectorAll('.track:not([hidden]) .field')].map(f => f.clientWidth)"
    widths = browser.evaluate(shares)
    assert len(set(widths)) == 1  # one axis of time
    assert widths[0] > 0.55 * min(width, 720) - 40
    assert browser.complaints() == []


def test_sounds_of_an_older_page_are_removed(run, page, tmp_path):
    copy = Run(shutil.copytree(run.path, tmp_path / "copy"))
    old = copy.report_folder / "sounds" / "gone" / "old.wav"
    old.parent.mkdir()
    old.write_bytes(b"old")
    report.page(copy)
    assert not old.parent.exists()
    assert (copy.report_folder / "index.html").read_bytes() == page.read_bytes()
    assert set(CLASSES) == {"low", "high"}
