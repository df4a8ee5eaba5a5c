"""An atlas of `study-2d` on photographs: what every layer sees of six classes, method by method.

`python docs/gallery/photographs.py [RUN]` takes a run, `runs/photos6` where none is named, and
trains `examples/photos6.toml` where there is none ($LAYERSCOPE_DATA holds the photographs).
`--quick` lays random weights and scikit-learn's two photographs out, to check that it runs.
"""

import argparse
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_sample_images

import layerscope as ls
from layerscope.data import prepare
from layerscope.data.inputs import InputSpec
from layerscope.report import draw, figures, sheets
from layerscope.seeing.data import batches
from layerscope.seeing.kept import with_pixels

ROOT, OUT = Path(__file__).parents[2], Path(__file__).with_name("out")
CAMS = ("grad_cam", "layer_cam")
AT_INPUT = (
    *("saliency", "guided_backprop", "input_x_gradient", "integrated_gradients", "smooth_grad"),
    *("lrp", "deep_lift", "occlusion", "rise"),
)


@dataclass(frozen=True)
class Subject:
    """A network, one photograph of each class, and the data set beside it; `most` units a sheet."""

    net: str
    scope: ls.Scope
    trace: ls.Trace
    photos: list[np.ndarray]
    rows: list[str]
    data: Iterable[Any]
    most: int
    folder: Path

    def save(self, name: str, figure: Any) -> None:
        """Write one sheet and say where."""
        print(figures.save_png(figure, self.folder / f"{name}.png"))


def main(run: str | None, quick: bool) -> None:
    """Draw every sheet."""
    subject = of_two_photographs() if quick else of_a_run(run)
    evidence(subject)
    at_the_input(subject)
    one_class_and_not_another(subject)
    projections(subject)
    units(subject)
    made(subject)
    whole_data(subject)


def of_a_run(path: str | None) -> Subject:
    """Take the photograph of each class that the run's network is surest of, and is right about."""
    run = (
        ls.load(path or ROOT / "runs/photos6")
        if path or (ROOT / "runs/photos6").is_dir()
        else (ls.train(ROOT / "examples/photos6.toml"))
    )
    said, split = run.predictions(), prepare(run.study.data)[run.evaluated_split()]
    right = np.where(said.predicted == said.true, said.confidence, 0)
    best = [said.ids[np.argmax(right * (said.true == k))] for k in range(len(run.classes))]
    places = [split.ids.index(name) for name in best]
    pixels = split.batch(places)
    scope = run.scope()
    trace = scope.trace(run.spec.to_model(pixels), examples=best, true=split.labels[places])
    return Subject(
        net=f"{run.study.model.preset}, balanced accuracy "
        f"{run.evaluation().balanced_accuracy.value:.2f}",
        scope=scope,
        trace=trace,
        photos=list(pixels.permute(0, 2, 3, 1).numpy()),
        rows=list(run.classes),
        data=batches(run),
        most=48,
        folder=OUT / "photographs",
    )


def of_two_photographs() -> Subject:
    """Take random weights and two photographs, to check that everything runs."""
    torch.manual_seed(0)
    size, classes = 64, ["temple", "flower"]
    spec = InputSpec("photo", (3, size, size), (0.5,) * 3, (0.25,) * 3)
    whole = torch.from_numpy(np.stack([p[:, 106:533] for p in load_sample_images().images]))
    pixels = torch.nn.functional.interpolate(whole.permute(0, 3, 1, 2), size=(size, size))
    net = ls.nets.study_2d(blocks=2, channels=4, classes=2, input_shape=spec.shape)
    scope = ls.Scope(net, classes=classes, mean=spec.mean, std=spec.std, bounds=spec.bounds)
    several = torch.cat([pixels.roll(7 * k, 3) for k in range(6)])
    labels = torch.arange(2).repeat(6)
    return Subject(
        net="random weights: only the layout is to be judged",
        scope=scope,
        trace=scope.trace(spec.to_model(pixels), true=[0, 1]),
        photos=list(pixels.permute(0, 2, 3, 1).numpy()),
        rows=classes,
        data=[(spec.to_model(several), labels, None)],
        most=4,
        folder=OUT / "quick" / "photographs",
    )


def evidence(subject: Subject) -> None:
    """Draw where each layer holds evidence for the class of the photograph."""
    views = [subject.trace.view(name, target="true") for name in CAMS]
    figure = sheets.by_layer(
        views,
        subject.photos,
        subject.rows,
        title="Where each layer holds evidence for the class named at the left",
        caption=f"{subject.net}. Brighter is more; each map is scaled by its own largest value, so "
        "brightness is not compared between pictures; plain grey is no evidence.",
    )
    subject.save("evidence", figure)


def at_the_input(subject: Subject) -> None:
    """Draw what each method says of the pixels."""
    views = [subject.trace.view(name, target="true")["input"] for name in AT_INPUT]
    figure = sheets.at_input(
        views,
        subject.photos,
        subject.rows,
        title="Which pixels speak for the class named at the left",
        caption=f"{subject.net}. Each picture is scaled by itself; where colour channels have "
        "values of their own, their sum is drawn (of saliency, the largest).",
        side=115,
    )
    subject.save("at_the_input", figure)


def one_class_and_not_another(subject: Subject) -> None:
    """Draw why one class and not another: the difference of their logits, explained."""
    one, other = subject.rows[-2:] if "cat" not in subject.rows else ("cat", "dog")
    targets = {one: one, other: other, f"{one} − {other}": ls.views.Difference(one, other)}
    cells = []
    for row, photo in enumerate(subject.photos):
        seen = [subject.trace.view("lrp", target=target)["input"] for target in targets.values()]
        top = max(figures.strong(view.values[row].sum(0)) for view in seen)
        cells.append(
            [figures.rgb(photo), *(figures.signed(v.values[row].sum(0), top) for v in seen)]
        )
    figure = figures.grid(
        cells,
        subject.rows,
        ["picture", *targets],
        legends=[figures.Legend("signed", "for, the row’s strongest half percent", "against")],
        title=f"Why {one} and not {other}: relevance for either, and for their difference",
        caption=f"{subject.net}. LRP, composite EpsilonPlusFlat; a row has one scale; white is 0.",
        side=172,
    )
    subject.save("one_class_and_not_another", figure)


def projections(subject: Subject) -> None:
    """Draw each layer's strongest unit, down to the pixels, beside the piece it answers."""
    views = subject.trace.view("deconvnet")
    cells = [
        [draw.example(view, r, photo, draw.told(view)).pixels for view in views.values()]
        for r, photo in enumerate(subject.photos)
    ]
    notes = [
        [f"unit {v.unit[r]} · {v.quality['activation'][r]:.3g}" for v in views.values()]
        for r in range(len(subject.photos))
    ]
    figure = figures.grid(
        cells,
        subject.rows,
        list(views),
        notes=notes,
        title="What made each layer’s strongest unit answer",
        caption=f"{subject.net}. Deconvolution network: the unit at its strongest place, carried "
        "back to pixels (left; grey is zero, the strongest half percent has full colour), beside "
        "that piece of the photograph (right). Below: the unit and its activation.",
        side=240,
    )
    subject.save("projections", figure)


def units(subject: Subject) -> None:
    """Draw the filters, and of every layer its units' nine strongest patches of the whole data."""
    filters = subject.trace.view("filters")
    for layer, view in filters.items():
        title = f"The {len(view.values)} filters of {layer}"
        caption = f"{subject.net}. One scale for all; grey is zero."
        subject.save("filters", sheets.of_units(view, title=title, caption=caption))
    for layer, view in subject.trace.view("zeiler_fergus", data=subject.data).items():
        number = min(subject.most, len(view.values))
        figure = sheets.of_units(
            with_pixels(view, subject.scope),
            title=f"{layer}: the nine strongest patches of {number} units of {len(view.values)}",
            caption=f"{subject.net}. Of each unit, right: patches of nine different photographs, "
            "the strongest first; left: their projections (deconvolution network; grey is zero, "
            "one scale a unit; plain margins lie outside the photograph). Above: the unit and its "
            "strongest activation.",
            most=subject.most,
        )
        subject.save(f"zeiler_fergus_{layer}", figure)


def made(subject: Subject) -> None:
    """Draw pictures made from noise: for units, for classes, and from what a layer knows."""
    for layer in subject.trace.layer_names("conv"):
        top = min(subject.most // 2, subject.trace.value(layer).tensor.shape[1])
        view = subject.trace.view("activation_maximization", layers=layer, top=top)[layer]
        figure = sheets.of_units(
            with_pixels(view, subject.scope),
            title=f"{layer}: what {top} units answer most",
            caption=f"{subject.net}. Activation maximisation: pictures climbed to from noise, of "
            "the size that one position sees. Above: the unit and the answer reached.",
        )
        subject.save(f"made_for_{layer}", figure)
    model = with_pixels(subject.trace.view("class_model")["input"], subject.scope)
    title, caption = "What each class answers most", f"{subject.net}. Class model; with its logit."
    subject.save("made_for_classes", sheets.of_units(model, title=title, caption=caption))
    known = subject.trace.view("feature_inversion")
    figure = sheets.by_layer(
        [{layer: with_pixels(view, subject.scope) for layer, view in known.items()}],
        subject.photos,
        subject.rows,
        title="What each layer still knows of the photograph",
        caption=f"{subject.net}. Feature inversion: a picture found from a layer’s answers alone.",
        side=172,
    )
    subject.save("what_a_layer_knows", figure)


def whole_data(subject: Subject) -> None:
    """Plot what layers do with a whole data set."""
    told = {
        "linear_probe": (
            "How well each layer alone tells the classes apart",
            "Logistic regression on the means of the layer's maps, on photographs held out; band: "
            "95 % interval.",
            {"folds": 3},
        ),
        "selectivity": (
            "How much a unit prefers one class",
            "Each dot is a unit: 0 answers all classes alike, 1 only one; bar: middle half, ring: "
            "median.",
            {},
        ),
        "embedding": (
            "Photographs near one another are held alike by the layer",
            "t-SNE of the means of the layer's maps; axes have no unit, far distances no meaning.",
            {"by": "tsne"},
        ),
        "strongest_units": (
            "Units that answer a class more than the others",
            "The strongest first; faint: units that stand in several rows.",
            {},
        ),
    }
    for method, (title, caption, options) in told.items():
        views = subject.trace.view(method, data=subject.data, **options)
        about = f"{subject.net}. {caption}"
        subject.save(method, draw.plot(list(views.values()), title=title, caption=about))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "run", nargs="?", help="a run of photographs; runs/photos6 if there is none"
    )
    parser.add_argument("--quick", action="store_true", help="random weights, two photographs")
    given = parser.parse_args()
    main(given.run, given.quick)
