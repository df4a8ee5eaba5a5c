"""A sweep of seconds on scikit-learn's digits, as a study file."""

import pytest

from layerscope import Study

BASE = """\
name = "tiny"
[data]
kind = "digits"
[model]
preset = "study-mnist"
channels = 4
[training]
epochs = {epochs}
threads = 1
checkpoint_seconds = 0.1
[sweep]
{sweep}
"""


@pytest.fixture
def study_of(tmp_path):
    """Write a study with the `[sweep]` that is given, and load it."""

    def load(sweep, epochs=2):
        path = tmp_path / "tiny.toml"
        path.write_text(BASE.format(sweep=sweep, epochs=epochs), encoding="utf-8")
        return Study.load(path)

    return load
