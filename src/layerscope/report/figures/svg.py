"""SVG written by hand: escaped text, numbers without noise, a data URI."""

import base64
from collections.abc import Iterable
from html import escape
from typing import Any

from rich.cells import cell_len, set_cell_size

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"


def element(name: str, content: str = "", /, **attributes: Any) -> str:
    """Write one element; `content` is markup already, attribute values are escaped.

    >>> element("rect", width=3.14159, stroke_width=1)
    '<rect width="3.14" stroke-width="1"/>'
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
    )
    return f"<{name}{written}>{content}</{name}>" if content else f"<{name}{written}/>"


def text(words: str, x: float, y: float, /, **attributes: Any) -> str:
    """Write a line of text, escaped."""
    return element("text", escape(words), x=x, y=y, **attributes)


def polygon(points: Iterable[tuple[float, float]], **attributes: Any) -> str:
    """Write a closed polygon."""
    return element(
        "polygon", points=" ".join(f"{_value(x)},{_value(y)}" for x, y in points), **attributes
    )


def document(parts: Iterable[str], width: float, height: float) -> str:
    """Write a whole SVG document."""
    return element(
        "svg",
        "".join(parts) or " ",
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_value(width)} {_value(height)}",
        width=width,
        height=height,
        font_family=FONT,
        font_size=13,
    )


def uri(svg: str) -> str:
    """Give an SVG document as a data URI."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def shortened(words: str, letters: int) -> str:
    """Cut a long name, and show that it is cut; wide letters count as two.

    >>> shortened("grand piano", 6)
    'grand…'
    """
    if cell_len(words) <= letters:
        return words
    return set_cell_size(words, letters - 1).rstrip() + "…"


def _value(value: str | float) -> str:
    if isinstance(value, str):
        return escape(value, quote=True)
    return f"{value:.2f}".rstrip("0").rstrip(".")
