"""Accuracy of a network of waveforms when they are noisy, and when they come early or late."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from layerscope import storage
from layerscope.errors import LayerscopeError
from layerscope.evaluation.figures import wilson
from layerscope.progress import bar

if TYPE_CHECKING:
    from torch import Tensor, nn

    from layerscope.data.dataset import Split
    from layerscope.data.inputs import InputSpec

SNRS = (30.0, 20.0, 10.0, 5.0, 0.0, -5.0, -10.0)
"""Decibels."""
SHIFTS = (-200.0, -100.0, -50.0, 50.0, 100.0, 200.0)
"""Milliseconds; below 0 the sound comes earlier."""
Change = Callable[["Tensor", "Tensor"], "Tensor"]
"""From sounds and noise, both "batch channel time", to what is heard."""
COLUMNS = ("split", "condition", "value", "n", "correct", "accuracy", "low", "high")


@dataclass(frozen=True)
class Condition:
    """What is right under one condition: `correct` of `n`, accuracy with Wilson's 95 % interval.

    `condition` is "clean", "snr" (`value` in dB) or "shift" (`value` in ms); clean has value 0.
    """

    split: str
    condition: str
    value: float
    n: int
    correct: int
    accuracy: float
    low: float
    high: float


def robustness(
    net: "nn.Module",
    split: "Split",
    spec: "InputSpec",
    *,
    snrs: Sequence[float] = SNRS,
    shifts: Sequence[float] = SHIFTS,
    seed: int = 0,
    most: int = 2000,
    batch_size: int = 32,
) -> tuple[Condition, ...]:
    """Count what a network gets right of a split: clean, in white noise, and moved in time.

    Of a split of more than `most` examples so many are taken, spread evenly over it. Noise is
    Gaussian, drawn from (seed, example id), so it does not depend on the batch; the SNR in dB is
    that of the whole clip's mean square to the noise's. What a shift in ms brings in is silence.
    Both come before the input's own scaling.

    Raises:
        LayerscopeError: the split is empty or its examples are no waveforms.

    """
    import torch

    from layerscope.tape import evaluation_mode

    if spec.kind != "waveform" or not spec.sfreq or not len(split):
        raise LayerscopeError(
            f"accuracy against noise and time shift is measured on waveforms of a known rate, not "
            f"on {len(split)} examples of kind {spec.kind}"
        )
    changes = _changes(snrs, shifts, spec.sfreq)
    correct = dict.fromkeys(changes, 0)
    device = next(net.parameters()).device
    chosen = np.linspace(0, len(split) - 1, min(len(split), most)).astype(np.int64)
    with (
        evaluation_mode(net),
        torch.inference_mode(),
        bar("noise, time shift", total=len(chosen) * len(changes), unit="examples") as step,
    ):
        for start in range(0, len(chosen), batch_size):
            positions = chosen[start : start + batch_size]
            sounds = split.batch(positions).to(torch.float32) / 32768  # (B, 1, T)
            noise = torch.stack([_noise(seed, split.ids[k], sounds.shape[1:]) for k in positions])
            for key, change in changes.items():
                logits = net(spec.to_model(change(sounds, noise)).to(device))
                predicted = logits.argmax(1).cpu().numpy()
                correct[key] += int((predicted == split.labels[positions]).sum())
                step(len(positions))
    return tuple(_condition(split.name, *key, len(chosen), n) for key, n in correct.items())


def noisy(sounds: "Tensor", noise: "Tensor", snr: float) -> "Tensor":
    """Add noise to each of `"batch channel time"`, at a signal-to-noise ratio in dB; silence stays.

    >>> import torch
    >>> sound, noise = torch.tensor([[[1.0, -1.0]]]), torch.tensor([[[2.0, 2.0]]])
    >>> noisy(sound, noise, 20).tolist()
    [[[1.100000023841858, -0.8999999761581421]]]
    """
    power = sounds.square().mean(dim=(1, 2), keepdim=True)
    against = noise.square().mean(dim=(1, 2), keepdim=True)
    return sounds + noise * (power / against * 10 ** (-snr / 10)).sqrt()


def shifted(sounds: "Tensor", samples: int) -> "Tensor":
    """Move `"batch channel time"` later (earlier below 0) by so many samples; zeros come in.

    >>> import torch
    >>> shifted(torch.tensor([[[1, 2, 3]]]), -1).tolist()
    [[[2, 3, 0]]]
    """
    from torch.nn.functional import pad

    samples = max(-sounds.shape[2], min(samples, sounds.shape[2]))
    return pad(sounds, (samples, -samples))


def write_robustness(path: Path, conditions: Iterable[Condition]) -> None:
    """Write the table robustness.csv, a row a condition."""
    storage.write_csv(Path(path), COLUMNS, map(asdict, conditions))


def read_robustness(path: Path) -> tuple[Condition, ...]:
    """Read the table robustness.csv; nothing where there is none.

    Raises:
        LayerscopeError: the file is not such a table.

    """
    if not Path(path).is_file():
        return ()
    kinds: dict[str, Callable[[str], Any]] = {"split": str, "condition": str, "n": int}
    kinds["correct"] = int
    try:
        return tuple(
            Condition(**{name: kinds.get(name, float)(row[name]) for name in COLUMNS})
            for row in storage.read_csv(Path(path))
        )
    except (KeyError, ValueError, TypeError) as error:
        raise LayerscopeError(
            f"{path} is damaged ({error}): delete it, and `layerscope evaluate` makes it again"
        ) from error


def _changes(
    snrs: Sequence[float], shifts: Sequence[float], sfreq: float
) -> dict[tuple[str, float], Change]:
    """Give what is done to sounds, by condition and value."""

    def noise_at(snr: float) -> Change:
        return lambda sounds, noise: noisy(sounds, noise, snr)

    def later_by(samples: int) -> Change:
        return lambda sounds, _noise: shifted(sounds, samples)

    clean: dict[tuple[str, float], Change] = {("clean", 0.0): lambda sounds, _noise: sounds}
    in_noise = {("snr", float(snr)): noise_at(snr) for snr in snrs}
    moved = {("shift", float(by)): later_by(round(by / 1000 * sfreq)) for by in shifts}
    return clean | in_noise | moved


def _noise(seed: int, name: str, shape: Sequence[int]) -> "Tensor":
    """Draw an example's noise, float32."""
    import torch

    digest = hashlib.sha256(f"{seed} {name}".encode()).digest()
    draw = np.random.default_rng(int.from_bytes(digest[:8], "little"))
    return torch.from_numpy(draw.standard_normal(tuple(shape), dtype=np.float32))


def _condition(split: str, condition: str, value: float, n: int, correct: int) -> Condition:
    found = wilson(correct, n)
    accuracy, (low, high) = found.value or 0.0, found.interval or (0.0, 1.0)
    return Condition(split, condition, value, n, correct, accuracy, low, high)
