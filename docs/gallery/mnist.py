"""An atlas of `study-mnist`: what its three convolutions see of handwritten digits.

`python docs/gallery/mnist.py [RUN]` takes a run, `runs/mnist` where none is named, and trains
`examples/mnist.toml` where there is none. `--quick` trains for seconds on scikit-learn's digits.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

import layerscope as ls
from layerscope.data import DataSettings, prepare
from layerscope.nets import ModelSettings
from layerscope.report import draw, figures, sheets
from layerscope.seeing.data import batches
from layerscope.seeing.kept import with_pixels
from layerscope.training import TrainingSettings

ROOT, OUT = Path(__file__).parents[2], Path(__file__).with_name("out")
AT_INPUT = ("saliency", "guided_backprop", "integrated_gradients", "lrp", "occlusion")


def main(path: str | None, quick: bool) -> None:
    """Draw every sheet of a run."""
    with tempfile.TemporaryDirectory() as folder:
        run = small(Path(folder)) if quick else found(path)
        out = OUT / "quick" / "mnist" if quick else OUT / "mnist"
        atlas(run, out, per_class=20 if quick else 100)


def found(path: str | None) -> ls.Run:
    """Open the run, or train it."""
    place = Path(path or ROOT / "runs/mnist")
    return ls.load(place) if path or place.is_dir() else ls.train(ROOT / "examples/mnist.toml")


def small(folder: Path) -> ls.Run:
    """Train on scikit-learn's digits, two epochs."""
    study = ls.Study(
        name="digits",
        data=DataSettings(kind="digits"),
        model=ModelSettings(preset="study-mnist", channels=4),
        training=TrainingSettings(epochs=2),
    )
    return ls.train(study, folder / "run")


def atlas(run: ls.Run, out: Path, per_class: int) -> None:
    """Draw one digit of each kind through every method, and the whole split by its layers."""
    said, split = run.predictions(), prepare(run.study.data)[run.evaluated_split()]
    right = np.where(said.predicted == said.true, said.confidence, 0)
    ids = [said.ids[np.argmax(right * (said.true == k))] for k in range(len(run.classes))]
    places = [split.ids.index(name) for name in ids]
    pixels = split.batch(places)
    trace = run.scope().trace(run.spec.to_model(pixels), examples=ids, true=split.labels[places])
    digits = list(pixels[:, 0].numpy())
    net = f"{run.study.model.preset}, accuracy {run.evaluation().accuracy.value:.3f}"

    def save(name: str, figure: object) -> None:
        print(figures.save_png(figure, out / f"{name}.png"))

    save("evidence", evidence(trace, digits, run.classes, net))
    save("at_the_input", at_the_input(trace, digits, run.classes, net))
    for name, figure in units(run, trace, net).items():
        save(name, figure)
    few = batches(run, per_class=per_class)
    probe = trace.view("linear_probe", data=few)
    title = "How well each layer alone tells the digits apart"
    caption = f"{net}. Logistic regression on the means of the layer's maps; band: 95 % interval."
    save("linear_probe", draw.plot(list(probe.values()), title=title, caption=caption))
    near = trace.view("embedding", data=few, by="tsne")
    title = "Digits near one another are held alike by the layer"
    caption = f"{net}. t-SNE; axes have no unit, far distances no meaning."
    save("embedding", draw.plot(list(near.values()), title=title, caption=caption))


def evidence(trace: ls.Trace, digits: list, rows: list, net: str) -> object:
    """Draw where each layer holds evidence for the digit."""
    views = [trace.view(name, target="true") for name in ("grad_cam", "layer_cam")]
    return sheets.by_layer(
        views,
        digits,
        rows,
        title="Where each layer holds evidence for the digit",
        caption=f"{net}. Each map is scaled by its own largest value; where the digit is left as "
        "it is, there is none.",
        side=84,
    )


def at_the_input(trace: ls.Trace, digits: list, rows: list, net: str) -> object:
    """Draw what methods say of the pixels, and each layer's strongest unit carried down."""
    views = [trace.view(name, target="true")["input"] for name in AT_INPUT]
    return sheets.at_input(
        views,
        digits,
        rows,
        title="Which pixels speak for the digit",
        caption=f"{net}. Each picture is scaled by itself.",
        side=84,
    )


def units(run: ls.Run, trace: ls.Trace, net: str) -> dict[str, object]:
    """Draw filters, every unit's strongest patches of the whole split, and pictures made."""
    scope, made = trace.scope, {}
    one = f"{net}. One scale for all filters; white is zero, red above it, blue below."
    for layer, view in trace.view("filters").items():
        title = f"The {len(view.values)} filters of {layer}"
        made["filters"] = sheets.of_units(view, title=title, caption=one)
    for layer, view in trace.view("zeiler_fergus", data=batches(run)).items():
        made[f"zeiler_fergus_{layer}"] = sheets.of_units(
            with_pixels(view, scope),
            title=f"{layer}: the nine strongest patches of {len(view.values)} units",
            caption=f"{net}. Of each unit, right: patches of nine different digits, the strongest "
            "first; left: their projections (deconvolution network; white is zero, red above, "
            "blue below, one scale a unit). Above: the unit and its strongest activation.",
        )
    for layer in trace.layer_names("conv"):
        channels = trace.value(layer).tensor.shape[1]
        view = trace.view("activation_maximization", layers=layer, top=channels)[layer]
        made[f"made_for_{layer}"] = sheets.of_units(
            with_pixels(view, scope),
            title=f"{layer}: what each unit answers most",
            caption=f"{net}. Activation maximisation, from noise, of the size that one position "
            "sees. Above: the unit and the answer reached.",
        )
    model = with_pixels(trace.view("class_model")["input"], scope)
    title, caption = "What each class answers most", f"{net}. Class model, with its logit."
    made["made_for_classes"] = sheets.of_units(model, title=title, caption=caption)
    return made


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", nargs="?", help="a run of digits; runs/mnist if none")
    parser.add_argument("--quick", action="store_true", help="scikit-learn's digits, two epochs")
    given = parser.parse_args()
    main(given.run, given.quick)
