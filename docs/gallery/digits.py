"""Train on digits from Python, and look at where each layer holds evidence for a class."""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

import layerscope as ls
from layerscope.data import DataSettings, prepare
from layerscope.nets import ModelSettings
from layerscope.report import figures
from layerscope.training import TrainingSettings

OUT = Path(__file__).with_name("out")


def main(quick: bool) -> None:
    """Train `study-mnist` on scikit-learn's digits; draw Grad-CAM of each layer for ten digits."""
    study = ls.Study(
        name="digits",
        data=DataSettings(kind="digits"),
        model=ModelSettings(preset="study-mnist", channels=8 if quick else 32),
        training=TrainingSettings(epochs=2 if quick else 20),
    )
    with tempfile.TemporaryDirectory() as folder:
        run = ls.train(study, Path(folder) / "run")
        accuracy = run.evaluation("test").accuracy.value
        test = prepare(study.data)["test"]
        places = [int(np.flatnonzero(test.labels == label)[0]) for label in range(10)]
        pixels = test.batch(places)
        trace = run.scope().trace(run.spec.to_model(pixels), true=test.labels[places])
        cams = trace.view("grad_cam", layers="conv", target="true")
    rows = []
    for place, digit in enumerate(pixels.numpy()):
        rows.append(figures.rgb(digit[0]))
        for view in cams.values():
            rows.append(figures.overlay(digit[0], view.over_input().values[place]))
    OUT.mkdir(exist_ok=True)
    sheet = figures.tiles([figures.fit(picture, 112) for picture in rows], columns=1 + len(cams))
    Image.fromarray(sheet).save(OUT / "digits.png")
    print(f"test accuracy {accuracy:.3f}\n{OUT / 'digits.png'}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small network, two epochs")
    main(parser.parse_args().quick)
