"""`midstream recipes`: the shipped recipes, and what two of them do to the same documents."""

from midstream.recipes.command import recipes
from midstream.recipes.trying import compare, review, scores

__all__ = ["compare", "recipes", "review", "scores"]
