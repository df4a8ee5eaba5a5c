"""Progress: shown on stderr only, after a second, with share, rate and time left."""

import io
import sys
import time

import pytest

from layerscope import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def loud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAYERSCOPE_QUIET", raising=False)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_lines_tell_share_rate_and_time_left(loud, clock, capsys):
    with progress.bar("training", total=200, unit="images") as step:
        for _ in range(10):
            clock.now += 1.0
            step(10, "loss 0.41")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "training: 5 %, 10 of 200 images, 10 images/s, 0:19 left, loss 0.41",
        "training: 30 %, 60 of 200 images, 10 images/s, 0:14 left, loss 0.41",
    ]


def test_the_last_line_is_written_once_a_first_one_was(loud, clock, capsys):
    with progress.bar("packing", total=3) as step:
        clock.now += 2.0
        step()
        step(2)
    assert capsys.readouterr().err.splitlines()[-1].startswith("packing: 100 %, 3 of 3 steps")


def test_short_work_shows_nothing(loud, clock, capsys):
    with progress.bar("training", total=10) as step:
        clock.now += 0.5
        step(10)
    assert capsys.readouterr().err == ""


def test_unknown_total_counts(loud, clock, capsys):
    with progress.bar("reading", unit="files") as step:
        clock.now += 2.0
        step(4)
    assert capsys.readouterr().err == "reading: 4 files, 2 files/s\n"


@pytest.mark.parametrize("how", ["variable", "context"])
def test_quiet(how, loud, clock, capsys, monkeypatch):
    if how == "variable":
        monkeypatch.setenv("LAYERSCOPE_QUIET", "1")
        with progress.bar("training", total=10) as step:
            clock.now += 60
            step(10)
    else:
        with progress.quiet(), progress.bar("training", total=10) as step:
            clock.now += 60
            step(10)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_a_bar_and_nested_bars_share_the_screen(loud, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(progress, "SHOWN_AFTER", 0.0)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    with progress.bar("outer", total=2, unit="epochs") as outer:
        outer(1, "loss 0.41")
        with progress.bar("inner", total=50, unit="images") as inner:
            inner(50)
            time.sleep(0.3)
    shown = sys.stderr.getvalue()
    assert "1 of 2 epochs" in shown
    assert "50 of 50 images" in shown
    assert "loss 0.41" in shown
    assert "50%" in shown


def test_a_terminal_shows_nothing_for_short_work(loud, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress.bar("outer", total=2) as step:
        step(2)
    assert sys.stderr.getvalue() == ""


def test_the_bar_ends_with_an_exception(loud, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(progress, "SHOWN_AFTER", 0.0)
    with pytest.raises(KeyboardInterrupt), progress.bar("outer", total=2) as step:
        raise KeyboardInterrupt(step)
    assert progress._display.get() is None
