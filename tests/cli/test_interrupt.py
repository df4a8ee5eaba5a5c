"""Ctrl-C in a true process: one message, a resumable run, and in the end the same weights."""

import os
import signal
import subprocess
import sys
import time

import pytest

from layerscope import Run
from layerscope.cli import main


@pytest.mark.slow
def test_ctrl_c_then_resume_ends_in_the_same_weights(digits_study, digits_run, tmp_path, capsys):
    text = digits_study.read_text().replace("epochs = 2", "epochs = 2\ncheckpoint_seconds = 0")
    digits_study.write_text(text)
    run = Run(tmp_path / "stopped")
    command = [sys.executable, "-m", "layerscope", "train", str(digits_study)]
    process = subprocess.Popen(
        [*command, "--out", str(run.path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "LAYERSCOPE_QUIET": "1"},
    )
    deadline = time.monotonic() + 120
    while not list(run.checkpoint_folder.glob("*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert out == ""
    assert err.startswith("layerscope: stopped; ")
    assert f"--out {run.path} --resume" in err
    assert "Traceback" not in err
    assert not run.finished()
    assert main(["train", str(digits_study), "--out", str(run.path), "--resume"]) == 0
    assert "balanced accuracy" in capsys.readouterr().out
    assert run.weights_digest() == Run(digits_run).weights_digest()
