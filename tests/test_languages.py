"""The one table of languages: every name has a grammar that exists, or is listed as without; nothing stands twice."""

from __future__ import annotations

from collections import Counter

import pytest
from tree_sitter_language_pack import get_parser

from model.languages import LANGUAGES, TITLES, grammar, headed, script


@pytest.mark.parametrize("name", [language.name for language in LANGUAGES] + list(TITLES))
def test_a_language_has_a_grammar_or_is_listed_as_without(name: str) -> None:
    parser = grammar(name)
    if parser is not None:
        get_parser(parser)  # type: ignore[arg-type]


@pytest.mark.parametrize("column", ["extensions", "names", "interpreters", "headed", "kernels"])
def test_nothing_stands_in_two_rows(column: str) -> None:
    times = Counter(word for language in LANGUAGES for word in getattr(language, column).split())
    assert [word for word, n in times.items() if n > 1] == []


def test_what_has_a_head_or_a_script_has_a_comment() -> None:
    assert all(language.comment for language in LANGUAGES if language.headed or language.script or language.title)
    assert headed("rs") is not None and headed("mjs") is None
    assert (script("julia").script, script("brainfuck").script) == ("jl", "txt")
