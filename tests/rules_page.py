"""The tables of docs/rules.md, made from the rules, the recipes and the settings of `[recipe]`. `python -m
tests.rules_page` writes them."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import fields
from itertools import pairwise

from model.languages import LANGUAGES
from streams.prepare.recipes.edits import EDITS
from streams.prepare.recipes.reading import recipe, shipped
from streams.prepare.recipes.recipe import Lengths, Recipe, Step
from streams.prepare.rules.rule import NoParameters
from streams.prepare.rules.table import RULES
from streams.recipe import RecipeSettings
from tests.tree import ROOT

PAGE = ROOT / "docs" / "rules.md"
END = "<!-- end -->"


def documented(cls: type) -> Iterator[tuple[str, str, str]]:
    """Each field of a dataclass with its default, as it stands in the source, and its docstring."""
    (node,) = ast.parse(inspect.getsource(cls)).body
    assert isinstance(node, ast.ClassDef)
    named = {f.name for f in fields(cls)}
    for field, says in pairwise(node.body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and field.target.id in named:
            assert isinstance(says, ast.Expr) and isinstance(says.value, ast.Constant) and field.value is not None
            yield field.target.id, ast.unparse(field.value), " ".join(str(says.value.value).split())


def rules() -> str:
    rows = [f"| `{r.name}` | {', '.join(r.kinds)} | {r.says} |" for r in RULES.values()]
    return "\n".join(["| rule | kinds | drops when |", "|---|---|---|", *rows])


def parameters() -> str:
    rows = [
        f"| `{rule.name}` | `{name}` | `{default}` | {says} |"
        for rule in RULES.values()
        if rule.parameters is not NoParameters
        for name, default, says in documented(rule.parameters)
    ]
    return "\n".join(["| rule | parameter | default | means |", "|---|---|---|---|", *rows])


def edits() -> str:
    rows = [
        f"| `{edit.name}` | {edit.says} | {', '.join(f'`{n}` {d}: {s}' for n, d, s in documented(edit.parameters))} |"
        for edit in EDITS.values()
    ]
    return "\n".join(["| edit | does | parameters |", "|---|---|---|", *rows])


def settings(cls: type) -> str:
    rows = [f"| `{name}` | `{default}` | {says} |" for name, default, says in documented(cls)]
    return "\n".join(["| setting | default | means |", "|---|---|---|", *rows])


def recipes() -> str:
    return "\n\n".join(map(section, map(recipe, shipped())))


def section(made: Recipe) -> str:
    lines = [f"### {made.name}", "", made.says, "", f"Source: {made.source}.", ""]
    lines += [f"* {difference}" for difference in made.differs]
    lines += [""] * bool(made.differs)
    return "\n".join([*lines, "| step | where | parameters |", "|---|---|---|", *map(row, made.steps)])


def row(step: Step) -> str:
    name = f"`{step.name}`" + (f" ({step.rule.name})" if step.name != step.rule.name else "")
    where = [", ".join(step.kinds)] if step.kinds != step.rule.kinds else []
    where += [shown(step.languages)] if step.languages is not None else []
    where += [f"not {shown(step.exempt)}"] if step.exempt else []
    values = [f"{f.name} {told(getattr(step.parameters, f.name))}" for f in fields(step.parameters)]
    values += [f"rate {step.rate:g}"] if step.rate < 1 else []
    return f"| {name} | {'; '.join(where)} | {', '.join(values)} |"


def shown(languages: frozenset[str]) -> str:
    return ", ".join(sorted(languages))


def told(value: object) -> str:
    if isinstance(value, tuple | list | dict):
        return str(value) if isinstance(value, dict) else ", ".join(map(str, value)) or "none"
    return f"{value:,}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def languages() -> str:
    rows = [
        f"| `{each.name}` | {' '.join(f'.{end}' for end in each.extensions.split())} | {each.names} "
        f"| {each.interpreters} |"
        for each in sorted(LANGUAGES, key=lambda each: each.name)
    ]
    return "\n".join(["| language | extensions | whole names | interpreters |", "|---|---|---|---|", *rows])


TABLES = {
    "rules": rules,
    "parameters": parameters,
    "edits": edits,
    "recipes": recipes,
    "settings": lambda: settings(RecipeSettings),
    "lengths": lambda: settings(Lengths),
    "languages": languages,
}


def made(page: str) -> str:
    """The page with every table as it should be."""
    for name, table in TABLES.items():
        before, mark, rest = page.partition(f"<!-- {name} -->")
        assert mark, f"docs/rules.md lacks <!-- {name} -->"
        page = f"{before}{mark}\n{table()}\n{END}{rest.partition(END)[2]}"
    return page


if __name__ == "__main__":
    PAGE.write_text(made(PAGE.read_text()))
