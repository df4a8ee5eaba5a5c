"""What a sweep trains next, as a pure function of what is there: all, or by halving."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from layerscope.training.sweep.settings import HalvingSettings


@dataclass(frozen=True)
class Standing:
    """How far a setting has come: `scores` is its mean over the seeds, after so many epochs.

    `finished`: all its trials have their full budget; `failed`: one of them cannot go on.
    """

    number: int
    scores: Mapping[int, float] = field(default_factory=dict)
    finished: bool = False
    failed: bool = False


@dataclass(frozen=True)
class Plan:
    """Numbers of settings to train, in order, each until an epoch (None: its end); and `stopped`.

    Where halving does not wait (ASHA), a setting that is stopped may go on later.
    """

    todo: tuple[tuple[int, int | None], ...]
    stopped: frozenset[int] = frozenset()


def plan(
    standings: Sequence[Standing], halving: HalvingSettings | None, epochs: Mapping[int, int]
) -> Plan:
    """Say what is to be trained; `epochs` is the full number of each setting.

    >>> standings = [Standing(0, {1: 0.5}), Standing(1, {1: 0.9}), Standing(2, {1: 0.7})]
    >>> plan(standings, HalvingSettings(first=1, factor=3), {0: 3, 1: 3, 2: 3})
    Plan(todo=((1, None),), stopped=frozenset({0, 2}))
    """
    if halving is None:
        return Plan(tuple((each.number, None) for each in standings if not each.finished))
    rungs = halving.rungs(min(epochs.values()))
    if halving.kind == "asha":
        return _asha(standings, rungs, halving.factor)
    return _successive(standings, rungs, halving.factor)


def _successive(standings: Sequence[Standing], rungs: Sequence[int], factor: int) -> Plan:
    """Halve when every setting that is left has reached the rung (Jamieson and Talwalkar 2016)."""
    alive = list(standings)
    stopped: set[int] = set()
    for rung in rungs:
        going = [each for each in alive if not each.failed]
        waiting = [each for each in going if rung not in each.scores]
        if waiting:
            return Plan(tuple((each.number, rung) for each in waiting), frozenset(stopped))
        kept = _best(going, rung)[: math.ceil(len(alive) / factor)]
        stopped |= {each.number for each in going} - {each.number for each in kept}
        alive = kept
    todo = [each for each in alive if not each.failed and not each.finished]
    return Plan(tuple((each.number, None) for each in todo), frozenset(stopped))


def _asha(standings: Sequence[Standing], rungs: Sequence[int], factor: int) -> Plan:
    """Promote whenever a setting is among the best of its rung so far (Li et al. 2020)."""
    going = [each for each in standings if not each.failed]
    if not rungs:
        return Plan(tuple((each.number, None) for each in going if not each.finished))
    started = all(rungs[0] in each.scores for each in going)
    todo: list[tuple[int, int | None]] = []
    for place in reversed(range(len(rungs))):
        after = rungs[place + 1] if place + 1 < len(rungs) else None
        here = [each for each in going if rungs[place] in each.scores]
        share = len(here) / factor
        best = _best(here, rungs[place])[: math.ceil(share) if started else math.floor(share)]
        todo += [(each.number, after) for each in best if not _passed(each, after)]
    todo += [(each.number, rungs[0]) for each in going if rungs[0] not in each.scores]
    promoted = {number for number, _ in todo} | {each.number for each in going if each.finished}
    return Plan(tuple(todo), frozenset(each.number for each in going) - promoted)


def _passed(standing: Standing, rung: int | None) -> bool:
    return standing.finished if rung is None else standing.finished or rung in standing.scores


def _best(standings: Sequence[Standing], rung: int) -> list[Standing]:
    """Sort by the score at a rung, the best first; equals by their number."""
    return sorted(standings, key=lambda each: (-each.scores[rung], each.number))
