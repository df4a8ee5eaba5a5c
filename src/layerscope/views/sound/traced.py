"""What methods for sounds ask of a trace: that its inputs are sounds, and of which rate."""

from layerscope.errors import Refused
from layerscope.views.sound.plane import WINDOW, Plane, plane_of
from layerscope.views.trace import Trace

RECORDING_WINDOW = 0.5
"""Length of a window in seconds, of recordings."""


def sound_rate(trace: Trace, method: str) -> float:
    """Return the samples per second of a trace of sounds or recordings.

    Raises:
        Refused: the input has other axes than time, or its rate is not known.

    """
    scope, shape = trace.scope, tuple(trace.tape.input.tensor.shape)
    if scope.kind == "photo" or len(shape) != 3:
        words = " ".join(("batch", "channel", *trace.spatial(trace.tape.input.tensor)))
        raise Refused(
            f"{method} looks at networks of sounds and recordings, whose input is "
            f'"batch channel time"; this input is a {scope.kind} "{words}" of the shape {shape}'
        )
    if scope.sfreq is None or not scope.sfreq > 0:
        raise Refused(
            f"{method} needs sfreq, the input's samples per second: give "
            f"Scope(..., sfreq=) in Hz (it is {scope.sfreq!r})"
        )
    return float(scope.sfreq)


def plane_for(trace: Trace, method: str, window: float | None) -> Plane:
    """Return the time-frequency plane of a trace's inputs, its window in seconds.

    Where none is given: 32 ms of sounds, half a second of recordings, no more than the input.
    """
    sfreq, length = sound_rate(trace, method), trace.tape.input.tensor.shape[-1]
    usual = RECORDING_WINDOW if trace.scope.kind == "recording" else WINDOW
    return plane_of(length, sfreq, min(usual, length / sfreq) if window is None else window)
