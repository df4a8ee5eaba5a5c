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
Sounds = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="The sounds that --model is shown, in the place of images."),
]
Sfreq = Annotated[int, typer.Option(min=100, help="Hz; sounds of another rate are resampled.")]
Seconds = Annotated[float, typer.Option(min=0.001, help="Sounds are padded or cut to this.")]
Scale = Annotated[str, typer.Option(help="fixed (full scale is 1) or rms (each sound's own is 1).")]
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
    sounds: Sounds = None,
    out: Out = Path("views"),
    size: Size = 224,
    mean: Mean = "0.485,0.456,0.406",
    std: Std = "0.229,0.224,0.225",
    sfreq: Sfreq = 16_000,
    seconds: Seconds = 1.0,
    scale: Scale = "fixed",
    output: Output = None,
) -> None:
    """Save what the layers see.

    Arrays with an index; several names are joined by commas. Of a run: examples of each class,
    correct and wrong ones. Of any network of yours (--model FILE:FUNCTION --images DIR, or --sounds
    DIR): every image or sound of a folder, with pictures, and WAV files of what can be heard.
    """
    if (run is None) == (model is None):
        raise typer.BadParameter("name a RUN, or a network as --model FILE:FUNCTION")
    if run is not None:
        _refuse_of_model(context)
        _see_run(run, _words(methods), _words(layers), _words(classes), target)
        return
    if (images is None) == (sounds is None):
        raise typer.BadParameter("--model needs --images DIR or --sounds DIR")
    if classes:
        raise typer.BadParameter("--classes are those of a run; --model has none")
    wanted = {"methods": _words(methods), "layers": _words(layers), "target": target}
    shown: dict[str, Any] = {"output": _name_or_index(output)}
    if sounds is not None:
        _refuse_beside(context, "sounds", ("size",))
        shown |= {"sfreq": sfreq, "seconds": seconds, "scale": _scale(scale)}
        shown |= {"mean": _one_number(context, "mean", mean, 0.0)}
        shown |= {"std": _one_number(context, "std", std, 1.0)}
        _see_module(str(model), sounds, out, wanted, shown)
    elif images is not None:
        _refuse_beside(context, "images", ("sfreq", "seconds", "scale"))
        shown |= {"mean": _numbers("--mean", mean), "std": _numbers("--std", std), "size": size}
        _see_module(str(model), images, out, wanted, shown)


def _refuse_beside(context: typer.Context, given: str, others: tuple[str, ...]) -> None:
    """Refuse options that say how something else than what was given is shown."""
    for name in others:
        if _named(context, name):
            raise typer.BadParameter(f"--{name} does not go with --{given}")


def _named(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _one_number(context: typer.Context, name: str, text: str, default: float) -> float:
    """Read an option of sounds, which have one channel; by itself it is another than of images."""
    if not _named(context, name):
        return default
    numbers = _numbers(f"--{name}", text)
    if len(numbers) != 1:
        raise typer.BadParameter(f"--{name} {text}: one number, as sounds have one channel")
    return numbers[0]


def _scale(given: str) -> str:
    if given not in ("fixed", "rms"):
        raise typer.BadParameter(f"--scale {given}: fixed or rms")
    return given


def _refuse_of_model(context: typer.Context) -> None:
    """Refuse, beside a run, the options that say how a network of the user's is shown images."""
    shown = (
        "images",
        "sounds",
        "out",
        "size",
        "mean",
        "std",
        "sfreq",
        "seconds",
        "scale",
        "output",
    )
    for name in shown:
        if _named(context, name):
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
    model: str, folder: Path, out: Path, wanted: dict[str, Any], shown: dict[str, Any]
) -> None:
    from layerscope.cli.pictures import draw_views
    from layerscope.cli.sound_pictures import draw_sounds
    from layerscope.seeing.module import load_module
    from layerscope.seeing.of_module import see_module, see_sounds
    from layerscope.seeing.settings import ViewsSettings, asked

    settings, sounds = asked(ViewsSettings(), **wanted), "sfreq" in shown
    see = see_sounds if sounds else see_module
    seen = see(load_module(model), folder, out, settings, **shown)
    for name, reason in seen.skipped.items():
        typer.echo(f"skipped {name}: {reason}", err=True)
    if seen.outcome.views:
        pictures = draw_sounds(seen.index) if sounds else draw_views(seen.index)
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
