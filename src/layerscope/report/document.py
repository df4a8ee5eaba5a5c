"""HTML documents: how templates are filled, and pages that show pictures with their words."""

import base64
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import jinja2
from matplotlib.figure import Figure

from layerscope.report.figures.sheet import save_png
from layerscope.report.theme import DARK, LIGHT
from layerscope.storage import write_text

Picture = tuple[str, str, Figure]
"""The name of its file, its words on the page, and the figure."""
DPI = 110


def filled(template: str, filters: dict[str, Callable[..., Any]], **content: Any) -> str:
    """Fill one of the room's templates; what it asks for and is not given is an error."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("layerscope.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= filters
    return environment.get_template(template).render(**content)


def picture_page(
    folder: Path,
    template: str,
    pictures: Iterable[Picture],
    filters: dict[str, Callable[..., Any]] | None = None,
    **content: Any,
) -> Path:
    """Write each picture as PNG and a folder's index.html, which holds them; gives its path."""
    shown = []
    for name, words, figure in pictures:
        path = save_png(figure, folder / f"{name}.png", DPI)
        uri = "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
        shown.append({"name": name, "words": words, "uri": uri})
    themes = {"light": LIGHT.css(), "dark": DARK.css()}
    write_text(
        folder / "index.html",
        filled(template, filters or {}, **themes, pictures=shown, **content),
    )
    return folder / "index.html"
