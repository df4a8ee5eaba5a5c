"""Sheets: pictures placed to the pixel, with words and lines about them, as one figure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from rich.cells import cell_len

from layerscope.report.figures.images import overlay, rectified, signed
from layerscope.report.theme import LIGHT, Theme
from layerscope.storage import write_whole

DPI = 100  # a picture's pixel is a pixel of the figure when it is saved at this
LETTER = 0.62  # the width of a letter, as a share of its height
Scale = Literal["over", "signed over", "signed", "rectified", "colours"]


@dataclass(frozen=True)
class Word:
    """A line of text: its place in pixels from the upper left, its height in pixels, its look."""

    text: str
    x: float
    y: float
    size: float = 13.0
    align: str = "left"
    strong: bool = False
    faint: bool = False
    turned: bool = False


@dataclass(frozen=True)
class Legend:
    """What colours mean: a scale, and words for its ends (of one that is signed, its middle is 0).

    `scale` is "over" or "signed over" (a map laid over a photograph), "signed", "rectified", or
    "colours": colour channels about mid grey, which have no bar.
    """

    scale: Scale
    high: str
    low: str = "0"
    name: str = ""


@dataclass(frozen=True)
class Sheet:
    """Pictures at places `(x, y)`, words and lines `(x, x, y)`, in pixels."""

    width: float
    height: float
    pictures: list[tuple[float, float, np.ndarray]] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    lines: list[tuple[float, float, float]] = field(default_factory=list)

    def draw(self, theme: Theme = LIGHT) -> Figure:
        """Draw it as a figure of so many pixels at 100 dots an inch."""
        figure = Figure(figsize=(self.width / DPI, self.height / DPI), dpi=DPI)
        figure.set_facecolor(theme.paper)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_xlim(0, self.width)
        axes.set_ylim(self.height, 0)
        axes.set_axis_off()
        axes.imshow(
            self._canvas(theme),
            extent=(0, self.width, self.height, 0),
            interpolation="nearest",
            aspect="auto",
        )
        for start, end, y in self.lines:
            axes.add_line(Line2D([start, end], [y, y], color=theme.muted, linewidth=0.8))
        for word in self.words:
            axes.text(
                word.x,
                word.y,
                word.text,
                fontsize=word.size * 72 / DPI,
                ha=word.align,
                va="center",
                color=theme.muted if word.faint else theme.ink,
                fontweight="bold" if word.strong else "normal",
                rotation=90 if word.turned else 0,
                parse_math=False,
            )
        return figure

    def _canvas(self, theme: Theme) -> np.ndarray:
        paper = [int(theme.paper[i : i + 2], 16) for i in (1, 3, 5)]
        shape = (round(self.height), round(self.width), 3)
        canvas = np.broadcast_to(np.array(paper, np.uint8), shape).copy()
        for x, y, picture in self.pictures:
            top, left = round(y), round(x)
            place = canvas[top : top + picture.shape[0], left : left + picture.shape[1]]
            colour = picture[: place.shape[0], : place.shape[1], :3]
            if picture.shape[2] == 4:
                seen = picture[: place.shape[0], : place.shape[1], 3:] > 0
                place[:] = np.where(seen, colour, place)
            else:
                place[:] = colour
        return canvas


def save_png(figure: Figure, path: str | Path, dpi: float = DPI) -> Path:
    """Write a figure as PNG, whole; the same figure always gives the same bytes."""
    write: dict[str, Any] = {"format": "png", "dpi": dpi, "metadata": {"Software": None}}
    write_whole(Path(path), lambda file: figure.savefig(file, **write))
    return Path(path)


def width_of(text: str, size: float = 13.0) -> float:
    """Give about how wide a line of text is, in pixels.

    >>> width_of("conv1", 10)
    31.0
    """
    return cell_len(text) * LETTER * size


def widest(texts: Iterable[str], size: float = 13.0) -> float:
    """Give the width of the widest line."""
    return max((width_of(text, size) for text in texts), default=0.0)


def wrapped(text: str, width: float, size: float = 13.0) -> list[str]:
    """Break a text at its spaces into lines that are no wider than that, in pixels.

    >>> wrapped("one two three", 60, 10)
    ['one two', 'three']
    """
    lines: list[str] = []
    for word in text.split():
        if lines and width_of(f"{lines[-1]} {word}", size) <= width:
            lines[-1] = f"{lines[-1]} {word}"
        else:
            lines.append(word)
    return lines


def heading(sheet: Sheet, title: str, caption: str, width: float, x: float = 16.0) -> float:
    """Put a title and a caption at the top; give the height they take."""
    y = 14.0
    for line in wrapped(title, width, 17):
        sheet.words.append(Word(line, x, y + 8, 17, strong=True))
        y += 23
    for line in wrapped(caption, width, 12):
        sheet.words.append(Word(line, x, y + 8, 12, faint=True))
        y += 17
    return y + 8


def heading_height(title: str, caption: str, width: float) -> float:
    """Give the height that a title and a caption take at the top."""
    return 22.0 + 23 * len(wrapped(title, width, 17)) + 17 * len(wrapped(caption, width, 12))


def legend_rows(legends: Sequence[Legend], width: float) -> list[list[Legend]]:
    """Break legends into rows that are no wider than that, in pixels."""
    rows: list[list[Legend]] = []
    for each in legends:
        taken = sum(_legend_width(other) for other in rows[-1]) if rows else 0.0
        if rows and taken + _legend_width(each) <= width:
            rows[-1].append(each)
        else:
            rows.append([each])
    return rows


def put_legends(sheet: Sheet, rows: Sequence[Sequence[Legend]], x: float, y: float) -> None:
    """Put rows of legends, 26 pixels each, from that place on."""
    for number, row in enumerate(rows):
        at = x
        for each in row:
            _put_legend(sheet, each, at, y + 26 * number + 13)
            at += _legend_width(each)


BAR = 96  # pixels of a legend's bar
STRONG = 1.15  # how much wider bold letters are


def _legend_width(legend: Legend) -> float:
    bar = 0 if legend.scale == "colours" else BAR + 8
    words = (legend.low if bar else "", legend.high)
    return bar + _name_width(legend) + sum(width_of(word, 12) + 8 for word in words if word) + 26


def _name_width(legend: Legend) -> float:
    return width_of(legend.name, STRONG * 12) + 12 if legend.name else 0.0


def _put_legend(sheet: Sheet, legend: Legend, x: float, y: float) -> None:
    if legend.name:
        sheet.words.append(Word(legend.name, x, y, 12, strong=True))
        x += _name_width(legend)
    if legend.scale != "colours":
        sheet.words.append(Word(legend.low, x, y, 12))
        x += width_of(legend.low, 12) + 8
        sheet.pictures.append((x, y - 6, _bar(legend.scale)))
        x += BAR + 8
    sheet.words.append(Word(legend.high, x, y, 12))


def _bar(scale: Scale) -> np.ndarray:
    lowest = -1 if scale.startswith("signed") else 0
    ramp = np.broadcast_to(np.linspace(lowest, 1, BAR), (12, BAR))
    if scale.endswith("over"):
        return overlay(np.full((12, BAR, 3), 128, np.uint8), ramp, signed=lowest < 0)
    return signed(ramp) if scale == "signed" else rectified(ramp)
