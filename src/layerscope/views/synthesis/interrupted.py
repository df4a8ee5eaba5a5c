"""Ctrl-C in a long ascent: what is finished goes with the exception."""

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
