"""The report of a sweep as one page of Markdown with its two figures, beside the tables."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from layerscope import storage
from layerscope.report.figures.sheet import save_png
from layerscope.report.figures.sweep import sweep_curves, sweep_fronts
from layerscope.training.sweep.grid import Table, tables
from layerscope.training.sweep.sentences import told

NAMES = {
    "parameters": "parameters",
    "flops": "FLOPs",
    "seconds": "seconds",
    "memory_mb": "memory",
}


def write_sweep(folder: Path, found: Mapping[str, Any]) -> Path:
    """Write sweep.md, curves.png and fronts.png of a sweep's document; give the first."""
    save_png(sweep_curves(found), folder / "curves.png")
    drawn = any(row["mean"] is not None for row in found["settings"])
    if drawn:
        save_png(sweep_fronts(found), folder / "fronts.png")
    page = folder / "sweep.md"
    storage.write_text(page, _page(found, drawn))
    return page


def _page(found: Mapping[str, Any], drawn: bool) -> str:
    metric = found["metric"].replace("_", " ")
    several = any(row["seeds"] > 1 for row in found["settings"])
    range_ = ": the mean over the seeds, their range in brackets" if several else ""
    parts = [
        f"# {found['name']}",
        found["sentence"],
        f"## {metric.capitalize()} on val and parameters{range_}",
        "The chosen setting is marked *. Only settings whose trials all had their full budget have "
        "a figure.",
        *(_grid(table) for table in tables(found)),
        "## Quality beside cost",
        _costs(found),
    ]
    if drawn:
        parts += ["![quality over each cost](fronts.png)"]
    parts += ["## Curves", "A cross ends what was stopped or failed.", "![curves](curves.png)"]
    if failed := [row for row in found["trials"] if row["reason"]]:
        lines = [f"- `{row['trial']}`: {row['reason']}" for row in failed]
        parts += ["## Failed trials", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def _grid(table: Table) -> str:
    head = f"{table.row_key} \\ {table.column_key}" if table.column_key else table.row_key
    columns = [f"{table.column_key} {name}".strip() for name in table.columns]
    lines = [_row([head, *(part for c in columns for part in (c, "parameters"))])]
    lines.append(_row(["---"] * (1 + 2 * len(columns))))
    for name, cells in zip(table.rows, table.cells, strict=True):
        flat = [part.replace("*", r"\*") for cell in cells for part in cell]
        lines.append(_row([name, *flat]))
    return "\n".join(([f"**{table.title}**", ""] if table.title else []) + lines)


def _costs(found: Mapping[str, Any]) -> str:
    """Tell every setting of a full budget with its costs, the fronts it is on named."""
    head = ["setting", found["metric"].replace("_", " "), "standard error", "parameters"]
    head += ["FLOPs", "seconds", "memory, MB", "on the front of"]
    lines = [_row(head), _row(["---"] * len(head))]
    for row in found["settings"]:
        if row["mean"] is None:
            continue
        memory = "" if row["memory_mb"] is None else f"{row['memory_mb']:.0f}"
        cells = [told(row["values"]), f"{row['mean']:.4f}", f"{row['standard_error']:.4f}"]
        cells += [f"{row['parameters']:,}", f"{row['flops']:.3g}", f"{row['seconds']:.1f}", memory]
        lines.append(_row([*cells, ", ".join(NAMES[cost] for cost in row["fronts"])]))
    return "\n".join(lines)


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
