"""The default recipe with changes, for the tests."""

from __future__ import annotations

from typing import Any

from streams.prepare.recipes.reading import resolve
from streams.prepare.recipes.recipe import Recipe
from streams.recipe import RecipeSettings


def default(**rules: dict[str, Any]) -> Recipe:
    """`default(too_small={"chars": 0})`."""
    return resolve(RecipeSettings(rules=rules))
