"""A sound atlas of `study-1d` on spoken words: what every layer hears, drawn, played and measured.

`python docs/gallery/words.py [RUN]` takes a run, `runs/words16` where none is named, and trains
`examples/words16.toml` where there is none ($LAYERSCOPE_DATA holds the words). `--quick` takes
random weights and two tones, to check that it runs. Pictures and WAV files go to docs/gallery/out;
every sound is measured (sounds.csv), and one that clips or clicks is an error.
"""

import argparse
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

import layerscope as ls
from layerscope.data import prepare
from layerscope.data.inputs import InputSpec
from layerscope.evaluation.robustness import Condition
from layerscope.report import figures, heard
from layerscope.seeing.data import batches
from layerscope.seeing.measured import Measures, faults, measured, table
from layerscope.seeing.sounds import in_turn, parts_of_clips
from layerscope.seeing.wav import write_wav
from layerscope.views.sound import Sound, sonify

ROOT, OUT = Path(__file__).parents[2], Path(__file__).with_name("out")
EXPLAIN = ("lrp", "input_x_gradient", "integrated_gradients", "saliency", "guided_backprop")
ABOUT = "Spectrograms: Hann windows of 32 ms, dB re each sound's own maximum."


@dataclass(frozen=True)
class Subject:
    """A network, one clip of each word, and the data set beside it; `most` units a sheet."""

    net: str
    scope: ls.Scope
    trace: ls.Trace
    clips: np.ndarray
    words: list[str]
    data: Iterable[Any]
    most: int
    steps: int
    folder: Path
    robustness: tuple[Condition, ...] = ()
    measures: list[Measures] = field(default_factory=list)

    @property
    def sfreq(self) -> float:
        """Samples per second, in Hz."""
        return float(self.scope.sfreq or 0)

    def save(self, name: str, figure: Any) -> None:
        """Write one picture and say where."""
        print(figures.save_png(figure, self.folder / f"{name}.png"))

    def play(self, name: str, sound: Sound) -> np.ndarray:
        """Write one sound, measure what was written, and give its samples."""
        path = self.folder / "sounds" / f"{name}.wav"
        write_wav(path, sound.samples, sound.sfreq)
        self.measures.append(measured(path, name))
        return sound.samples.astype(float)

    def heard(self, sound: np.ndarray, relevance: np.ndarray | None = None) -> figures.Heard:
        """Give a sound as it is drawn."""
        return heard.heard(sound, self.sfreq, relevance)


def main(run: str | None, quick: bool) -> None:
    """Draw every picture, play every sound, measure them all."""
    subject = of_two_tones() if quick else of_a_run(run)
    clips(subject)
    what_was_used(subject)
    layer_by_layer(subject)
    tuned_to(subject)
    snippets(subject)
    made(subject)
    if subject.robustness:
        title = "Accuracy in noise, and early or late"
        chance = 1 / len(subject.scope.classes or (1,))
        about = f"{subject.net}. Bands: 95 % intervals (Wilson). White noise; shifts bring silence."
        told = {"chance": chance, "title": title, "caption": about}
        subject.save("robustness", figures.robustness(subject.robustness, **told))
    print(table(subject.measures, subject.folder / "sounds.csv"))
    if wrong := faults(subject.measures):
        raise SystemExit("\n".join(wrong))
    print(f"{len(subject.measures)} sounds: none clips, none clicks at its ends")


def of_a_run(path: str | None) -> Subject:
    """Take the clip of each word that the run's network is surest of, and is right about."""
    known = path or (ROOT / "runs/words16" if (ROOT / "runs/words16").is_dir() else None)
    run = ls.load(known) if known else ls.train(ROOT / "examples/words16.toml")
    said, split = run.predictions(), prepare(run.study.data)[run.evaluated_split()]
    right = np.where(said.predicted == said.true, said.confidence, 0)
    best = [said.ids[np.argmax(right * (said.true == k))] for k in range(len(run.classes))]
    places = [split.ids.index(name) for name in best]
    stored = split.batch(places)
    scope = run.scope()
    result = run.evaluation()
    return Subject(
        net=f"{run.study.model.preset}, accuracy {result.accuracy.value:.2f}",
        scope=scope,
        trace=scope.trace(run.spec.to_model(stored), examples=best, true=split.labels[places]),
        clips=stored[:, 0].numpy() / 32768,
        words=list(run.classes),
        data=batches(run),
        most=16,
        steps=128,
        folder=OUT / "words",
        robustness=result.robustness,
    )


def of_two_tones() -> Subject:
    """Take random weights and two tones in noise, to check that everything runs."""
    torch.manual_seed(0)
    spec = InputSpec("waveform", (1, 4000), (0.0,), (1.0,), sfreq=8000, scale="rms")
    at, noise = torch.arange(4000) / 8000, torch.randn(2, 4000) * 20
    bursts = [torch.sin(2 * torch.pi * f * at) * torch.hann_window(4000) for f in (400, 1500)]
    stored = (torch.stack(bursts) * 9000 + noise).to(torch.int16)[:, None]
    net = ls.nets.study_1d(blocks=3, channels=4, classes=2, input_shape=spec.shape)
    bounds = spec.bounds
    scope = ls.Scope(net, kind="waveform", classes=["low", "high"], bounds=bounds, sfreq=8000)
    inputs = spec.to_model(stored)
    counted = [Condition("val", "clean", 0, 2, 1, 0.5, 0.1, 0.9)]
    counted += [Condition("val", "snr", snr, 2, 1, 0.5, 0.1, 0.9) for snr in (-10.0, 0.0, 10.0)]
    return Subject(
        net="random weights: only the layout is to be judged",
        scope=scope,
        trace=scope.trace(inputs, true=[0, 1]),
        clips=stored[:, 0].numpy() / 32768,
        words=["low", "high"],
        data=[(inputs, torch.arange(2), None)],
        most=2,
        steps=4,
        folder=OUT / "quick" / "words",
        robustness=tuple(counted),
    )


def clips(subject: Subject) -> None:
    """Draw each word with its relevance, and write it at the level of all the others."""
    view = subject.trace.view("lrp", target="true")["input"]
    for row, word in enumerate(subject.words):
        samples = subject.play(f"{word}/clip", sonify(subject.clips[row], subject.sfreq))
        relevance = heard.along_time(view, row, len(samples))
        figure = figures.listening(
            subject.heard(samples, relevance),
            relevance=f"LRP for “{word}”",
            title=f"“{word}”: when the network hears it",
            caption=f"{subject.net}. {ABOUT} Below: relevance along time; orange speaks for the "
            "word, blue against it.",
        )
        subject.save(f"listening_{row:02d}_{word}", figure)


def what_was_used(subject: Subject) -> None:
    """Play and draw the fifth of a clip's energy that each method finds most relevant."""
    found = {name: subject.trace.view(name, target="true")["input"] for name in EXPLAIN}
    sounds = {name: parts_of_clips(view, subject.trace) for name, view in found.items()}
    for row, word in enumerate(subject.words[:4]):
        names, drawn = ["clip"], [subject.heard(subject.clips[row])]
        for name, parts in sounds.items():
            relevance = heard.along_time(found[name], row, subject.clips.shape[1])
            for kind in ("only", "without"):
                samples = subject.play(f"{word}/{name}_{kind}", parts[kind][row])
                names.append(f"{name}\n{kind}")
                drawn.append(subject.heard(samples, relevance if kind == "only" else None))
        figure = figures.layers_heard(
            drawn,
            names,
            relevance="relevance along time",
            title=f"“{word}”: only what was used, and all but that",
            caption=f"{subject.net}. Of each method the most relevant cells of time and frequency "
            f"that hold a fifth of the clip's energy (“only”), and the rest. {ABOUT}",
        )
        subject.save(f"used_{row:02d}_{word}", figure)


def layer_by_layer(subject: Subject) -> None:
    """Play and draw each layer's part: relevant cells, and the strongest unit carried down."""
    names = subject.trace.layer_names("conv")
    relevant = subject.trace.view("lrp", layers=names, target="true")
    used = {name: parts_of_clips(view, subject.trace)["only"] for name, view in relevant.items()}
    carried = subject.trace.view("deconvnet", layers=names, whole=True)
    told = {
        "used": "the cells that LRP at the layer finds most relevant, a fifth of the energy",
        "carried": "the layer's strongest unit, its whole map carried down (deconvolution network)",
    }
    for row, word in enumerate(subject.words[:4]):
        for kind, what in told.items():
            drawn = [subject.heard(subject.clips[row])]
            for name in names:
                view = carried[name]
                sound = used[name][row] if kind == "used" else sonify(view, subject.sfreq, row=row)
                samples = subject.play(f"{word}/{name}_{kind}", sound)
                along = heard.along_time(relevant[name], row, len(samples))
                drawn.append(subject.heard(samples, along))
            figure = figures.layers_heard(
                drawn,
                ["clip", *names],
                relevance="LRP at the layer",
                title=f"“{word}” layer by layer: {what}",
                caption=f"{subject.net}. {ABOUT} Each sound is scaled by itself.",
            )
            subject.save(f"layers_{kind}_{row:02d}_{word}", figure)


def tuned_to(subject: Subject) -> None:
    """Draw the first filters with their responses, and what every layer is tuned to."""
    filters = subject.trace.view("filters")
    views = list(subject.trace.view("frequency_response").values())
    title = f"The {len(views[0].values)} filters of {views[0].layer}, by centre frequency"
    about = f"{subject.net}. Gain in dB re each filter's maximum; ring: centre, weighted by power."
    subject.save(
        "filters",
        heard.plot(views, subject.sfreq, filters, title=title, caption=about),
    )
    for by, way in (("tone", "measured with tones"), ("gradient", "by gradient, on the words")):
        views = list(subject.trace.view("effective_response", by=by).values())
        title = f"What each layer is tuned to, {way}"
        about = f"{subject.net}. Bright: the unit's own maximum; ring: centre; frequency axis: log."
        subject.save(
            f"tuning_{by}", heard.plot(views, subject.sfreq, {}, title=title, caption=about)
        )


def snippets(subject: Subject) -> None:
    """Draw and play the snippets of the whole data that units answer most."""
    for layer, view in subject.trace.view("zeiler_fergus", data=subject.data).items():
        peaks = view.quality["activation"].max(axis=1)
        chosen = np.sort(np.argsort(-peaks, kind="stable")[: subject.most])
        patches = view.quality["patches"].sum(axis=2)
        length = 1000 * patches.shape[-1] / subject.sfreq
        figure = figures.snippets(
            [patches[unit] for unit in chosen],
            [view.values[unit].sum(axis=1) for unit in chosen],
            [f"unit {unit} · {peaks[unit]:.3g}" for unit in chosen],
            sfreq=subject.sfreq,
            title=f"{layer}: the strongest snippets of {len(chosen)} units, {length:.3g} ms each",
            caption=f"{subject.net}. Grey: the sound; orange: what of it made the unit answer "
            "(deconvolution network). The strongest is uppermost; each line is scaled by itself.",
        )
        subject.save(f"snippets_{layer}", figure)
        for unit in chosen[:2]:
            sound = in_turn(view.quality["patches"][unit], subject.sfreq)
            subject.play(f"{layer}/unit_{unit}_snippets", sound)


def made(subject: Subject) -> None:
    """Draw and play what was made from noise: for words, and for units of the last layer."""
    words = subject.trace.view("class_model", steps=subject.steps)["input"]
    last = subject.trace.layer_names("conv")[-1]
    options = {"layers": last, "top": min(subject.most, 8), "steps": subject.steps}
    units = subject.trace.view("activation_maximization", **options)[last]
    for name, view in (("words", words), (f"units of {last}", units)):
        labels = [label.removesuffix(f" of {last}") for label in view.about]
        drawn = []
        for row, label in enumerate(labels):
            sound = sonify(view, subject.sfreq, row=row)
            drawn.append(subject.heard(subject.play(f"made/{label.replace(' ', '_')}", sound)))
        figure = figures.layers_heard(
            drawn,
            labels,
            title=f"Sounds made for {name}: the answer is as high as it gets",
            caption=f"{subject.net}. Climbed to from faint noise, {subject.steps} steps. {ABOUT}",
        )
        subject.save(f"made_for_{name.replace(' ', '_')}", figure)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", nargs="?", help="a run of sounds; runs/words16 if there is none")
    parser.add_argument("--quick", action="store_true", help="random weights, two tones")
    given = parser.parse_args()
    main(given.run, given.quick)
