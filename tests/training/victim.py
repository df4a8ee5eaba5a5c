"""Train in a child process that is killed again and again, resuming each time; run as a script.

Arguments: folder, kills. Writes FOLDER/PRECISION/whole, never killed, and FOLDER/PRECISION/broken.
The children are forked, so that a kill costs no new start of Python; each is a real process.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

import torch
import torch._dynamo  # torch.optim imports it on first use: here once, before forking

from layerscope.training import AugmentSettings, TrainingSettings, checkpoint, fit
from training.tiny import tiny_data, tiny_net

SETTINGS = {
    "float32": {"optimizer": "adamw", "learning_rate": 0.003, "ema": 0},
    "bfloat16": {"optimizer": "muon", "learning_rate": 0.01, "ema": 0.9, "patience": 50},
}


def train(folder, precision, *, fatal_replace=None):
    """Train, resuming where there is a checkpoint; die just before the n-th rename of a file."""
    if fatal_replace is not None:
        replace, count = os.replace, 0

        def deadly(*paths):
            nonlocal count
            count += 1
            if count == fatal_replace:
                os.kill(os.getpid(), signal.SIGKILL)
            replace(*paths)

        os.replace = deadly
    torch.manual_seed(0)
    settings = TrainingSettings(
        epochs=4,
        batch_size=16,
        threads=1,
        precision=precision,
        checkpoint_seconds=0,
        augment=AugmentSettings(crop=(0.5, 1.0), rotation=10, mixup=0.5, cutout=0.3),
        **SETTINGS[precision],
    )
    resume = checkpoint.path_in(folder).exists()
    fit(tiny_net(), tiny_data(), settings, folder, resume=resume)


def child(work):
    """Run `work` in a forked process; give its id."""
    process = os.fork()
    if process == 0:
        work()
        os._exit(0)
    return process


def torment(folder, precision, kills, whole=0.0):
    """Train to the end, killed `kills` times on the way at most; give how often it was.

    `whole`: the seconds that a training takes which is left alone.
    """
    killed = 0
    for attempt in range(500):
        if killed == kills:
            break
        if attempt % 2:
            process = child(lambda: train(folder, precision, fatal_replace=random.randint(1, 5)))
        else:
            process = child(lambda: train(folder, precision))
            time.sleep(random.uniform(0, whole / 8))
            os.kill(process, signal.SIGKILL)
        status = os.waitpid(process, 0)[1]
        if not os.WIFSIGNALED(status):
            break
        killed += 1
    status = os.waitpid(child(lambda: train(folder, precision)), 0)[1]
    if status:
        sys.exit(f"{precision}: the last child ended with {os.waitstatus_to_exitcode(status)}")
    return killed


if __name__ == "__main__":
    root, kills = Path(sys.argv[1]), int(sys.argv[2])
    random.seed(5)
    for precision in SETTINGS:
        start = time.monotonic()
        torment(root / precision / "whole", precision, 0)
        whole = time.monotonic() - start
        count = torment(root / precision / "broken", precision, kills, whole)
        sys.stdout.write(f"{precision} {count}\n")
