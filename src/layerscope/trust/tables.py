"""From the parts of a verdict to its table: methods by questions, with intervals and words."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from layerscope.trust import verdict
from layerscope.trust.baselines import BASELINES
from layerscope.trust.judge import gaps, measure, methods_of
from layerscope.trust.parts import Arrays
from layerscope.trust.similarity import spearman
from layerscope.trust.verdict import Interval, interval

MADE_UP = {"level": "baseline", "reading": "knows nothing of the network: to compare with"}


def document(found: Mapping[str, Arrays], ways: Sequence[str]) -> dict[str, Any]:
    """Read all parts: a row a method, and what methods and ways of hiding have in common."""
    rows = [row_of(found, ways, name) for name in methods_of(found)]
    means = {way: {row["method"]: row["gaps"][way]["mean"] for row in rows} for way in ways}
    pairs = verdict.agreement_of_ways(means)
    return {
        "rows": rows,
        "ways": list(ways),
        "ways_agree": [{"one": a, "other": b, "spearman": x} for (a, b), x in pairs.items()],
        "methods_agree": methods_agree(found["maps"]),
        "sentences": sentences(rows, pairs),
    }


def row_of(found: Mapping[str, Arrays], ways: Sequence[str], name: str) -> dict[str, Any]:
    """Measure one method, or a baseline, and say what it is good for."""
    own, known = gaps(found, ways, name), name in BASELINES
    others = {way: {b: gaps(found, [way], b)[way] for b in BASELINES if b != name} for way in ways}
    top, half = found.get("weights-top-down", {}), np.zeros(0)
    drawn = measure(top, name, "spearman")
    if len(drawn):
        half = drawn[-(-len(drawn) // 2) - 1]
    measures = {
        "weights": half,
        "class": found["class"].get(name, np.zeros(0)),
        "located": measure(found["located"], name, "energy"),
        "steady": measure(found["steady"], name, "max_sensitivity"),
        "shift": measure(found["steady"], name, "shift"),
    }
    for part in [key for key in found if key.startswith("seed-")]:
        measures[part] = found[part].get(name, np.zeros(0))
    answers = {"faithful": verdict.is_faithful(own, others)}
    if len(half):
        answers["weights"] = verdict.depends_on_weights(half)
    if len(measures["located"]):
        answers["located"] = verdict.is_located(measures["located"])
    if len(measures["steady"]):
        answers["steady"] = verdict.is_steady(measures["steady"])
    for question in ("unit", "layer"):
        inner = found.get(question, {})
        if name in inner:
            others_here = {b: inner[b] for b in BASELINES if b != name}
            answers[question] = verdict.is_faithful({"": inner[name]}, {"": others_here})
            measures[question] = inner[name]
    level, words = verdict.reading(answers)
    if known:
        level, words = MADE_UP["level"], MADE_UP["reading"]
    return {
        "method": name,
        "level": level,
        "reading": words,
        "answers": answers,
        "gaps": {way: told(interval(gap)) for way, gap in own.items()},
        "measures": {key: told(interval(x)) for key, x in measures.items() if len(x)},
    }


def told(found: Interval) -> dict[str, float | None]:
    """Write an interval for JSON; None where it has no end."""
    return {k: round(v, 4) if np.isfinite(v) else None for k, v in asdict(found).items()}


def methods_agree(maps: Arrays) -> list[dict[str, Any]]:
    """Correlate the absolute maps of each two methods, the mean over examples."""
    names = list(maps)
    return [
        {
            "one": one,
            "other": other,
            "spearman": round(float(spearman(maps[one], maps[other], signed=False).mean()), 3),
        }
        for k, one in enumerate(names)
        for other in names[k + 1 :]
    ]


def sentences(rows: Sequence[Mapping[str, Any]], pairs: Mapping[Any, float]) -> list[str]:
    """Say the findings in words."""
    found = []
    for level, begin in (
        ("pass", "Can be believed here for where the evidence is"),
        ("care", "With care"),
        ("fail", "Not to be believed here"),
    ):
        names = [row["method"] for row in rows if row["level"] == level]
        if names:
            found.append(f"{begin}: {', '.join(names)}.")
    structure = [row["method"] for row in rows if row["reading"] == verdict.STRUCTURE]
    if structure:
        found.append(f"Hardly changed by drawing the upper layers anew: {', '.join(structure)}.")
    if pairs:
        least = min(pairs, key=lambda pair: pairs[pair])
        found.append(
            f"Ways of hiding rank the methods most differently between {least[0]} and {least[1]} "
            f"(Spearman {pairs[least]:.2f}); they agree at {max(pairs.values()):.2f} at best."
        )
    return found


def curves_of(found: Mapping[str, Arrays], ways: Sequence[str]) -> Arrays:
    """Average over examples what is drawn: similarity against depth, scores against what is hidden.

    Returns:
        "layers" as they are drawn anew from the top, "spearman/METHOD" and "ssim/METHOD" (absolute
        maps), "fractions" from 0, "morf/WAY/METHOD" and "lerf/WAY/METHOD".

    """
    drawn: Arrays = {}
    top = found.get("weights-top-down", {})
    if "layers" in top:
        drawn["layers"] = top["layers"]
        for kind in ("spearman", "ssim"):
            for name in found["maps"]:
                drawn[f"{kind}/{name}"] = measure(top, name, kind).mean(1)
    for way in ways:
        for name in methods_of(found):
            part = found[f"evidence-{way}-{name}"]
            drawn["fractions"] = np.concatenate([[0.0], part["fractions"]])
            for kind in ("morf", "lerf"):
                each = np.column_stack([part["whole"], part[kind]])
                drawn[f"{kind}/{way}/{name}"] = each.mean(0)
    return drawn


def table(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Make the rows that are printed and written as CSV."""
    plain = []
    for row in rows:
        line: dict[str, Any] = {"method": row["method"], "verdict": row["level"]}
        for question in ("weights", "faithful", "located", "steady", "unit", "layer"):
            line[question] = row["answers"].get(question, "")
        for way, value in row["gaps"].items():
            line[f"gap {way}"] = value["mean"]
        for key, value in row["measures"].items():
            line[f"{key} value"] = value["mean"]
            line[f"{key} low"], line[f"{key} high"] = value["low"], value["high"]
        plain.append(line | {"reading": row["reading"]})
    return plain
