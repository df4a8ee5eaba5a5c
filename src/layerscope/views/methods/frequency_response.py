"""Frequency responses of the filters that read a waveform: what each lets through, in Hz."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from layerscope.errors import Refused
from layerscope.views.methods.filters import readers_among
from layerscope.views.registry import method
from layerscope.views.sound.traced import sound_rate
from layerscope.views.sound.tuning import centres_of, responses_of
from layerscope.views.trace import Trace
from layerscope.views.view import View


@method(
    "frequency_response",
    paper="Palaz et al. 2015, doi:10.21437/Interspeech.2015-3",
    needs=("layer",),
    axes=("unit", "channel", "frequency"),
    signed=False,
    axioms=("not negative",),
)
def frequency_response(
    trace: Trace, layers: str | Sequence[str] | None = None, *, count: int = 257
) -> dict[str, View]:
    """Return by how much each filter that reads the input amplifies each frequency.

    `"unit channel frequency"`, amplitudes, 1 where a tone passes as it is: the absolute value of
    the discrete-time Fourier transform of the weights. Units are sorted by their centre
    frequency; `unit` names them. The bias, the stride and what follows play no part.

    `quality`, each with the axis "unit" first: "frequency" in Hz; "centre", the mean frequency
    weighted by power (of all channels) in Hz; "peak", where the response is largest.

    Args:
        trace: the recorded batch; only the network and the scope's `sfreq` matter.
        layers: convolutions that read the input itself; the first one where none is named.
        count: of frequencies, evenly from 0 to half the sampling rate.

    """
    sfreq = sound_rate(trace, "frequency_response")
    if count < 2:
        raise Refused(f"count={count!r}: give at least 2 frequencies")
    frequencies = np.linspace(0, sfreq / 2, count)
    views = {}
    for name in readers_among(trace, layers):
        taps = _taps(trace, name)  # (U, C, K)
        gains = responses_of(taps, frequencies, sfreq)
        power = np.sqrt(np.square(gains).sum(1))  # (U, F)
        centres = centres_of(power, frequencies)
        order = np.argsort(centres, kind="stable")
        views[name] = View(
            values=np.ascontiguousarray(gains[order], dtype=np.float32),
            axes=("unit", "channel", "frequency"),
            method="frequency_response",
            layer=name,
            unit=order,
            input_size=tuple(trace.tape.input.tensor.shape[2:]),
            quality={
                "frequency": np.tile(frequencies, (len(order), 1)),
                "centre": centres[order],
                "peak": frequencies[power[order].argmax(1)],
            },
        )
    return views


def _taps(trace: Trace, name: str) -> np.ndarray:
    """Return a convolution's weights along time, `(unit, channel, taps)`, zeros where it skips."""
    module = trace.module(name)
    weight: Tensor = module.weight  # type: ignore[assignment]
    along, across = weight.shape[-1], weight.shape[2:-1]
    if across.numel() > 1:
        raise Refused(
            f"the filters of layer {name!r} span {tuple(across)} channels beside time; those along "
            "time alone have a frequency response"
        )
    flat = weight.detach().double().cpu().flatten(2).numpy()
    step = int(module.dilation[-1])  # type: ignore[index]
    taps = np.zeros((*flat.shape[:2], (along - 1) * step + 1))
    taps[..., ::step] = flat
    return taps
