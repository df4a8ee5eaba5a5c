"""Is what we play true? Words behind masks of every method: the table of words_masked.md.

    python docs/results/words_masked.py runs/words16 --clips 64

Clips that the network says right are masked to the cells that a method calls most relevant, 20 %
of their energy, and given to the network again. What was computed is kept in docs/gallery/out, so
that a run that was stopped goes on.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

import layerscope as ls
from layerscope.data import prepare
from layerscope.progress import bar
from layerscope.storage import write_text, write_whole
from layerscope.views import Scope, find_method, methods
from layerscope.views.sound import Kept, sufficiency, time_frequency_of
from layerscope.views.sound.sufficiency import BASELINES

HERE = Path(__file__).parent
LAYER = "conv5"
"""Of the methods that look at one layer: maps of 66 positions, each of which sees 35 ms."""
VARIANTS = {
    "lrp": {"epsilon": {"composite": "epsilon"}, "gamma": {"composite": "gamma"}},
    "smooth_grad": {"": {"noise": 0.02}},
    "var_grad": {"": {"noise": 0.02}},
    "rise": {"": {"samples": 400, "cells": 16}},
    "occlusion": {"": {"window": 800, "stride": 400}},
    "expected_gradients": {"": {"samples": 48}},
}
"""Options in the place of a method's own; LRP by two rules beside its own."""
LEFT_OUT = ("time_frequency", "class_model", "concept_relevance", "cam")
"""A wrapper of others; of the network; of units; needs a mean over the map before its classes."""
UNTRAINED = ("input_x_gradient", "integrated_gradients", "lrp epsilon")


def asked(only: list[str]) -> dict[str, tuple[str, dict]]:
    """Name what is asked: every method that says where in the input a class is heard."""
    found = {}
    for method in methods():
        options = method.options
        if "batch" not in method.axes or method.name in LEFT_OUT or method.axes[0] != "batch":
            continue
        if "target" not in options and method.name != "eigen_cam":
            continue
        own = {"": {}} | VARIANTS.get(method.name, {})
        for variant, more in own.items():
            at = {"layers": [LAYER]} if options.get("layers", None) is not None else {}
            if method.name == "deconvnet" or method.name == "guided_backprop":
                at = {}
            name = f"{method.name} {variant}".strip()
            found[name] = (method.name, at | more)
    return {name: each for name, each in found.items() if not only or name in only}


def relevance(scope: Scope, images: torch.Tensor, target: list[int], name: str, options: dict):
    """Look at one clip, and share what is seen out over its cells: `(F, M)`."""
    if "target" in find_method(name, {}).options:
        options = options | {"target": target}
    (view,) = scope.trace(images).view(name, **options).values()
    return time_frequency_of(view, images, scope.sfreq).values[0].sum(0)


def chosen(run: ls.Run, clips: int):
    """Choose clips that the network says right, evenly over them: samples `(N, T)`, classes."""
    split_name = run.evaluated_split()
    dataset = prepare(run.study.data)
    run.check_data(dataset)
    split = dataset[split_name]
    told = run.predictions(split_name)
    right = np.flatnonzero(told.probabilities.argmax(1) == told.true)
    ids = [told.ids[place] for place in right]
    kept = np.linspace(0, len(ids) - 1, min(clips, len(ids))).round().astype(int)
    places = [split.ids.index(ids[k]) for k in np.unique(kept)]
    stored = split.batch(np.array(places))  # (N, 1, T) int16
    return stored.float()[:, 0] / 32768, split.labels[places].tolist(), len(told.ids), len(ids)


def measured(run: ls.Run, clips: int, only: list[str], folder: Path):
    """Give what every method and baseline keeps, by both ways to choose cells."""
    sounds, labels, count, right = chosen(run, clips)
    spec, net = run.spec, run.net()
    trained = run.scope()
    plain = Scope(
        run.untrained_net().eval(), kind="waveform", classes=run.classes, sfreq=spec.sfreq
    )
    work = {name: (trained, *each) for name, each in asked(only).items()}
    for name in UNTRAINED:
        if name in work:
            work[f"untrained: {name}"] = (plain, *work[name][1:])
    images = spec.to_model(sounds[:, None])
    found = {}
    with bar("relevance", total=len(work) * len(images), unit="clips") as step:
        for name, (scope, method, options) in work.items():
            file = folder / f"{run.weights_digest()[:12]} {len(images)} {name}.npz".replace(":", "")
            if not file.is_file():
                made = [
                    relevance(scope, image[None], [label], method, options)
                    for image, label in zip(images, labels, strict=True)
                ]
                write_whole(file, lambda out, made=made: np.savez_compressed(out, np.stack(made)))
            with np.load(file) as stored:
                found[name] = stored["arr_0"]
            step(len(images), name)

    @torch.no_grad()
    def says(clips: torch.Tensor) -> torch.Tensor:
        return torch.cat([net(spec.to_model(some[:, None])) for some in clips.split(32)])

    tables = {
        first: sufficiency(says, sounds, spec.sfreq, found, first=first)
        for first in ("density", "value")
    }
    return tables, count, right


def row(each: Kept, by_value: Kept | None, rivals: dict[str, Kept]) -> str:
    """Write one line of the table."""
    low, high = each.interval
    beats = [name for name, rival in rivals.items() if each is not rival and each.beats(rival)]
    value, cells = "" if by_value is None else f"{by_value.share:.0%}", f"{each.cells:.0%}"
    return (
        f"| {each.name} | {each.share:.0%} | {low:.0%} to {high:.0%} | {cells} | {value} | "
        f"{each.against(rivals['loudest']):.2g} | {', '.join(beats) or 'none'} |"
    )


def table(tables: dict[str, list[Kept]]) -> str:
    """Write the table, the best method first, then the baselines."""
    dense = {each.name: each for each in tables["density"]}
    value = {each.name: each for each in tables["value"]}
    rivals = {name: dense[name] for name in BASELINES}
    rivals |= {name: each for name, each in dense.items() if name.startswith("untrained")}
    own = sorted((e for n, e in dense.items() if n not in rivals), key=lambda e: -e.share)
    lines = [row(each, value[each.name], rivals) for each in own]
    lines += [
        row(each, value[name] if name.startswith("untrained") else None, rivals)
        for name, each in rivals.items()
    ]
    head = (
        "| mask | kept | 95 % interval | cells | kept, largest cells first | p against the loudest "
        "| beats (p < 0.05) |\n|---|--:|---|--:|--:|--:|---|"
    )
    return "\n".join([head, *lines])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--clips", type=int, default=64)
    parser.add_argument("--methods", nargs="*", default=[])
    parser.add_argument("--out", type=Path, default=HERE / "words_masked.md")
    given = parser.parse_args()
    folder = HERE.parent / "gallery" / "out" / "words_masked"
    folder.mkdir(parents=True, exist_ok=True)
    run = ls.load(given.run)
    tables, count, right = measured(run, given.clips, given.methods, folder)
    heard = len(tables["density"][0].kept)
    text = (HERE / "words_masked.txt").read_text(encoding="utf-8")
    facts = {"run": run.path.name, "heard": heard, "right": right, "count": count}
    write_text(given.out, text.format(table=table(tables), **facts, arguments=arguments(given)))


def arguments(given: argparse.Namespace) -> str:
    """Give the command's arguments as they can be typed again."""
    only = f" --methods {' '.join(map(repr, given.methods))}" if given.methods else ""
    return f"runs/{given.run.name} --clips {given.clips}{only}"


if __name__ == "__main__":
    main()
