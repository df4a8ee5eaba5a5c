"""Golden values of every method on one small network: a few samples of each view, as JSON."""

import json
from pathlib import Path

import numpy as np

FILE = Path(__file__).parent / "golden.json"
SAMPLES = 12


def kept():
    return json.loads(FILE.read_text(encoding="utf-8"))


def sampled(values, count):
    """Give the values at places spread evenly over the flat array."""
    flat = values.reshape(-1)
    places = np.linspace(0, flat.size - 1, min(count, flat.size)).round().astype(int)
    return flat[places].tolist()


def golden_of(method):
    from layerscope.views import find_method
    from views.look import home, look
    from zoo import build

    net, images = build(home(method))
    more = {"exact": True} if find_method(method, {}).tolerance is not None else {}
    return {
        layer: {
            "shape": list(view.values.shape),
            "largest": float(np.abs(view.values).max()),
            "values": [float(f"{x:.6g}") for x in sampled(view.values, SAMPLES)],
        }
        for layer, view in look(net, images, method, **more).items()
    }


def main():
    from views.entries import ENTRIES
    from views.look import METHODS

    exempt = {m for m in METHODS if "it_keeps_its_golden_values" in ENTRIES[m].exempt}
    golden = {method: golden_of(method) for method in METHODS if method not in exempt}
    lines = [f"{json.dumps(name)}: {json.dumps(views)}" for name, views in sorted(golden.items())]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    import sys

    sys.path.insert(0, str(Path(__file__).parents[1]))
    main()
