"""Backward rules, one family a file, and the composites that choose among them."""

from layerscope.views.rules.composites import COMPOSITES, RELEVANCE_RULES, RelevanceRules

__all__ = ["COMPOSITES", "RELEVANCE_RULES", "RelevanceRules"]
