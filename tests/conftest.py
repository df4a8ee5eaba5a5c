"""What every test shares: the real data, a pack cache of the test run's own, quiet progress."""

import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

install_import_hook("layerscope.nets", "beartype.beartype")  # types are checked in tests only
_CACHE = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """Draw figures without a screen and leave the user's cache folder alone."""
    os.environ.setdefault("MPLBACKEND", "Agg")
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # started in the background by a shell:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # programs under test inherit it
    os.environ["LAYERSCOPE_QUIET"] = "1"
    config.stash[_CACHE] = tempfile.mkdtemp(prefix="layerscope-test-cache-")
    os.environ["LAYERSCOPE_CACHE"] = config.stash[_CACHE]


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash[_CACHE], ignore_errors=True)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data that LAYERSCOPE_DATA names; the test is skipped without it."""
    folder = os.environ.get("LAYERSCOPE_DATA", "")
    if not folder:
        pytest.skip("LAYERSCOPE_DATA is not set: it names the folder that holds photos6/, mnist/")
    path = Path(folder).expanduser().resolve()
    if not path.is_dir():
        pytest.skip(f"LAYERSCOPE_DATA names {folder}, which is not a folder")
    return path


DIGITS = """\
name = "digits"
[data]
kind = "digits"
[model]
preset = "study-mnist"
channels = 8
[training]
epochs = 2
[views]
correct = 1
wrong = 1
units = 2
"""


@pytest.fixture
def digits_study(tmp_path: Path) -> Path:
    """A small study on scikit-learn's digits that trains in seconds."""
    path = tmp_path / "digits.toml"
    path.write_text(DIGITS, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def _trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from layerscope import Study, train

    folder = tmp_path_factory.mktemp("trained")
    (folder / "digits.toml").write_text(DIGITS, encoding="utf-8")
    return train(Study.load(folder / "digits.toml"), folder / "run").path


@pytest.fixture
def digits_run(_trained: Path, tmp_path: Path) -> Path:
    """A finished run of the small study, the test's own copy."""
    return Path(shutil.copytree(_trained, tmp_path / "run"))
