"""Band swapping of one band, 100 repeats over 1,000 epochs, in forward passes over these epochs.

The network is EEGNet on epochs of 4 channels and 231 samples; a forward pass is the plain module
over all epochs, in the same batches, without gradients.
"""

from typing import Any

import torch

from benchmarks.pairs import seconds
from benchmarks.rows import row
from layerscope.brain.bands import Band
from layerscope.brain.epochs import Epochs
from layerscope.brain.swapping import TOGETHER, swap_band
from layerscope.nets.eeg import eegnet
from layerscope.progress import quiet
from layerscope.views import Scope

EPOCHS, REPEATS, SHAPE = 1000, 100, (4, 231)


def rows(epochs: int = EPOCHS, repeats: int = REPEATS) -> list[dict[str, Any]]:
    """Measure the whole of `swap_band`: transform, passes, permutations."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = eegnet(classes=2, input_shape=SHAPE).eval()
        signals = torch.randn(epochs, *SHAPE)
    labels = [0, 1] * (epochs // 2)
    scope = Scope(net, kind="recording", sfreq=256.0)
    shown, alpha = Epochs.of(signals, labels), Band("alpha", 8, 13)

    def forward() -> None:
        with torch.no_grad():
            for part in signals.split(TOGETHER):
                net(part)

    with quiet():
        forward()
        before = min(seconds(forward) for _ in range(5))
        taken = seconds(lambda: swap_band(scope, shown, alpha, draws=repeats))
        unit = (before + min(seconds(forward) for _ in range(5))) / 2
    told = f"swapping one band, {repeats} repeats over {epochs:,} epochs"
    return [row(told, taken / unit, "forward passes", 1.2 * repeats)]


def main() -> None:
    """Print the rows."""
    for found in rows():
        print(found)


if __name__ == "__main__":
    main()
