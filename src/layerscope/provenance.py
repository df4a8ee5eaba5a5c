"""Where a run comes from: versions, seeds, data's fingerprint, hardware, the user's revision."""

import datetime
import hashlib
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

_PACKAGES = ("torch", "numpy", "pillow", "scikit-learn", "safetensors", "pydantic")


def describe(fingerprint: str, seeds: dict[str, int], folder: Path) -> dict[str, Any]:
    """Describe what a result depends on, as a JSON document.

    `fingerprint` is the data set's; `folder` is the user's, whose git revision is noted.

    >>> describe("d1ce", {"training": 0}, Path("."))["seeds"]
    {'training': 0}
    """
    import torch

    return {
        "started": now(),
        "versions": {
            "layerscope": _version("layerscope"),
            "python": platform.python_version(),
            **{name: _version(name) for name in _PACKAGES},
        },
        "seeds": seeds,
        "data_fingerprint": fingerprint,
        "hardware": {
            "system": f"{platform.system()} {platform.machine()}",
            "processor": _processor(),
            "cores": os.cpu_count(),
            "torch_threads": torch.get_num_threads(),
            "memory_gb": _memory_gb(),
            "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        },
        "git": git_revision(folder),
    }


def now() -> str:
    """Give the time in UTC, to the second, as ISO 8601.

    >>> now().endswith("+00:00")
    True
    """
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def digest(path: Path) -> str:
    """Give a file's SHA-256, in hexadecimal.

    >>> import os
    >>> digest(Path(os.devnull))[:8]
    'e3b0c442'
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def git_revision(folder: Path) -> dict[str, Any] | None:
    """Give the revision of the git work tree around a folder and whether it has changes.

    None where there is no work tree, or no git.

    >>> git_revision(Path("/"))
    """
    revision = _git(folder, "rev-parse", "HEAD")
    if revision is None:
        return None
    return {"revision": revision, "changed": bool(_git(folder, "status", "--porcelain", "-uno"))}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor()


def _memory_gb() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)
    except (ValueError, OSError):
        return None
