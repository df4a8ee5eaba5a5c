"""A network drawn to scale: every layer's maps, what they see, and what they cost."""

from collections.abc import Sequence
from dataclasses import dataclass

from layerscope.nets.geometry import LayerGeometry
from layerscope.report.figures import svg
from layerscope.report.theme import LIGHT, Theme

TALLEST = 132.0  # pixels of the drawing for the input's longer side
WIDEST = 96.0  # and for the largest number of channels
SLANT = (0.8, -0.6)  # the direction in which channels are drawn
GAP = 24.0
COLUMN = 108.0  # of text, at least


@dataclass(frozen=True)
class Stage:
    """A layer with weights and the layers without that follow it."""

    layer: LayerGeometry
    after: tuple[LayerGeometry, ...]


def stages(layers: Sequence[LayerGeometry]) -> list[Stage]:
    """Group layers: each one with weights and spatial maps or outputs begins a stage.

    Norms stay with what they follow; layers before the first one with weights are left out.
    """
    groups: list[list[LayerGeometry]] = []
    for layer in layers:
        if layer.parameters and "Norm" not in layer.kind:
            groups.append([layer])
        elif groups:
            groups[-1].append(layer)
    return [Stage(first, tuple(rest)) for first, *rest in groups]


def network_svg(
    layers: Sequence[LayerGeometry], input_shape: Sequence[int], *, theme: Theme = LIGHT
) -> str:
    """Draw the input and every stage; faces are maps, depth is channels, both to scale.

    On the input's face, squares of dashes show what one position of each convolution sees.

    >>> from layerscope.nets import study_mnist
    >>> from layerscope.nets.geometry import geometry
    >>> "conv3" in network_svg(geometry(study_mnist(), (1, 28, 28)), (1, 28, 28))
    True
    """
    drawn = stages(layers)
    scale = TALLEST / max(input_shape[1:])
    depth = WIDEST / max((s.layer.channels for s in drawn if s.layer.size), default=1)
    heights = [
        _face(s.layer.size, scale)[0] - SLANT[1] * depth * s.layer.channels
        for s in drawn
        if s.layer.size
    ]
    floor = 12 + max(heights, default=TALLEST)
    parts, x = [], 12.0
    column, width = _input(input_shape, drawn, x, floor, scale, theme)
    parts.append(column)
    for number, stage in enumerate(drawn):
        x += width + GAP
        parts.append(_arrow(x - GAP + 3, x - 5, floor, theme))
        shade = 0.35 + 0.65 * number / max(len(drawn) - 1, 1)
        column, width = _stage(stage, x, floor, scale, depth, shade, theme)
        parts.append(column)
    return svg.document(parts, x + width + 12, floor + 136)


def _input(
    shape: Sequence[int], drawn: Sequence[Stage], x: float, floor: float, scale: float, theme: Theme
) -> tuple[str, float]:
    height, width = _face(shape[1:], scale)
    body = _stack(x, floor, width, height, 3.0, theme.muted, 0.18, theme)
    for stage in drawn:
        field = stage.layer.receptive_field
        if stage.layer.size and field:
            h, w = _face(field, scale)
            if h <= height and w <= width:
                corner = {"x": x + (width - w) / 2, "y": floor - (height + h) / 2}
                dash = {"fill": "none", "stroke": theme.accent, "stroke_dasharray": "3 2"}
                body += svg.element("rect", width=w, height=h, **corner, **dash)
    lines = [_product((*shape[1:], shape[0])), "dashed: what one", "position sees"]
    return body + _words("input", lines, x, floor, theme), max(width, COLUMN)


def _stage(
    stage: Stage, x: float, floor: float, scale: float, depth: float, shade: float, theme: Theme
) -> tuple[str, float]:
    layer = stage.layer
    height, width = _face(layer.size, scale) if layer.size else (TALLEST * 0.6, 7.0)
    thick = layer.channels * depth if layer.size else 0.0
    body = _stack(x, floor, width, height, thick, theme.first, shade, theme)
    lines = [_product((*layer.size, layer.channels)) if layer.size else f"{layer.channels} outputs"]
    if layer.size and layer.receptive_field:
        lines.append(f"sees {_product(layer.receptive_field)}")
    lines.append(f"{short(layer.parameters)} parameters")
    lines.append(f"{short(layer.flops)}FLOP")
    followers = [f"{each.name}{_to(each, layer)}" for each in stage.after if _to(each, layer)]
    lines += [svg.shortened(name, 19) for name in followers[:2]]
    wide = max(width + thick * SLANT[0], COLUMN)
    return body + _words(svg.shortened(layer.name, 16), lines, x, floor, theme), wide


def _to(layer: LayerGeometry, before: LayerGeometry) -> str:
    """Say to what size a pool brings the maps; nothing for a layer that keeps it."""
    return f" → {_product(layer.size)}" if layer.size and layer.size != before.size else ""


def _face(size: Sequence[int], scale: float) -> tuple[float, float]:
    """Give height and width of a map; a waveform is drawn as a tall strip."""
    height = max(size[0] * scale, 1.5)
    return height, max(size[-1] * scale, 1.5) if len(size) > 1 else 7.0


def _stack(
    x: float,
    floor: float,
    w: float,
    h: float,
    thick: float,
    colour: str,
    shade: float,
    theme: Theme,
) -> str:
    """Draw a box with a face of w by h, as thick as its channels."""
    dx, dy = thick * SLANT[0], thick * SLANT[1]
    top = floor - h
    edge = {"stroke": theme.ink, "stroke_width": 0.7, "stroke_linejoin": "round"}
    backs = [
        [(x, top), (x + dx, top + dy), (x + w + dx, top + dy), (x + w, top)],
        [(x + w, top), (x + w + dx, top + dy), (x + w + dx, floor + dy), (x + w, floor)],
    ]
    front = [(x, top), (x + w, top), (x + w, floor), (x, floor)]
    faces = zip((*backs, front), (0.45, 0.7, 1.0), strict=True)
    under = "".join(svg.polygon(face, fill=theme.paper, **edge) for face in (*backs, front))
    return under + "".join(
        svg.polygon(face, fill=colour, fill_opacity=shade * light, **edge) for face, light in faces
    )


def _words(name: str, lines: Sequence[str], x: float, floor: float, theme: Theme) -> str:
    told = svg.text(name, x, floor + 24, fill=theme.ink, font_size=14, font_weight=650)
    for number, line in enumerate(lines):
        told += svg.text(line, x, floor + 42 + 17 * number, fill=theme.muted, font_size=12.5)
    return told


def _arrow(start: float, end: float, floor: float, theme: Theme) -> str:
    y = floor + 19
    line = svg.element("line", x1=start, y1=y, x2=end, y2=y, stroke=theme.muted)
    return line + svg.polygon([(end, y), (end - 6, y - 3), (end - 6, y + 3)], fill=theme.muted)


def _product(numbers: Sequence[int]) -> str:
    return " × ".join(f"{number:,}" for number in numbers)


def short(number: int) -> str:
    """Write a large number with a prefix.

    >>> short(51232), short(803366), short(0)
    ('51.2 k', '803 k', '0 ')
    """
    for size, prefix in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            return f"{number / size:.3g} {prefix}"
    return f"{number} "
