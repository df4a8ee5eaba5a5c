"""Inputs made by ascent: how one is written down, varied, judged and improved step by step."""
