"""Make docs/picture.png: digits, what the strongest units see of them, where the evidence lies.

`python docs/make_picture.py RUN` takes a run of digits, such as `layerscope demo` leaves.
"""

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import layerscope as ls
from layerscope.data import prepare
from layerscope.report import figures

DIGITS = (2, 4, 8)
TITLES = ("digit", "conv1 sees 3 × 3", "conv2 sees 8 × 8", "conv3 sees 18 × 18", "evidence for it")


def main(run: ls.Run) -> None:
    """Draw one row for each of some digits that the network gets right."""
    said = run.predictions("test")
    test = prepare(run.study.data)["test"]
    right = said.predicted == said.true
    places = [int(np.flatnonzero(right & (said.true == digit))[0]) for digit in DIGITS]
    pixels = test.batch([test.ids.index(said.ids[place]) for place in places])
    trace = run.scope().trace(run.spec.to_model(pixels), true=said.true[places])
    seen = trace.view("deconvnet", layers=["conv1", "conv2", "conv3"])
    evidence = trace.view("grad_cam", layers="conv3", target="true")["conv3"].over_input()
    figure, axes = plt.subplots(len(DIGITS), len(TITLES), figsize=(8.5, 5.4))
    for row, digit in enumerate(pixels.numpy()):
        pictures = [figures.rgb(digit[0])]
        pictures += [_within(view.values[row], digit[0]) for view in seen.values()]
        pictures += [figures.overlay(digit[0], evidence.values[row])]
        for column, picture in enumerate(pictures):
            panel = axes[row, column]
            panel.imshow(picture, interpolation="nearest")
            panel.set_axis_off()
            if row == 0:
                panel.set_title(TITLES[column], fontsize=11)
    figure.tight_layout(pad=0.6)
    figure.savefig(Path(__file__).with_name("picture.png"), dpi=110, metadata={"Software": None})


def _within(values: np.ndarray, digit: np.ndarray) -> np.ndarray:
    """Colour a projection `(1, y, x)` over its digit, which shows faintly where nothing is seen."""
    share = np.sqrt(np.abs(values[0]) / np.abs(values).max())
    faint = 247 - 0.2 * digit
    return (
        share[..., None] * figures.signed(values) + (1 - share)[..., None] * faint[..., None]
    ).astype(np.uint8)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", help="the folder of a run of digits")
    main(ls.load(parser.parse_args().run))
