"""Runs of recordings with a known answer, trained in seconds."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.brain.planted import CHANNELS, SFREQ, noise, tone

STUDY = """\
name = "{name}"
[data]
kind = "recordings"
root = "."
[data.recordings]
files = ["{name}.npz"]
val_groups = ["r2"]
test_groups = ["r3"]
[model]
preset = "study-1d"
blocks = 2
channels = 8
[training]
epochs = 14
optimizer = "adamw"
learning_rate = 0.01
ema = 0.0
keep = "last"
[brain]
twins = 2
draws = 20
permutations = 99
units = 4
[brain.bands]
theta = [4, 8]
alpha = [8, 13]
beta = [13, 30]
"""


def write_recordings(folder: Path, name: str, size: float) -> Path:
    """Write four recordings of 48 epochs, a tone of 10 Hz in the second class, and their study."""
    count, labels = 192, np.tile([0, 1], 96)
    signals = noise(count, seed=7) + labels[:, None, None] * tone(count, 10, size, 128, seed=7)
    np.savez(
        folder / f"{name}.npz",
        X=(10 * signals).astype(np.float32),
        y=labels,
        classes=np.array(["rest", "tone"]),
        recording=np.repeat(np.arange(4), 48),
        recording_names=np.array(["r0", "r1", "r2", "r3"]),
        channels=np.array(CHANNELS),
        sfreq=SFREQ,
        tmin=-0.25,
    )
    study = folder / f"{name}.toml"
    study.write_text(STUDY.format(name=name), encoding="utf-8")
    return study


@pytest.fixture(scope="session")
def _asked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    from layerscope import Study, train
    from layerscope.brain.of_run import use_of_run

    folder = tmp_path_factory.mktemp("recordings")
    runs = {}
    for name, size in (("planted", 1.0), ("nothing", 0.0)):
        study = write_recordings(folder, name, size)
        run = train(Study.load(study), folder / f"run-{name}")
        use_of_run(run)
        runs[name] = run.path
    return runs


@pytest.fixture
def planted_run(_asked: dict[str, Path], tmp_path: Path) -> Path:
    """A run whose second class has 10 Hz, asked what it uses; the test's own copy."""
    return Path(shutil.copytree(_asked["planted"], tmp_path / "planted"))


@pytest.fixture
def empty_run(_asked: dict[str, Path], tmp_path: Path) -> Path:
    """The same with nothing to be learned."""
    return Path(shutil.copytree(_asked["nothing"], tmp_path / "nothing"))
