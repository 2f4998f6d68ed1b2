"""Every rule drops what its row says it must, keeps what it must keep, and docs/rules.md shows the table."""

from __future__ import annotations

import pickle

import pytest

from model import grammars
from model.grammars import MAX_NESTING, UNPARSED, nesting
from streams.document import Document, Project
from streams.prepare.recipes import edits
from streams.prepare.recipes.reading import recipe, shipped
from streams.prepare.rules.examples import file
from streams.prepare.rules.origin import LanguageParameters
from streams.prepare.rules.projects import MainParameters
from streams.prepare.rules.rule import Rule, RuleInput
from streams.prepare.rules.table import MODULES, RULES
from streams.prepare.syntax import parse
from streams.prepare.texts import judged
from streams.prepare.words import words
from tests.rules_page import PAGE, made
from tests.support.documents.recipes import default

CASES = [(r, d, True) for r in RULES.values() for d in r.drops] + [
    (r, d, False) for r in RULES.values() for d in r.keeps
]


def seen(document: Document) -> RuleInput:
    return RuleInput(document, judged(document))


@pytest.mark.parametrize(("rule", "document", "drops"), CASES, ids=lambda v: v.name if isinstance(v, Rule) else "")
def test_a_rule_does_what_its_row_says(rule: Rule, document: Document, drops: bool) -> None:
    _, reason = rule.check(seen(document), rule.example_parameters)
    assert bool(reason) == drops


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.name)
def test_every_rule_has_examples_both_ways_of_its_own_kinds(rule: Rule) -> None:
    assert rule.drops or rule.name == "findings"  # by a file that its own test writes
    assert rule.keeps or rule.name == "sample"
    assert all(document.kind in rule.kinds for document in (*rule.drops, *rule.keeps))


def test_no_two_rules_have_one_name() -> None:
    names = [rule.name for module in MODULES for rule in module.RULES]
    assert len(set(names)) == len(names) == len(RULES)


@pytest.mark.parametrize("name", shipped())
def test_a_recipe_goes_to_another_process_whole(name: str) -> None:
    again = pickle.loads(pickle.dumps(recipe(name)))
    assert again == recipe(name) and again.says.endswith(".") and again.source
    assert all(step.rule is RULES[step.rule.name] for step in again.steps)


def test_a_language_that_the_recipe_does_not_name_is_dropped() -> None:
    document = RULES["licence"].keeps[0]
    verdict = default(language={"names": ["go"]}).judge(seen(document))
    assert verdict is not None and verdict.rule == "language"
    assert LanguageParameters(("go",), unknown=True).kept == {"go", ""}


@pytest.mark.parametrize("name", shipped())
def test_a_verdict_does_not_depend_on_what_came_before(name: str) -> None:
    forwards = [recipe(name).judge(seen(d)) for _, d, _ in CASES]
    backwards = [recipe(name).judge(seen(d)) for _, d, _ in reversed(CASES)]
    assert forwards == backwards[::-1]
    assert any(forwards)


def test_main_languages_are_named_as_their_host_names_them() -> None:
    rule = RULES["main_language"]
    for name, is_kept in (("C#", True), ("Makefile", True), ("Go", False)):
        document = file("x")
        document.project = Project(language=name)
        assert (rule.check(seen(document), MainParameters(("C#", "Makefile")))[1] == "") == is_kept


def test_the_documentation_has_the_table() -> None:
    assert made(PAGE.read_text()) == PAGE.read_text(), "run `python -m tests.rules_page`"


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("python", "(" * 100_000), ("html", "<a>" * 60_000), ("yaml", "\n".join(" " * n + "a:" for n in range(490))),
        ("markdown", "> " * 60_000), ("c", "!-" * 60_000), ("javascript", " " * 60_000 + "x"), ("python", ""),
    ],
)  # fmt: skip
def test_what_is_too_deep_for_a_grammar_is_not_parsed(language: str, text: str) -> None:
    assert parse(text, language) is None or not text
    assert nesting(text.encode()) > MAX_NESTING or language in UNPARSED or not text


def test_written_code_is_parsed() -> None:
    deep = "".join(f"{' ' * 4 * n}if a[{n}]:\n" for n in range(40)) + " " * 160 + "pass\n" + "# " + "-" * 200 + "\n"
    tree = parse(deep, "python")
    assert tree is not None and not tree.broken and nesting(deep.encode()) < 300


def test_a_parse_that_takes_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grammars, "MAX_S", 0.0)
    text = "x = f(a, b)\n" * 4_000
    assert parse(text, "python") is None
    monkeypatch.setattr(grammars, "MAX_S", 60.0)
    assert parse(text, "python") is not None


HOSTILE = ("<script w w\n", "<!-- w w\n", "main(", "<a w\n", ".", "# " + " " * 90, "<w ", "/**/")
HOSTILE_FILES = (
    ("a.html", "html"), ("a.c", "c"), ("a.md", "markdown"), ("a.py", "python"), ("a.js", "javascript"),
)  # fmt: skip


@pytest.mark.parametrize("unit", HOSTILE)
@pytest.mark.parametrize("kind", HOSTILE_FILES)
def test_hostile_texts_are_judged_in_time(unit: str, kind: tuple[str, str]) -> None:
    """Quadratic time would take hours."""
    document = file(unit * (400_000 // len(unit)), *kind)
    for name in ("html_text", "mains", "links", "sentences", "not_english", "words_of_text"):
        if name in RULES:
            RULES[name].check(seen(document), RULES[name].parameters())
    edits.apply(document, (("commented_out", edits.CommentedParameters()),))


def test_words_keep_the_marks_of_their_letters() -> None:
    assert words("संख्याएँ गिनो") == ["संख्याएँ", "गिनो"]
    assert words("编译 a_1") == ["编", "译", "a_1"]
