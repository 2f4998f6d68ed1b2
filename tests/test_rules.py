"""Every rule drops what its row says it must, keeps what it must keep, and docs/rules.md shows the table."""

from __future__ import annotations

import pytest

from streams.document import Document
from streams.prepare.measure import measure
from streams.prepare.rules import RULES, Rule, RuleInput, judge
from streams.prepare.texts import judged
from streams.recipe import Recipe
from tests.rules_page import PAGE, made

CASES = [(r, d, True) for r in RULES for d in r.drops] + [(r, d, False) for r in RULES for d in r.keeps]


def seen(document: Document) -> RuleInput:
    text = judged(document)
    return RuleInput(document, text, measure(text))


@pytest.mark.parametrize(("rule", "document", "drops"), CASES, ids=lambda v: v.name if isinstance(v, Rule) else "")
def test_a_rule_does_what_its_row_says(rule: Rule, document: Document, drops: bool) -> None:
    assert (rule.check(seen(document), Recipe()) is not None) == drops


def test_every_rule_has_something_that_it_drops() -> None:
    assert [r.name for r in RULES if not r.drops] == ["language"]


def test_language_is_dropped_when_the_recipe_names_others() -> None:
    document = next(r for r in RULES if r.name == "licence").keeps[0]
    verdict = judge(seen(document), Recipe(languages=("go",)))
    assert verdict is not None and verdict.rule == "language"


def test_a_verdict_does_not_depend_on_what_came_before() -> None:
    forwards = [judge(seen(d), Recipe()) for _, d, _ in CASES]
    backwards = [judge(seen(d), Recipe()) for _, d, _ in reversed(CASES)]
    assert forwards == backwards[::-1]


def test_the_documentation_has_the_table() -> None:
    assert made(PAGE.read_text()) == PAGE.read_text(), "run `python -m tests.rules_page`"
