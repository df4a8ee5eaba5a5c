"""Any method's relevance along time, shared out over the cells of the time-frequency plane."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from layerscope.errors import Refused
from layerscope.views.registry import find_method, method
from layerscope.views.sound.relevance import time_frequency_of
from layerscope.views.sound.traced import plane_for
from layerscope.views.trace import Trace
from layerscope.views.view import View


@method(
    "time_frequency",
    paper="Vielhaben et al. 2024, arXiv:2303.06365",
    needs=("target",),
    axes=("batch", "channel", "frequency", "time"),
    signed=True,
    axioms=("none claimed",),
)
def time_frequency(
    trace: Trace,
    *,
    target: Any = "predicted",
    of: str = "integrated_gradients",
    options: Mapping[str, Any] | None = None,
    window: float | None = None,
) -> dict[str, View]:
    """Return what each cell of the time-frequency plane has to do with the score.

    `"batch channel frequency time"`: another method's view, carried through the inverse transform
    as if that were a layer before the network. Where each sample's value is what it adds to the
    score, so is each cell's: integrated gradients from silence are then exactly those of the
    cells. `sound.on_plane` says how other values are read.

    `quality`, "batch" first: "frequency" in Hz, "time" in s, "gap", the sum of the cells less
    that of the view.

    Args:
        trace: the recorded batch.
        target: what is explained; see `Trace.aim`.
        of: a registered method with views of examples at the input.
        options: the method's own, beside its target.
        window: of the plane, in seconds; None: 32 ms of sounds, half a second of recordings.

    """
    plane = plane_for(trace, "time_frequency", window)
    given = dict(options or {})
    known = find_method(of, given)
    if "target" not in known.options or "batch" not in known.axes:
        raise Refused(
            f"of={of!r}: what is shared out is a target's relevance; {of} takes no target, or "
            "shows no examples"
        )
    views = trace.view(of, **{"target": target, **given})
    if len(views) != 1:
        raise Refused(
            f'of={of!r} looks at layers; name one: options={{"layers": ["{list(views)[-1]}"]}}'
        )
    (view,) = views.values()
    sounds = trace.tape.input.tensor.detach().float().cpu()
    found = time_frequency_of(view, sounds, plane.sfreq, window=plane.size / plane.sfreq)
    return {"input": replace(found, method="time_frequency", layer="input")}
