"""`layerscope see`: the views of a run, or of a network of the user's on a folder of images."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from layerscope.errors import LayerscopeError

if TYPE_CHECKING:
    from layerscope.seeing.outcome import Outcome

EXAMPLE = "layerscope see runs/photos6 --methods grad_cam,deconvnet --layers conv1,conv6"

SEVERAL = ("--methods", "--layers", "--classes")

RunFolder = Annotated[
    Path | None, typer.Argument(metavar="[RUN]", help="The run's folder; or use --model.")
]
Methods = Annotated[
    list[str] | None, typer.Option(metavar="NAMES", help="Methods: see `layerscope methods`.")
]
Layers = Annotated[
    list[str] | None, typer.Option(metavar="NAMES", help="Layers, or a kind: conv, all, ...")
]
Classes = Annotated[list[str] | None, typer.Option(metavar="NAMES", help="Classes of the run.")]
Target = Annotated[
    str | None,
    typer.Option(
        metavar="CLASS",
        help='What is explained: predicted, true, a class, its index, or "cat - dog".',
    ),
]
Model = Annotated[
    str | None,
    typer.Option(metavar="FILE:FUNCTION", help="A function that returns a torch.nn.Module."),
]
Images = Annotated[
    Path | None, typer.Option(metavar="DIR", help="The images that --model is shown.")
]
Out = Annotated[Path, typer.Option(metavar="DIR", help="Where the views of --model go.")]
Size = Annotated[int, typer.Option(min=1, help="Side in pixels; images are resized and cut.")]
Mean = Annotated[str, typer.Option(help="What --model's input has subtracted, per channel.")]
Std = Annotated[str, typer.Option(help="What --model's input is divided by, per channel.")]
Output = Annotated[
    str | None,
    typer.Option(metavar="NAME|INDEX", help="Which of several outputs of --model are the logits."),
]


def see(
    context: typer.Context,
    run: RunFolder = None,
    methods: Methods = None,
    layers: Layers = None,
    classes: Classes = None,
    target: Target = None,
    model: Model = None,
    images: Images = None,
    out: Out = Path("views"),
    size: Size = 224,
    mean: Mean = "0.485,0.456,0.406",
    std: Std = "0.229,0.224,0.225",
    output: Output = None,
) -> None:
    """Save what the layers see.

    Arrays with an index; several names are joined by commas. Of a run: examples of each class,
    correct and wrong ones. Of any network of yours (--model FILE:FUNCTION --images DIR): every
    image of a folder, with pictures.
    """
    if (run is None) == (model is None):
        raise typer.BadParameter("name a RUN, or a network as --model FILE:FUNCTION")
    if run is not None:
        _refuse_of_model(context)
        _see_run(run, _words(methods), _words(layers), _words(classes), target)
        return
    if images is None:
        raise typer.BadParameter("--model needs --images DIR")
    if classes:
        raise typer.BadParameter("--classes are those of a run; --model has none")
    wanted = {"methods": _words(methods), "layers": _words(layers), "target": target}
    shown = {"size": size, "mean": _numbers("--mean", mean), "std": _numbers("--std", std)}
    _see_module(str(model), images, out, wanted, {**shown, "output": _name_or_index(output)})


def _refuse_of_model(context: typer.Context) -> None:
    """Refuse, beside a run, the options that say how a network of the user's is shown images."""
    for name in ("images", "out", "size", "mean", "std", "output"):
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise typer.BadParameter(f"--{name} goes with --model; a run knows its own")


def _see_run(
    run: Path,
    methods: list[str] | None,
    layers: list[str] | None,
    classes: list[str] | None,
    target: str | None,
) -> None:
    from layerscope import verbs

    seen = verbs.see(run, methods=methods, layers=layers, classes=classes, target=target)
    count = len(seen.index.document["views"])
    if seen.made:
        typer.echo(f"{seen.index.path}: {seen.made} views made, {count} in all")
    elif seen.outcome.views:
        there = f"the {seen.outcome.views} views asked for are there and valid, nothing to do"
        typer.echo(f"{seen.index.path}: {there}")
    _tell(seen.outcome, [*(methods or ()), *(layers or ())])


def _see_module(
    model: str, images: Path, out: Path, wanted: dict[str, Any], shown: dict[str, Any]
) -> None:
    from layerscope.cli.pictures import draw_views
    from layerscope.seeing.module import load_module
    from layerscope.seeing.of_module import see_module
    from layerscope.seeing.settings import ViewsSettings, asked

    settings = asked(ViewsSettings(), **wanted)
    seen = see_module(load_module(model), images, out, settings, **shown)
    for name, reason in seen.skipped.items():
        typer.echo(f"skipped {name}: {reason}", err=True)
    if seen.outcome.views:
        pictures = draw_views(seen.index)
        typer.echo(f"{seen.index.path}: {seen.outcome.views} views")
        typer.echo(f"{pictures}: a picture of each")
    _tell(seen.outcome, [*(wanted["methods"] or ()), *(wanted["layers"] or ())])


def _tell(outcome: "Outcome", named: list[str]) -> None:
    """Tell what could not be made and why; a method or layer that was named must give a view."""
    places: dict[tuple[str, str], list[str]] = {}
    for method, layer, reason in outcome.refused:
        places.setdefault((method, reason), []).extend([layer] if layer else [])
    for (method, reason), layers in places.items():
        where = f" at {', '.join(layers)}" if layers else ""
        typer.echo(f"no {method}{where}: {reason}", err=True)
    if nothing := [name for name in dict.fromkeys(named) if name in outcome.nothing]:
        why = "the reasons stand above" if outcome.refused else "there are no examples to look at"
        raise LayerscopeError(f"there is no view for {', '.join(nothing)}: {why}")


def one_by_one(arguments: list[str]) -> list[str]:
    """Read several words after one option as that option, given once for each.

    They are the option's where the run, or a network, is named before them.

    >>> one_by_one(["RUN", "--methods", "lrp", "grad_cam", "--layers", "conv1"])
    ['RUN', '--methods', 'lrp', '--methods', 'grad_cam', '--layers', 'conv1']
    """
    read: list[str] = []
    option, named = "", False
    for word in arguments:
        if word.startswith("-"):
            option = word
            named = named or word.split("=")[0] == "--model"
        elif option in SEVERAL and named and read[-1] != option:
            read.append(option)
        elif not option or (read[-1] != option):
            named = True
        read.append(word)
    return read


def _words(given: list[str] | None) -> list[str] | None:
    """Read names given together with commas, or one by one."""
    if not given:
        return None
    return [word.strip() for part in given for word in part.split(",") if word.strip()]


def _numbers(option: str, text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise typer.BadParameter(
            f"{option} {text}: numbers joined by commas, as in 0.5,0.5,0.5"
        ) from None


def _name_or_index(text: str | None) -> int | str | None:
    """Read a whole number as an index, anything else as a name."""
    return int(text) if text is not None and re.fullmatch(r"-?\d+", text) else text
