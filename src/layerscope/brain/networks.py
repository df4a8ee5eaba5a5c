"""Networks against networks and layers against layers: CKA, and the similarity of their RDMs."""

from typing import Any

import numpy as np

from layerscope.brain.cka import cka_matrix
from layerscope.brain.compare import comparison
from layerscope.brain.measure import Layers


def layers_against_layers(a: Layers, b: Layers, compare: str) -> dict[str, Any]:
    """Compare each layer of one network with each of another (or of the same).

    Gives `rows` and `columns` (layers), `cka` and `rdm` `(row, column)`, and of each the null: one
    network against the other's untrained twin, `cka_untrained` and `rdm_untrained`.
    """
    alike = comparison(compare)
    rows, columns = (np.stack(list(each.values())) for each in (a.rdms, b.rdms))
    twins = np.stack(list(b.twin_rdms.values()))
    grams = list(a.grams.values())
    return {
        "network": a.name,
        "against": b.name,
        "rows": list(a.rdms),
        "columns": list(b.rdms),
        "cka": cka_matrix(grams, list(b.grams.values())),
        "cka_untrained": cka_matrix(grams, list(b.twins.values())),
        "rdm": alike(rows, columns),
        "rdm_untrained": alike(rows, twins),
    }


def matrix_rows(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Write the matrices as rows of a CSV, a pair of layers each."""
    measures = ("cka", "cka_untrained", "rdm", "rdm_untrained")
    return [
        {"layer": row, "against": column, **{name: float(found[name][i, j]) for name in measures}}
        for i, row in enumerate(found["rows"])
        for j, column in enumerate(found["columns"])
    ]
