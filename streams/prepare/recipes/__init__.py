"""Recipes: which rules judge which documents, with which parameters."""
