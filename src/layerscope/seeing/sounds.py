"""What can be heard of a view: projections, what a network used of a clip, snippets."""

from collections.abc import Iterator

import numpy as np
from torch import Tensor

from layerscope.seeing.ask import INPUT, Ask
from layerscope.seeing.kept import MADE
from layerscope.views import Scope, Trace, View
from layerscope.views.sound import Sound, masked, sonify, time_frequency_of

APART = 0.15
"""Seconds of silence between the snippets of a unit."""


def sounds_of(view: View, ask: Ask, trace: Trace) -> dict[str, list[Sound]]:
    """Make what can be heard of a view; nothing where its last axis is not the input's time.

    - "projection": a unit, or a class, carried down to the input, as a signal.
    - "only" and "without": the clips through a mask that keeps, or takes out, the cells of time
      and frequency that a relevance holds most relevant; of a layer in front of others only "only".
    - "made": what a method made as an input.
    - "snippets" and "projections": of each unit its strongest, one after the other.

    Args:
        view: as it is stored, or as a method gave it.
        ask: what was asked of its method.
        trace: what the view is of; its scope's `sfreq` says how fast samples go by.

    """
    scope, waves = trace.scope, trace.tape.input.tensor.dim() == 3
    if scope.sfreq is None or scope.kind != "waveform" or not waves:
        return {}
    if view.axes[-1:] != ("time",) or "frequency" in view.axes:
        return {}
    sfreq = float(scope.sfreq)
    if view.axes[:2] == ("unit", "rank"):
        cut = {"snippets": view.quality["patches"], "projections": view.values}
        return {name: [in_turn(ranks, sfreq) for ranks in of] for name, of in cut.items()}
    if view.method in MADE:
        return {"made": [sonify(view, sfreq, row=row) for row in range(len(view.values))]}
    if view.axes[0] != "batch" or view.method == "feature_maps":
        return {}
    if view.unit is not None:
        return {"projection": list(_each(view, sfreq))}
    if ask.aim is None:
        return {}
    found = parts_of_clips(view, trace)
    if view.layer == INPUT and view.method in ("deconvnet", "guided_backprop"):
        found = {"projection": list(_each(view, sfreq)), **found}
    return found


def _each(view: View, sfreq: float) -> Iterator[Sound]:
    for row in range(len(view.values)):
        yield sonify(view, sfreq, row=row)


def parts_of_clips(view: View, trace: Trace) -> dict[str, list[Sound]]:
    """Give of each clip "only" what a relevance holds most relevant; at the input "without" too."""
    scope, inputs = trace.scope, trace.tape.input.tensor
    sfreq = float(scope.sfreq or 0)
    shared = time_frequency_of(view, inputs, sfreq).values.sum(axis=1)  # (B, F, M)
    pairs = list(zip(_clips(scope, inputs), shared, strict=True))
    parts = {"only": False, "without": True} if view.layer == INPUT else {"only": False}
    return {
        name: [masked(clip, cells, sfreq, rest=rest) for clip, cells in pairs]
        for name, rest in parts.items()
    }


def _clips(scope: Scope, inputs: Tensor) -> np.ndarray:
    """Undo the network's units: `(B, time)`, as the clips are, to a factor for each."""
    mean, std = (
        np.asarray(given if given is not None else default, np.float64).reshape(-1, 1)
        for given, default in ((scope.mean, [0.0]), (scope.std, [1.0]))
    )
    return (inputs.double().cpu().numpy() * std + mean).sum(axis=1)


def in_turn(ranks: np.ndarray, sfreq: float) -> Sound:
    """Join the snippets `(rank, channel, time)` of a unit, each at its level, silence between."""
    gap = np.zeros(round(APART * sfreq), np.float32)
    heard = [sonify(snippet, sfreq, row=()) for snippet in ranks if snippet.any()]
    parts = [gap, *(part for sound in heard for part in (sound.samples, gap))]
    level = max((sound.level_db for sound in heard), default=float("-inf"))
    note = f"{len(heard)} snippets, the strongest first"
    return Sound(np.concatenate(parts), sfreq, 0.0, level, note)
