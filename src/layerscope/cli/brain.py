"""`layerscope brain`: what layers use of recordings; layers against brains; fMRI by itself."""

from pathlib import Path
from typing import Annotated, Any

import typer

EXAMPLE = "layerscope brain runs/photos6 --rdm rdms.npz --key hIT --stimuli images/"

Given = Annotated[
    Path | None,
    typer.Argument(metavar="[RUN|FILE.toml]", help="A run's folder, or the file of a comparison."),
]
Rdm = Annotated[
    Path | None, typer.Option(metavar="FILE.npz", help="RDMs of brains (or of behaviour).")
]
Key = Annotated[str | None, typer.Option(metavar="NAME", help="Which array of --rdm.")]
Stimuli = Annotated[
    Path | None, typer.Option(metavar="DIR", help="The images, in the RDMs' order of rows.")
]
Table = Annotated[
    Path | None, typer.Option(metavar="FILE.csv", help="A row a stimulus: file, categories.")
]
Category = Annotated[
    list[str] | None, typer.Option(metavar="NAMES", help="Columns of the table: category models.")
]
Sessions = Annotated[
    int | None, typer.Option(help="So many RDMs in a row are one subject's; else by their names.")
]
Estimator = Annotated[
    list[str] | None,
    typer.Option(metavar="NAMES", help="per-subject (the default), group-mean; a figure each."),
]
Responses = Annotated[
    Path | None,
    typer.Option(metavar="FILE.npz", help="Single responses: encoding models, RSA over time."),
]
Model = Annotated[
    str | None,
    typer.Option(metavar="FILE:FUNCTION|NAME", help="A network of yours, or a pretrained one."),
]
Weights = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Of a pretrained network named by --model.")
]
Against = Annotated[
    str | None,
    typer.Option(metavar="RUN|FILE:FUNCTION|NAME", help="A second network, layer by layer."),
]
AgainstWeights = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Of a pretrained network named by --against.")
]
Twins = Annotated[
    int | None, typer.Option(min=0, help="Of recordings: networks trained on shuffled labels.")
]
Bold = Annotated[
    Path | None, typer.Option(metavar="FILE.npz", help="fMRI volumes X, label, run; alone.")
]
Layers = Annotated[
    list[str] | None, typer.Option(metavar="NAMES", help="Layers; else all conv and linear ones.")
]
Distance = Annotated[str, typer.Option(help="Of layers: correlation or euclidean.")]
Compare = Annotated[str, typer.Option(help="Of RDMs: spearman or tau-a.")]
Draws = Annotated[int, typer.Option(help="Of the bootstrap.")]
Over = Annotated[str, typer.Option(help="What it draws: both, stimuli or subjects.")]
Seed = Annotated[int, typer.Option(help="Of the bootstrap and of the untrained twin.")]
Size = Annotated[int, typer.Option(min=1, help="Side in pixels of --model's input.")]
Mean = Annotated[str, typer.Option(help="What --model's input has subtracted, per channel.")]
Std = Annotated[str, typer.Option(help="What --model's input is divided by, per channel.")]
Out = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Default: RUN/brain, or runs/NAME of a file.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")]


def brain(
    context: typer.Context,
    given: Given = None,
    rdm: Rdm = None,
    key: Key = None,
    stimuli: Stimuli = None,
    table: Table = None,
    category: Category = None,
    sessions: Sessions = None,
    estimator: Estimator = None,
    responses: Responses = None,
    model: Model = None,
    weights: Weights = None,
    against: Against = None,
    against_weights: AgainstWeights = None,
    bold: Bold = None,
    twins: Twins = None,
    layers: Layers = None,
    distance: Distance = "correlation",
    compare: Compare = "spearman",
    draws: Draws = 1000,
    over: Over = "both",
    seed: Seed = 0,
    size: Size = 224,
    mean: Mean = "0.485,0.456,0.406",
    std: Std = "0.229,0.224,0.225",
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Compare layers with brains, or ask a run of recordings what its layers use.

    A RUN alone, of recordings: which bands, moments and channels its layers use, beside nulls.
    With --rdm, --responses or --against, and --stimuli: layers beside brains that saw the images.
    RSA along the layers beside pixels, the untrained twin, category models and the noise ceiling;
    --against a second network: CKA and RSA; --responses: encoding models and RSA over time;
    --bold: decoding, encoding and crossnobis RSA of fMRI. A FILE.toml holds all of it, as
    examples/rsa92.toml and examples/haxby.toml do. Several names are joined by commas.
    """
    options = dict(locals())
    _choose(options.pop("context"), options)


def _choose(context: typer.Context, options: dict[str, Any]) -> None:
    """Do what the given options are those of, and refuse options of the other ways."""
    given, alone = options["given"], ("rdm", "stimuli", "responses", "against")
    if given is not None and given.suffix == ".toml":
        _refuse_others(context, ("given", "out", "as_json"), f"{given} holds all of it")
        _of_file(given, options["out"], options["as_json"])
    elif options["bold"] is not None:
        _refuse_others(context, ("bold", "seed", "out", "as_json"), "--bold stands alone")
        _of_bold(options)
    elif given is not None and not any(options[name] for name in alone):
        known = ("given", "layers", "twins", "as_json")
        _refuse_others(context, known, "a RUN alone is asked what its layers use")
        from layerscope.cli.uses import tell_uses

        tell_uses(given, _words(options["layers"]), options["twins"], as_json=options["as_json"])
    else:
        if options["twins"] is not None:
            raise typer.BadParameter("--twins are those of a RUN of recordings, asked alone")
        _of_options(options)


def _refuse_others(context: typer.Context, known: tuple[str, ...], reason: str) -> None:
    """Refuse options that would be passed over in silence."""
    for name in context.params:
        source = context.get_parameter_source(name)
        if name not in known and source is not None and source.name == "COMMANDLINE":
            what = "a RUN" if name == "given" else f"--{name.replace('_', '-')}"
            raise typer.BadParameter(f"{reason}: leave out {what}")


def _of_file(file: Path, out: Path | None, as_json: bool) -> None:
    from layerscope.brain.settings import BrainStudy

    study = BrainStudy.load(file)
    _run(study, out or Path("runs") / study.name, as_json)


def _of_bold(options: dict[str, Any]) -> None:
    from layerscope.brain.settings import BrainStudy

    file = options["bold"]
    study = BrainStudy.asked(name=file.stem, bold={"file": file, "seed": options["seed"]})
    _run(study, options["out"] or Path("brain"), options["as_json"])


def _of_options(options: dict[str, Any]) -> None:
    """Make the settings of a comparison from the options."""
    from layerscope.brain.settings import BrainStudy

    run, model = options["given"], options["model"]
    if (run is None) == (model is None):
        raise typer.BadParameter(
            "name a RUN, a FILE.toml, a network as --model, or --bold FILE.npz"
        )
    if options["stimuli"] is None:
        raise typer.BadParameter("a comparison needs --stimuli DIR, the images that were shown")
    shown = {"size": options["size"], **{n: _numbers(n, options[n]) for n in ("mean", "std")}}
    network = {"run": run} if run is not None else _network(model, options["weights"], shown)
    if options["layers"]:
        names = _words(options["layers"])
        network["layers"] = names[0] if len(names) == 1 else names
    settings = {
        "comparison": options["compare"],
        "category": _words(options["category"]),
        "estimators": _words(options["estimator"]) or ["per-subject"],
    }
    plain = ("rdm", "key", "stimuli", "table", "sessions", "responses")
    settings |= {name: options[name] for name in (*plain, "distance", "draws", "over", "seed")}
    asked = {"name": _name(options), "network": network, "brain": settings}
    if options["against"] is not None:
        asked["against"] = _network(options["against"], options["against_weights"], shown)
    folder = options["out"] or (Path("brain") if run is None else run / "brain" / asked["name"])
    _run(BrainStudy.asked(**asked), folder, options["as_json"])


def _network(named: str, weights: Path | None, shown: dict[str, Any]) -> dict[str, Any]:
    """Tell a run's folder, FILE:FUNCTION and the name of a pretrained network apart."""
    if Path(named).is_dir() or ("/" in named and ":" not in named):
        return {"run": named}
    if ":" in named:
        return {"model": named, **shown}
    return {"pretrained": named, "weights": weights}


def _name(options: dict[str, Any]) -> str:
    """Name a comparison by what is compared."""
    if options["rdm"] is not None:
        return str(options["key"] or options["rdm"].stem)
    if options["responses"] is not None:
        return str(options["responses"].stem)
    return "against"


def _run(study: Any, out: Path, as_json: bool) -> None:
    """Do what is asked, draw it, and tell the main figures."""
    import json

    if study.bold is not None:
        from layerscope.brain.bold import analyse
        from layerscope.report.bold import bold_page

        document, page = analyse(study, out), bold_page(out)
    else:
        from layerscope.brain.comparing import compare
        from layerscope.report.brains import brain_page

        document, page = compare(study, out), brain_page(out)
    if as_json:
        typer.echo(json.dumps(document, ensure_ascii=False, allow_nan=False))
        return
    for line in _told(document):
        typer.echo(line)
    typer.echo(f"{page}: the page, its pictures and tables beside it")


def _told(document: dict[str, Any]) -> list[str]:
    """Say the main figures, a line each."""
    lines = list(document.get("told", []))
    for table in document.get("rsa", []):
        best = next(row for row in table["layers"] if row["layer"] == table["most_alike"])
        beside = ", ".join(f"{row['model']} {row['value']:.3f}" for row in table["references"])
        ceiling = table["ceiling"]
        limit = f", ceiling {ceiling['lower']:.3f} to {ceiling['upper']:.3f}" if ceiling else ""
        lines.append(
            f"{table['estimator']}: {best['layer']} {best['value']:.3f} (untrained "
            f"{best['untrained']:.3f}), {beside}{limit}; {len(table['above_untrained'])} of "
            f"{len(table['layers'])} layers above their untrained twin"
        )
    lines += [f"left out {name}: {why}" for name, why in document.get("refused", {}).items()]
    return lines


def _words(given: list[str] | None) -> list[str]:
    return [word.strip() for part in given or () for word in part.split(",") if word.strip()]


def _numbers(option: str, text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise typer.BadParameter(f"--{option} {text}: numbers joined by commas") from None
