"""The command line: one file a verb; this one gathers them and turns errors into exit statuses."""

import sys

import typer

from layerscope.cli import (
    brain,
    clean,
    data,
    demo,
    evaluate,
    methods,
    report,
    runs,
    see,
    sweep,
    train,
    trust,
)
from layerscope.errors import LayerscopeError

app = typer.Typer(
    name="layerscope",
    help="See what every layer of your network sees.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
VERBS = {
    "demo": demo,
    "data": data,
    "clean": clean,
    "train": train,
    "sweep": sweep,
    "evaluate": evaluate,
    "see": see,
    "trust": trust,
    "brain": brain,
    "report": report,
    "runs": runs,
    "methods": methods,
}
for name, module in VERBS.items():
    app.command(name, epilog=f"Example: {module.EXAMPLE}")(getattr(module, name))


@app.callback(invoke_without_command=True)
def _options(
    version: bool = typer.Option(False, "--version", help="Print the version and stop."),
) -> None:
    if version:
        from layerscope import __version__

        typer.echo(__version__)
        raise typer.Exit


def main(arguments: list[str] | None = None) -> int:
    """Run the command line: 0 done, 1 the user's mistake or bad data, 2 wrong usage, 130 stopped.

    >>> main(["--version"])
    0.1.0
    0
    """
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["see"]:
        given = ["see", *see.one_by_one(given[1:])]
    try:
        app(given, prog_name="layerscope")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except LayerscopeError as error:
        typer.echo(f"layerscope: {error}", err=True)
        return 1
    except OSError as error:
        typer.echo(f"layerscope: {error}", err=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
