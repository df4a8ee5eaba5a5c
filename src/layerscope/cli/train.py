"""`layerscope train`: from a study file to a trained run."""

from pathlib import Path
from typing import Annotated

import typer

EXAMPLE = "layerscope train examples/mnist.toml --out runs/mnist"


def train(
    study: Annotated[Path, typer.Argument(metavar="STUDY.toml", help="The study file.")],
    out: Annotated[
        Path | None, typer.Option(metavar="RUN", help="The run's folder (default: runs/NAME).")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue a training that was interrupted.")
    ] = False,
    crossed: Annotated[
        bool,
        typer.Option(
            "--cross-validate",
            help="Recordings: hold every recording (session, subject) out once, a network for each"
            " fold (default folder: runs/NAME-folds). What is finished is not done again.",
        ),
    ] = False,
) -> None:
    """Train the network of a study.

    Its weights, history and predictions are stored in a run folder.
    """
    from layerscope import verbs
    from layerscope.cli.tables import echo_moved, echo_run
    from layerscope.cross_validation import cross_validate
    from layerscope.run import Run
    from layerscope.study import Study
    from layerscope.training import Interrupted

    asked = Study.load(study)
    folder = out or Path("runs") / (f"{asked.name}-folds" if crossed else asked.name)
    done = Run(folder).finished()
    try:
        run = (cross_validate if crossed else verbs.train)(asked, folder, resume=resume)
    except (KeyboardInterrupt, Interrupted):
        typer.echo(
            f"layerscope: stopped; `layerscope train {study} --out {folder} "
            f"{'--cross-validate' if crossed else '--resume'}` continues",
            err=True,
        )
        raise typer.Exit(130) from None
    if done:
        typer.echo("this study's training is finished; there is nothing to do", err=True)
    echo_run(run)
    if run.moved_file.is_file():
        echo_moved(run)
