"""Whom an epoch belongs to, and which split that puts it in: recording, session or subject."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from layerscope.data.recordings.epochs import Epochs
from layerscope.data.recordings.settings import RecordingsSettings
from layerscope.errors import LayerscopeError


def groups_of(epochs: Epochs, by: str) -> list[str]:
    """Name the group of each epoch: its recording, "SUBJECT/SESSION" or its subject.

    `by` is `data.recordings.split_by`; epochs that are split one by one belong to their recording.

    Raises:
        LayerscopeError: a recording does not say its subject or session.

    """
    if by in ("recording", "epoch"):
        return list(epochs.recordings)
    wanted = {"subject": ("subject",), "session": ("subject", "session")}[by]
    parts = [getattr(epochs, f"{key}s") for key in wanted]
    for key, names in zip(wanted, parts, strict=True):
        silent = sorted({r for r, n in zip(epochs.recordings, names, strict=True) if not n})
        if silent:
            raise LayerscopeError(
                f'split_by = "{by}": {len(silent)} recordings do not say their {key}, such as '
                f'{silent[0]}: set data.recordings.{key} to a regular expression as "s([0-9]+)"'
            )
    return ["/".join(names) for names in zip(*parts, strict=True)]


def named_splits(groups: Sequence[str], settings: RecordingsSettings) -> list[str]:
    """Name the split of each epoch where the study names its group; "" where it is to be drawn.

    >>> asked = RecordingsSettings(test_groups=["s1/*"])
    >>> named_splits(["s1/a", "s2/a"], asked)
    ['test', '']

    Raises:
        LayerscopeError: a name or pattern fits no group, or a group is in two splits.

    """
    split_of: dict[str, str] = {}
    known = list(dict.fromkeys(groups))
    for split in ("val", "test"):
        for pattern in getattr(settings, f"{split}_groups"):
            fitting = [name for name in known if name == pattern or fnmatchcase(name, pattern)]
            if not fitting:
                raise LayerscopeError(
                    f'data.recordings.{split}_groups: "{pattern}" is no {settings.split_by}; there '
                    f"are {_listed(known)}"
                )
            for name in fitting:
                if split_of.setdefault(name, split) != split:
                    raise LayerscopeError(
                        f"data.recordings: {name} is in val_groups and in test_groups"
                    )
    return [split_of.get(name, "") for name in groups]


def folds_of(groups: Sequence[str], folds: int | None) -> list[list[str]]:
    """Share the groups among the folds of a cross-validation; None: a fold for each group.

    The largest groups are dealt first, each to the fold that has the fewest epochs.

    >>> folds_of(["a", "a", "a", "b", "b", "c"], 2)
    [['a'], ['b', 'c']]

    Raises:
        LayerscopeError: there are fewer groups than folds.

    """
    names = list(dict.fromkeys(groups))
    wanted = len(names) if folds is None else folds
    if len(names) < max(wanted, 2):
        raise LayerscopeError(
            f"a cross-validation of {wanted} folds over {len(names)} groups ({_listed(names)}): "
            "there must be as many groups as folds, and two at least"
        )
    sizes = {name: list(groups).count(name) for name in names}
    dealt: list[list[str]] = [[] for _ in range(wanted)]
    if folds is None:
        return [[name] for name in names]
    for name in sorted(names, key=lambda name: -sizes[name]):
        min(dealt, key=lambda fold: sum(sizes[each] for each in fold)).append(name)
    return [sorted(fold, key=names.index) for fold in dealt]


def _listed(names: Sequence[str], most: int = 12) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest
