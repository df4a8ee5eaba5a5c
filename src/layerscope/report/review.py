"""The review sheet: one HTML file, opened from disk, on which a person decides on findings."""

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from layerscope.data.decisions import COLUMNS, Row
from layerscope.report.document import filled
from layerscope.report.theme import DARK, LIGHT
from layerscope.storage import write_text

if TYPE_CHECKING:
    from layerscope.cleaning.findings import Finding


def write_review(
    path: Path,
    name: str,
    classes: Sequence[str],
    findings: Sequence["Finding"],
    rows: Sequence[Row],
    thumbnails: Mapping[str, bytes],
    *,
    stamp: str,
    sentence: str = "",
) -> Path:
    """Write the sheet of a scan: findings in their order, the rows of keep_drop.csv, thumbnails.

    Everything is inside the file. It saves the table with what was decided; until then the browser
    keeps the decisions, for the sheet of this `stamp`.
    """
    found = {(each.id, each.issue, each.sha256): each for each in findings}
    shown = []
    for row in rows:
        line = {column: getattr(row, column) for column in COLUMNS}
        each = found.get((row.id, row.issue, row.sha256))
        if each is not None:
            line |= {"why": each.why, "label": each.label, "split": each.split}
            line |= {"group": each.group or each.id, "shown": "yes"}
        shown.append(line)
    pictures = {
        key: "data:image/jpeg;base64," + base64.b64encode(picture).decode()
        for key, picture in thumbnails.items()
    }
    document = {
        "stamp": stamp,
        "columns": COLUMNS,
        "classes": list(classes),
        "rows": shown,
        "pictures": pictures,
    }
    text = json.dumps(document, ensure_ascii=False).replace("<", "\\u003c")
    themes = {"light": LIGHT.css(), "dark": DARK.css()}
    content = {"name": name, "sentence": sentence, "document": text}
    write_text(path, filled("review.html.j2", {}, **themes, **content))
    return path
