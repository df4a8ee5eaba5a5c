"""What the tests of sounds share: a small set of words, a pack cache of their own."""

from pathlib import Path

import pytest

from data.waveforms.tones import words


@pytest.fixture
def yes_no(tmp_path: Path) -> Path:
    """Two words, six speakers who say each twice."""
    return words(tmp_path / "words", "yes", "no")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pack cache of the test's own; gives the folder of its packs."""
    monkeypatch.setenv("LAYERSCOPE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "packs"
