"""From a run, or a module of the user's, to a folder of views."""

from layerscope.seeing.settings import ViewsSettings

__all__ = ["ViewsSettings"]
