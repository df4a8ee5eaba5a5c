"""Effective responses: what each unit of every layer is tuned to, measured with tones or noise."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from layerscope.errors import Refused
from layerscope.progress import bar
from layerscope.tape import Value, resume
from layerscope.views.legal import baseline_like
from layerscope.views.registry import method
from layerscope.views.sound.traced import sound_rate
from layerscope.views.sound.tuning import (
    asked_frequencies,
    centres_of,
    in_bands,
    noises,
    tones,
)
from layerscope.views.trace import Trace
from layerscope.views.view import View

WAYS = ("tone", "noise", "gradient")


@method(
    "effective_response",
    paper="Muckenhirn et al. 2019, doi:10.21437/Interspeech.2019-2269; Schirrmeister et al. 2017, "
    "arXiv:1703.05051",
    needs=("layer",),
    axes=("unit", "frequency"),
    signed=False,
    axioms=("not negative",),
)
def effective_response(
    trace: Trace,
    layers: str | Sequence[str] = "conv",
    *,
    by: str = "tone",
    frequencies: Any = None,
    draws: int = 4,
    raw: bool = False,
    seed: int = 0,
) -> dict[str, View]:
    """Return by how much each unit of a layer amplifies each frequency, `"unit frequency"`.

    By "tone" and "noise": the root mean square over a unit's map of what a sine, or noise that
    fills the band around the frequency, changes of its answer to silence, over that of the sound.
    By "gradient": of the traced examples, the square root of what each band adds to the energy of
    the unit's map (band times gradient, 0 where it takes away) over the band's own energy. For a
    linear layer of one channel all three are the filter's frequency response.

    `quality`, "unit" first: "frequency" in Hz, "best" the frequency amplified most, "centre" the
    mean one weighted by power; by sounds "change", by which the mean answer rises or falls.

    Args:
        trace: the recorded batch: sounds have its level (its root mean square).
        layers: which layers.
        by: see there. A sound is given to all channels alike.
        frequencies: in Hz, rising; None: 48, of sounds in even steps of pitch.
        draws: of the noise, for each frequency.
        raw: at a convolution, before its norm and rectifier.
        seed: of the noise.

    """
    sfreq = sound_rate(trace, "effective_response")
    if by not in WAYS or draws < 1:
        raise Refused(f"by={by!r}, draws={draws!r}: by one of {WAYS}, with at least 1 draw")
    source = trace.tape.input.tensor
    asked = asked_frequencies(frequencies, sfreq, source.shape[-1], trace.scope.kind)
    places = {name: trace.value(name, raw=raw) for name in trace.layer_names(layers)}
    if by == "gradient":
        return {
            n: _view(trace, n, asked, _slope(trace, v, asked, sfreq)) for n, v in places.items()
        }
    level = float(source.double().square().mean().sqrt()) or 1.0
    about = (asked, sfreq, source.shape[-1], level)
    sounds = tones(*about) if by == "tone" else noises(*about, draws, seed)
    found = _asked(trace, list(places.values()), sounds, level)
    return {
        name: _view(trace, name, asked, gain, change=change)
        for name, (gain, change) in zip(places, found, strict=True)
    }


@dataclass(frozen=True, eq=False)
class _Sums:
    """Of one layer, for each unit and frequency: mean squares and means, `(U, F)`."""

    squares: Tensor
    means: Tensor


def _asked(
    trace: Trace, values: list[Value], sounds: Tensor, level: float
) -> Iterator[tuple[Tensor, Tensor]]:
    """Give each layer's gains and changes, `(U, F)` both, by sounds `(F, n, time)`."""
    count, each = sounds.shape[:2]
    source = trace.tape.input.tensor
    silence = baseline_like(source[:1], trace.scope.baseline)
    still = resume(
        trace.tape, {trace.tape.input: silence}, values, torch.zeros(1, dtype=torch.long)
    )
    sums = [_Sums(*source.new_zeros((2, v.tensor.shape[1], count)).double()) for v in values]
    inputs = (silence + sounds.flatten(0, 1)[:, None].to(source)).expand(-1, source.shape[1], -1)
    together = max(1, trace.examples_at_once() // 2)
    with bar("effective responses", len(inputs), "sounds") as step:
        for first in range(0, len(inputs), together):
            some = inputs[first : first + together].contiguous()
            rows = torch.zeros(len(some), dtype=torch.long)
            found = resume(trace.tape, {trace.tape.input: some}, values, rows)
            for maps, rest, held in zip(found, still, sums, strict=True):
                moved = (maps - rest).double().view(*maps.shape[:2], -1)  # (n, U, cells)
                for row, one in enumerate(moved):
                    band = (first + row) // each
                    held.squares[:, band] += one.square().mean(1) / each
                    held.means[:, band] += one.mean(1) / each
            step(len(some))
    for held in sums:
        yield held.squares.sqrt() / level, held.means


def _slope(trace: Trace, value: Value, asked: np.ndarray, sfreq: float) -> Tensor:
    """Give the gains of a layer's units by gradient, `(U, F)`: one pass down for each unit."""
    source, maps = trace.tape.input.tensor, value.tensor
    inside = torch.from_numpy(in_bands(asked, sfreq, source.shape[-1])).double()
    spectrum = torch.fft.rfft(source.double())  # (B, channel, bins)
    energy = inside @ spectrum.abs().square().sum((0, 1))
    gains, together = [], trace.seeds_within_budget(value)
    units = torch.arange(maps.shape[1])
    for some in units.split(together):
        seeds = maps.new_zeros((len(some), *maps.shape))
        for place, unit in enumerate(some.tolist()):
            seeds[place, :, unit] = maps[:, unit]
        slopes = trace.propagate(seeds, value)
        assert isinstance(slopes, Tensor)  # one value was asked for
        shares = (spectrum * torch.fft.rfft(slopes.double()).conj()).real.sum((1, 2))  # (S, bins)
        gains.append((shares @ inside.T / energy.clamp(min=1e-30)).clamp(min=0).sqrt())
    return torch.cat(gains)


def _view(
    trace: Trace, layer: str, asked: np.ndarray, gains: Tensor, *, change: Tensor | None = None
) -> View:
    values = gains.cpu().numpy()
    more = {} if change is None else {"change": change.float().cpu().numpy()}
    return View(
        values=np.ascontiguousarray(values, dtype=np.float32),
        axes=("unit", "frequency"),
        method="effective_response",
        layer=layer,
        input_size=tuple(trace.tape.input.tensor.shape[2:]),
        quality={
            "frequency": np.tile(asked, (len(values), 1)),
            "best": asked[values.argmax(1)],
            "centre": centres_of(values, asked),
            **more,
        },
    )
