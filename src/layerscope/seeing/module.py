"""A network of the user's own: the module that a function in one of their files returns."""

from layerscope.nets.function import load_module

__all__ = ["load_module"]
