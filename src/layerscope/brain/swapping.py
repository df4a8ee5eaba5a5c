"""Band swapping: what is lost when one band's Fourier coefficients come from another trial."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from layerscope.brain.bands import Band, masks
from layerscope.brain.contributions import known_sfreq
from layerscope.brain.epochs import Epochs
from layerscope.brain.nulls import p_value, permuted_labels
from layerscope.errors import LayerscopeError
from layerscope.progress import bar
from layerscope.tape import eager, untouched
from layerscope.views import Scope, Trace

#: Epochs shown to the network together.
TOGETHER = 128


@dataclass(frozen=True, eq=False)
class Swapped:
    """What swapping one band between epochs of a recording did, draw by draw.

    Attributes:
        band: the band.
        accuracy: the balanced accuracy without a swap.
        accuracies: with it, `(draw,)`.
        margin: the mean margin of the true class without a swap, in its standard deviations.
        margins: with it, `(draw,)`.
        pull: how far the output goes over to the donor's class: the donor class's margin less
            its mean over the receiver's donors, in the same unit, on average.
        null: the same with the donors' labels permuted within recordings, `(permutation,)`; all
            bands that are swapped with one seed have the same permutations.
        p: of the pull, one-sided.
        layers: `{layer: (draw,)}`: how far the layer's answers move, as a share of how far they
            would move were the whole epoch exchanged; 0: the layer does not see the band.

    """

    band: Band
    accuracy: float
    accuracies: np.ndarray
    margin: float
    margins: np.ndarray
    pull: float
    null: np.ndarray
    p: float
    layers: dict[str, np.ndarray]

    @property
    def cost(self) -> tuple[float, float, float]:
        """The balanced accuracy lost, with the middle 95 % of the draws: mean, low, high."""
        lost = self.accuracy - self.accuracies
        low, high = np.quantile(lost, [0.025, 0.975])
        return float(lost.mean()), float(low), float(high)


def swap_band(
    scope: Scope,
    epochs: Epochs,
    band: Band,
    layers: str | Sequence[str] = (),
    *,
    draws: int = 100,
    layer_draws: int = 5,
    permutations: int = 1000,
    seed: int = 0,
) -> Swapped:
    """Swap one band between epochs of the same recording, again and again.

    Amplitudes and phases of the band, of all channels together, come from another epoch, the
    donor; everything else stays. What the band tells of the class is then the donor's.

    Args:
        scope: with `sfreq`.
        epochs: what is swapped among; epochs alone in their recording are left out.
        band: the band.
        layers: layers whose answers are compared in the first `layer_draws` draws.
        draws: how often each epoch gets a donor.
        layer_draws: see `layers`.
        permutations: of the donors' labels.
        seed: of the donors and the permutations.

    Raises:
        LayerscopeError: no recording has two epochs, or the scope has no `sfreq`.

    """
    epochs = _with_partners(epochs)
    donors = draw_donors(epochs.groups, draws, seed)
    own = band_part(epochs.signals, band, known_sfreq(scope))
    rest = epochs.signals - own
    with bar(f"swapping {band.name}", draws, "passes") as step:
        like = scope.trace(epochs.signals[:1])
        before, after = logits_of(scope, epochs.signals, like), []
        for row in donors:
            after.append(logits_of(scope, rest + own[torch.from_numpy(row)], like))
            step()
    moved = {}
    if layers:
        moved = _moved(scope, epochs, rest, own, donors[:layer_draws], layers)
    return _measured(band, epochs, donors, before, np.stack(after), moved, permutations, seed)


def draw_donors(groups: Sequence[str], draws: int, seed: int) -> np.ndarray:
    """Draw for each epoch another one of its recording: int64 (draw, N), never itself.

    In each draw every epoch gives once: a cycle through its recording, in a random order.

    >>> draw_donors(["a", "a", "b", "b"], 2, 0).tolist()
    [[1, 0, 3, 2], [1, 0, 3, 2]]
    """
    names, random = np.asarray(groups), np.random.default_rng(seed)
    found = np.empty((draws, len(names)), dtype=np.int64)
    for name in np.unique(names):
        places = np.flatnonzero(names == name)
        for row in found:
            order = random.permutation(places)
            row[order] = np.roll(order, 1)
    return found


def band_part(signals: Tensor, band: Band, sfreq: float) -> Tensor:
    """Give the part of signals `(..., time)` that lies in a band, as signals."""
    samples = signals.shape[-1]
    held = torch.from_numpy(masks([band], samples, sfreq)[0])
    return torch.fft.irfft(torch.fft.rfft(signals) * held, n=samples)


def _with_partners(epochs: Epochs) -> Epochs:
    """Leave out the epochs that are alone in their recording."""
    names, count = np.unique(np.asarray(epochs.groups), return_counts=True)
    alone = set(names[count < 2].tolist())
    if len(alone) == len(names):
        raise LayerscopeError(
            f"{len(epochs)} epochs of {len(names)} recordings: swapping needs two of one recording"
        )
    return epochs.at(np.array([n for n, name in enumerate(epochs.groups) if name not in alone]))


def logits_of(scope: Scope, signals: Tensor, like: Trace | None = None) -> np.ndarray:
    """Show signals to the network, a part at a time: logits `(N, class)`.

    Of a network that ends in a softmax the logarithm, which differs by a constant. `like` is a
    trace of such a signal, by which that is known; None: one is made.
    """
    like = scope.trace(signals[:1]) if like is None else like
    softmax = bool(like.notes)
    device = like.tape.input.tensor.device
    parts = []
    with untouched(eager(scope.model)) as model:
        for part in signals.split(TOGETHER):
            told = model(part.to(device, like.tape.input.tensor.dtype))
            told = told if scope.output is None else told[scope.output]
            parts.append(told.clamp(min=1e-30).log() if softmax else told)
    return torch.cat(parts).float().cpu().numpy()


def _moved(
    scope: Scope,
    epochs: Epochs,
    rest: Tensor,
    own: Tensor,
    donors: np.ndarray,
    layers: str | Sequence[str],
) -> dict[str, np.ndarray]:
    """Measure how far each layer's answers move: `{layer: (draw,)}`.

    The squared distance that the swap moves them, over the mean squared distance between two
    epochs of a recording, which is twice the variance within it.
    """
    spread: dict[str, _Variance] = {}
    moved: dict[str, np.ndarray] = {}
    names, together = np.asarray(epochs.groups), max(1, TOGETHER // 4)
    for part in epochs.parts(together):
        trace = scope.trace(epochs.signals[part])
        wanted = ["input", *(n for n in trace.layer_names(layers) if n != "input")]
        before = {name: _answers(trace, name) for name in wanted}
        trace.tape.release()
        for name, values in before.items():
            spread.setdefault(name, _Variance()).add(values, names[part])
        for draw, row in enumerate(donors):
            other = scope.trace(rest[part] + own[torch.from_numpy(row[part])])
            for name in wanted:
                far = (_answers(other, name) - before[name]).double().square().sum()
                moved.setdefault(name, np.zeros(len(donors)))[draw] += float(far)
            other.tape.release()
    return {name: each / max(spread[name].between_pairs(), 1e-30) for name, each in moved.items()}


def _answers(trace: Trace, name: str) -> Tensor:
    """Give what a layer answers, flat: `(B, features)`."""
    value = trace.tape.input if name == "input" else trace.value(name)
    return value.tensor.flatten(1).float()


class _Variance:
    """Sums by which the variance within each recording comes out, a part at a time."""

    def __init__(self) -> None:
        self.squares: dict[str, float] = {}
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}

    def add(self, values: Tensor, names: np.ndarray) -> None:
        """Take in the answers `(B, features)` of epochs of some recordings."""
        for name in np.unique(names):
            own = values[torch.from_numpy(names == name)].double()
            self.squares[name] = self.squares.get(name, 0.0) + float(own.square().sum())
            self.sums[name] = self.sums.get(name, 0) + own.sum(0)
            self.counts[name] = self.counts.get(name, 0) + len(own)

    def between_pairs(self) -> float:
        """Sum, over the epochs, the mean squared distance to the others of their recording."""
        total = 0.0
        for name, count in self.counts.items():
            scatter = self.squares[name] - float(self.sums[name].square().sum()) / count
            total += 2 * scatter * count / (count - 1)
        return total


def _measured(
    band: Band,
    epochs: Epochs,
    donors: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    moved: dict[str, np.ndarray],
    permutations: int,
    seed: int,
) -> Swapped:
    labels = epochs.labels
    plain = margins(before, labels)
    scale = max(float(plain.std()), 1e-30)
    pulled = _pulled(after, donors) / scale
    shuffled = permuted_labels(labels, epochs.groups, permutations, seed)
    every = np.arange(len(labels))
    pull, null = float(pulled[every, labels].mean()), pulled[every, shuffled].mean(axis=1)
    return Swapped(
        band=band,
        accuracy=_balanced(before, labels),
        accuracies=np.array([_balanced(row, labels) for row in after]),
        margin=float(plain.mean() / scale),
        margins=np.array([margins(row, labels).mean() for row in after]) / scale,
        pull=pull,
        null=null,
        p=float(p_value(pull, null)),
        layers=moved,
    )


def _pulled(after: np.ndarray, donors: np.ndarray) -> np.ndarray:
    """Give how far each donor pulls towards each class, `(donor, class)`, a mean over receivers.

    Of each receiver its mean over the draws is taken away, so that what it tells itself does not
    count.
    """
    classes = after.shape[2]
    every = (after - after.mean(axis=2, keepdims=True)) * (classes / max(1, classes - 1))
    own = every - every.mean(axis=0)  # (draw, receiver, class)
    pulled = np.zeros(after.shape[1:])
    for row, each in zip(donors, own, strict=True):
        pulled[row] += each
    return pulled / len(donors)


def margins(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Give the true class's logit less the mean of the others, `(N,)`."""
    rows, classes = np.arange(len(labels)), logits.shape[1]
    own = logits[rows, labels]
    return own - (logits.sum(axis=1) - own) / max(1, classes - 1)


def _balanced(logits: np.ndarray, labels: np.ndarray) -> float:
    right = logits.argmax(axis=1) == labels
    return float(np.mean([right[labels == label].mean() for label in np.unique(labels)]))
