"""The page of a run: layout and figures; every number comes from what the run holds."""

from layerscope.report.page import page

__all__ = ["page"]
