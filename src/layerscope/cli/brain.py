"""`layerscope brain`: what the layers of a run of recordings use."""

from pathlib import Path
from typing import Annotated

import typer

from layerscope.cli.uses import tell_uses

EXAMPLE = "layerscope brain runs/ssvep --twins 5"

Given = Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")]
Layers = Annotated[
    list[str] | None, typer.Option(metavar="NAMES", help="Layers, or a kind: conv, all, ...")
]
Twins = Annotated[
    int | None, typer.Option(metavar="N", help="Networks trained on shuffled labels (default: 5).")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")]


def brain(given: Given, layers: Layers = None, twins: Twins = None, as_json: Json = False) -> None:
    """Find what the layers of a run of recordings use.

    Bands, moments, channels and patterns, each beside its null: permuted labels, the untrained
    network, and twins trained on shuffled labels. Nothing is told unless accuracy is above chance.
    Tables and arrays go into RUN/brain; several names are joined by commas.
    """
    names = [word.strip() for part in layers or () for word in part.split(",") if word.strip()]
    tell_uses(given, names, twins, as_json=as_json)
