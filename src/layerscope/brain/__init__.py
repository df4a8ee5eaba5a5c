"""Layers against brains, and what a network uses of a recording: arrays in, tables out."""
