"""Ctrl-C in long work: what is finished goes with the exception."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from layerscope.allocator import kept_memory
from layerscope.views.trace import Trace
from layerscope.views.view import View


class Interrupted(KeyboardInterrupt):
    """Ctrl-C came; `views` holds the views that were finished, and of the last one its part.

    >>> try:
    ...     raise Interrupted({})
    ... except KeyboardInterrupt as stopped:
    ...     stopped.views
    {}
    """

    def __init__(self, views: dict[str, View]) -> None:
        super().__init__(f"interrupted; .views holds the {len(views)} views that were made")
        self.views = views


def each_layer(layers: Iterable[str], one: Callable[[str], View]) -> dict[str, View]:
    """Make the view of one layer after the other; `Interrupted` holds the finished layers."""
    views: dict[str, View] = {}
    try:
        for layer in layers:
            views[layer] = one(layer)
    except KeyboardInterrupt:
        raise Interrupted(views) from None
    return views


def each_example(
    trace: Trace, one: Callable[[int], None], made: Callable[[], dict[str, View]]
) -> dict[str, View]:
    """Work on one example after the other; `Interrupted` holds the views of the finished ones.

    Args:
        trace: the recorded batch.
        one: works on the example of that row.
        made: makes the views of what is there; only the finished examples of them are kept.

    """
    done = 0
    try:
        with kept_memory():
            for row in range(len(trace.examples)):
                one(row)
                done += 1
    except KeyboardInterrupt:
        views = made() if done else {}
        raise Interrupted({name: first_of(view, done) for name, view in views.items()}) from None
    return made()


def first_of(view: View, count: int) -> View:
    """Cut a view, whose first axis is "batch", to its first examples."""
    return replace(
        view,
        values=view.values[:count],
        unit=view.unit[:count] if isinstance(view.unit, np.ndarray) else view.unit,
        target=None if view.target is None else view.target[:count],
        about=view.about[:count],
        examples=view.examples[:count],
        quality={name: array[:count] for name, array in view.quality.items()},
    )
