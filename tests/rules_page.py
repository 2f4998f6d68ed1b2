"""The tables of docs/rules.md, made from the rules and the settings of `[recipe]`. `python -m tests.rules_page` writes
them."""

from __future__ import annotations

import ast
from dataclasses import fields
from itertools import pairwise

from streams.prepare.rules import RULES
from streams.recipe import Recipe
from tests.tree import ROOT

PAGE = ROOT / "docs" / "rules.md"
MARKS = {"rules": "<!-- rules -->", "settings": "<!-- settings -->"}
END = "<!-- end -->"


def rules() -> str:
    rows = [f"| `{r.name}` | {', '.join(r.kinds)} | {r.says} |" for r in RULES]
    return "\n".join(["| rule | kinds | drops when |", "|---|---|---|", *rows])


def settings() -> str:
    """Each field of Recipe with its default, as it stands in the source, and its docstring."""
    tree = ast.parse((ROOT / "streams/recipe.py").read_text())
    body = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "Recipe").body
    rows = ["| setting | default | means |", "|---|---|---|"]
    named = {f.name for f in fields(Recipe)}
    for field, says in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and field.target.id in named:
            assert isinstance(says, ast.Expr) and isinstance(says.value, ast.Constant) and field.value is not None
            text = " ".join(str(says.value.value).split())
            rows.append(f"| `{field.target.id}` | `{ast.unparse(field.value)}` | {text} |")
    return "\n".join(rows)


def made(page: str) -> str:
    """The page with both tables as they should be."""
    for name, table in (("rules", rules()), ("settings", settings())):
        before, _, rest = page.partition(MARKS[name])
        page = f"{before}{MARKS[name]}\n{table}\n{END}{rest.partition(END)[2]}"
    return page


if __name__ == "__main__":
    PAGE.write_text(made(PAGE.read_text()))
