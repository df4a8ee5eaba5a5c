"""What a sweep's figures say, in sentences: the choice, its rule, and what was left out."""

from collections.abc import Mapping
from typing import Any

WORDS = {"balanced_accuracy": "balanced accuracy", "accuracy": "accuracy"}
SIZES = {"parameters": "parameters", "flops": "FLOPs"}


def sentence(found: Mapping[str, Any]) -> str:
    """Say what is chosen and by which rule; or why nothing is."""
    parts = [_chosen(found), _error(found), _left_out(found)]
    return " ".join(part for part in parts if part)


def told(values: Mapping[str, Any]) -> str:
    """Say a setting's values.

    >>> told({"blocks": 6, "channels": 32})
    'blocks 6, channels 32'
    """
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _chosen(found: Mapping[str, Any]) -> str:
    choice, rows = found["choice"], {row["setting"]: row for row in found["settings"]}
    if not found["comparable"]:
        return (
            "Nothing is chosen: the settings were validated on different examples, "
            "so their figures cannot be compared."
        )
    if choice is None:
        return "Nothing is chosen: no setting has its full budget yet."
    metric, size = WORDS[found["metric"]], SIZES[found["size"]]
    chosen, best = rows[choice["chosen"]], rows[choice["best"]]
    whose = f"{told(chosen['values'])} ({chosen[found['size']]:,} {size})"
    figure = f"{metric} {chosen['mean']:.4f} on val"
    if found["rule"] == "best":
        text = f"Chosen: {whose}, {figure}, the best of those with their full budget."
    elif chosen is best:
        text = (
            f"Chosen: {whose}, {figure}: the best, and no smaller network is within one standard "
            f"error of it ({best['standard_error']:.4f})."
        )
    else:
        text = (
            f"Chosen: {whose}, {figure}: the smallest network within one standard error "
            f"({best['standard_error']:.4f}) of the best, {told(best['values'])} "
            f"({best[found['size']]:,} {size}), {best['mean']:.4f}."
        )
    if choice["test_balanced_accuracy"] is not None:
        text += (
            f" Its balanced accuracy on test, which had no part in the choice: "
            f"{choice['test_balanced_accuracy']:.4f}."
        )
    return text


def _error(found: Mapping[str, Any]) -> str:
    """Say where the standard error comes from."""
    if found["choice"] is None or found["rule"] == "best":
        return ""
    best = next(row for row in found["settings"] if row["setting"] == found["choice"]["best"])
    if best["seeds"] == 1:
        return (
            "The standard error comes from a bootstrap of the validation examples alone: with one "
            "seed, what another seed would have given is not known."
        )
    return (
        f"The standard error joins that of the mean over {best['seeds']} seeds "
        f"({best['seeds_error']:.4f}) with a bootstrap of the validation examples "
        f"({best['examples_error']:.4f})."
    )


def _left_out(found: Mapping[str, Any]) -> str:
    """Say which settings were not compared."""
    states = [row["state"] for row in found["settings"]]
    words = {
        "stopped": "stopped early by halving",
        "failed": "failed in a trial",
        "unfinished": "not finished",
    }
    counts = [f"{states.count(state)} {text}" for state, text in words.items() if state in states]
    return f"Not compared: {', '.join(counts)} (of {len(states)} settings)." if counts else ""
